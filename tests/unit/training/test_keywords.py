"""Words without English: which they are, and that adapters are shown them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from sdjp_training.release import questions
from sdjp_training.scenes import emoji_names, japanese, keywords
from sdjp_training.scenes.artwork import Artwork

ROWS = [
    {"emoji": "🎋", "label": "七夕", "tags": ["竹", "短冊", "飾り"]},
    {"emoji": "🎏", "label": "こいのぼり", "tags": ["鯉のぼり", "飾り"]},
    {"emoji": "🐈\u200d⬛", "label": "黒猫", "tags": ["黒", "人"]},
    {"emoji": "🦴", "label": "骨", "tags": ["ほね"]},
]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages" / emoji_names.FOLDER / "ja"
    folder.mkdir(parents=True)
    (folder / "data.json").write_text(json.dumps(ROWS), encoding="utf-8")
    return tmp_path / "packages"


def test_words_of_one_concept_that_a_translation_does_not_draw(packages: Path, artwork_folder: Path) -> None:
    found = keywords.untranslatable(Artwork(artwork_folder), packages)
    assert "短冊" in found
    assert set(found.values()) == {"🎋"}
    for reason, word in {
        "two have it": "飾り",
        "it is its name": "竹",
        "it is translated": "鯉のぼり",
        "it is a colour": "黒",
        "it is anybody": "人",
        "that is no concept": "骨",
    }.items():
        assert word not in found, reason
    asked = questions.words_without_english(Artwork(artwork_folder), packages)
    assert {(q.prompt, *q.subjects) for q in asked} == set(found.items())


def test_there_are_none_without_names(tmp_path: Path, artwork_folder: Path) -> None:
    assert keywords.untranslatable(Artwork(artwork_folder), tmp_path) == {}


def test_they_are_read_as_the_name_of_the_concept(artwork_folder: Path) -> None:
    made = itertools.islice(japanese.pairs(Artwork(artwork_folder), 1, words={"短冊": "🎋"}), 400)
    said = [english for ja, english in made if "短冊" in ja]
    assert len(said) > 12
    assert all("bamboo" in english and "tanzaku" not in english for english in said)
