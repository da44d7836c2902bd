"""What a small model knows, and what stands for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdjp
from sdjp import Pipeline
from sdjp.errors import WeightsError
from sdjp.text.neighbours import FILE, Words
from sdjp_training.scenes import words
from sdjp_training.scenes.artwork import Artwork, concepts
from sdjp_training.scenes.places import PLACES
from tests import strategies

WORDS = Words(
    known=frozenset(["two", "cat", "dog", "eagle", "red", "sea", "french", "fries", "glasses"]),
    neighbours={"husky": "dog", "falcon": "eagle", "killer whale": "seal", "potato": "French fries"},
)
ASSET = Path(sdjp.__file__).parent / "assets" / "mini" / FILE


@pytest.mark.parametrize(
    ("text", "nearest", "told"),
    [
        ("a red cat", "a red cat", ()),
        ("a falcon over the sea", "an eagle over the sea", (("falcon", "eagle"),)),
        ("A falcon", "An eagle", (("falcon", "eagle"),)),
        ("two huskies", "two dogs", (("huskies", "dogs"),)),
        ("a husky dog", "a dog", (("husky", "dog"),)),
        ("husky, dog", "dog, dog", (("husky", "dog"),)),
        ("killer whales", "seals", (("killer whales", "seals"),)),
        ("a potato", "French fries", (("potato", "French fries"),)),
        ("a sleeping cat", "a sleeping cat", (("sleeping", ""),)),
        ("夕焼け 🌇 42 (cat)", "夕焼け 🌇 42 (cat)", ()),
        ("", "", ()),
    ],
)
def test_what_stands_for_what(text: str, nearest: str, told: tuple[tuple[str, str], ...]) -> None:
    assert WORDS.nearest(text) == (nearest, told)


@given(st.text())
def test_nothing_but_words_is_touched(text: str) -> None:
    nearest, told = WORDS.nearest(text)
    if not any(instead for _, instead in told):
        assert nearest == text


@given(strategies.words_and_strangers)
def test_what_was_found_once_is_known_the_second_time(parts: list[str]) -> None:
    nearest, _ = WORDS.nearest(" ".join(parts))
    again, told = WORDS.nearest(nearest)
    assert again == nearest
    assert not any(instead for _, instead in told)


def test_the_table_that_ships_is_the_one_that_is_made(tmp_path: Path) -> None:
    words.write(tmp_path / FILE, Artwork(tmp_path))
    assert (tmp_path / FILE).read_text("utf-8") == ASSET.read_text("utf-8")


def test_what_stands_for_a_word_is_something_the_model_draws() -> None:
    names = {concept.names[0] for concept in concepts()} | {place.alone[0] for place in PLACES.values()}
    assert {instead for _, instead in words.neighbours()} <= names
    table = Words.read(ASSET)
    for name in names:
        assert table.nearest(name) == (name, ())


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WeightsError, match="UTF-8"):
        Words.read(tmp_path / FILE)


def test_the_embedded_model_says_what_it_never_saw(mini: Pipeline) -> None:
    info = mini.explain("ハイエナに乗る(盗賊:1.2)、夕焼け")
    assert "dog" in info.english
    assert "(a ninja:1.2)" in info.english or "(ninja:1.2)" in info.english
    assert ("hyena", "dog") in info.neighbours
    assert info.to_json()["neighbours"]["hyena"] == "dog"
    assert mini.explain("馬に乗る宇宙飛行士").neighbours == ()


def test_large_models_are_taken_to_know_everything(tiny: Pipeline) -> None:
    assert tiny.explain("シマウマ").english == "zebra"
    assert tiny.explain("シマウマ").neighbours == ()
