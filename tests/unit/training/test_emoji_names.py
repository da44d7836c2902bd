"""The longer list of concepts: what it takes from the names of emojis, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sdjp_training.scenes import artwork, emoji_names, nouns
from sdjp_training.scenes.artwork import LIST, Artwork, concepts
from sdjp_training.scenes.people import PARTS

from .conftest import write_packages

GROUPS = {"groups": {"0": "people-body", "1": "food-drink", "2": "symbols"}}
SUBGROUPS = {"subgroups": {"0": "person", "1": "food-fruit", "2": "arrow", "3": "person-activity"}}
ROWS = [
    ("1FAD2", "🫒", 1, 1, 1, "olives", "オリーブ"),
    ("1F469-200D-1F9B0", "👩\u200d🦰", 1, 0, 0, "woman: red hair", "女性: 赤毛"),
    ("1F9D4", "🧔", 1, 0, 0, "person: beard", "あごひげの人"),
    ("1F408", "🐈\ufe0f", 1, 1, 1, "cat", "ネコ"),
    ("1F6B6-200D-27A1", "🚶\u200d➡\ufe0f", 1, 0, 3, "person walking: facing right", "歩く人: 右向き"),
    ("2B06", "⬆\ufe0f", 0, 2, 2, "up arrow", "上矢印"),
    ("1F965", "🥥", 1, 1, 1, "coconut", "ココナッツ"),
]
DRAWN = [row[1] for row in ROWS if row[1] != "🥥"]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    write_packages(folder, [*DRAWN, *PARTS])
    names = folder / emoji_names.FOLDER
    for lang, column in (("en", 5), ("ja", 6)):
        rows: list[dict[str, Any]] = [
            {
                "hexcode": r[0],
                "emoji": r[1],
                "type": r[2],
                "group": r[3],
                "subgroup": r[4],
                "label": r[column],
            }
            for r in ROWS
        ]
        (names / lang).mkdir(parents=True)
        (names / lang / "data.json").write_text(json.dumps(rows), encoding="utf-8")
    (names / "meta").mkdir()
    (names / "meta" / "groups.json").write_text(json.dumps({**GROUPS, **SUBGROUPS}), encoding="utf-8")
    return folder


def test_the_list_goes_on_after_the_shipped_one(packages: Path, tmp_path: Path) -> None:
    rendered = tmp_path / "artwork"
    assert emoji_names.write(packages, rendered / LIST) == len(concepts()) + 3
    every = Artwork(rendered).concepts
    assert every == concepts(rendered)
    assert every[: len(concepts())] == concepts()
    found = {c.emoji: (*c.names, c.japanese, c.kind) for c in every[len(concepts()) :]}
    assert found == {
        "🫒": ("olives", "オリーブ", "food"),
        "👩\u200d🦰": ("woman with red hair", "赤毛の女性", "person"),
        "🧔": ("person with a beard", "あごひげの人", "person"),
    }, "no cat twice, no arrow, no second direction, nothing that lacks a drawing"


def test_the_longer_list_is_rendered(packages: Path, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    rendered = tmp_path / "artwork"
    rendered.mkdir()
    (rendered / LIST).write_text("🫒\tolives\tオリーブ\tfood\n", encoding="utf-8")
    artwork.render(packages, rendered)
    assert Artwork(rendered).drawing("🫒").shape == (256, 256, 4)
    assert Artwork(rendered).drawing("🫒", "solid").any()
    (rendered / LIST).write_text("🥥\tcoconut\tココナッツ\tfood\n", encoding="utf-8")
    (rendered / "flat.npy").unlink()
    with pytest.raises(LookupError, match="🥥"):
        artwork.render(packages, rendered)


@pytest.mark.parametrize(
    ("noun", "one", "many"),
    [
        ("woman with red hair", "a woman with red hair", "women with red hair"),
        ("person walking", "a person walking", "people walking"),
        ("chopsticks", "chopsticks", "chopsticks"),
        ("octopus", "an octopus", "octopuses"),
        ("map of Japan", "a map of Japan", "maps of Japan"),
        ("potted plant", "a potted plant", "potted plants"),
    ],
)
def test_names_of_several_words(noun: str, one: str, many: str) -> None:
    assert nouns.article(noun) == one
    assert nouns.plural(noun) == many
