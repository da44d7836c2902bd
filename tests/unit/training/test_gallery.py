"""The gallery page is what its command writes, and has all its pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sdjp import Pipeline
from sdjp_training.release import gallery

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_page_is_the_one_that_is_made(lang: str, mini: Pipeline) -> None:
    prompts = [prompt for sheet in gallery.SHEETS for prompt in sheet.prompts]
    english = {info.source: info.english for info in mini.explain(prompts)}
    assert gallery.page(lang, english) == (DOCS / lang / "gallery.md").read_text("utf-8")


def test_every_sheet_has_a_picture_of_each_prompt() -> None:
    for sheet in gallery.SHEETS:
        rows = len(sheet.prompts) // sheet.columns
        assert rows * sheet.columns == len(sheet.prompts)
        with Image.open(DOCS / "img" / f"{sheet.name}.webp") as picture:
            cell = gallery.SIDE + 2  # with the lines between pictures
            assert picture.size == (sheet.columns * cell + 2, rows * cell + 2)
