"""The gallery page is what its command writes, and has all its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_tutorial_says_what_its_picture_shows(lang: str) -> None:
    said = (DOCS / lang / "tutorial.md").read_text("utf-8")
    asked = [said.index(f'"{prompt}"') for prompt in gallery.TUTORIAL]
    assert asked == sorted(asked)
    assert f"rectangle({gallery.MASK}" in said


def test_strips_are_drawn_as_their_pages_say(mini: Pipeline) -> None:
    first, night, balloon = map(np.asarray, gallery.tutorial(mini))
    left, top, right, bottom = gallery.MASK
    changed = np.abs(first.astype(int) - balloon).mean(axis=2)
    outside = np.ones(changed.shape, bool)
    outside[top - 16 : bottom + 16, left - 16 : right + 16] = False  # a cell of the latent about it
    assert changed[outside].mean() < 3 < 10 < changed[~outside].mean()
    assert night.mean() < first.mean()  # it is dark at night
    picture, horse, astronaut = map(np.asarray, gallery.attention(mini))
    assert picture.shape == horse.shape == astronaut.shape
    assert np.abs(horse.astype(int) - astronaut).mean() > 1  # each looks elsewhere
