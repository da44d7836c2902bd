"""The tables of scenes: each row is drawn, and said in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdjp.text.script import is_japanese
from sdjp_training.scenes.artwork import LIST, concepts
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import BACKGROUNDS, PLACES, background
from sdjp_training.scenes.styles import STYLES
from sdjp_training.trainers import examples


def test_every_row_has_a_painter_and_every_painter_a_row() -> None:
    from sdjp_training.scenes import places

    assert set(places.PAINTERS) == set(PLACES)
    pictures = [background(name) for name in BACKGROUNDS]
    assert all(picture.shape == (256, 256, 3) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(BACKGROUNDS)


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_said_in_both_languages(name: str) -> None:
    place = PLACES[name]
    assert not any(map(is_japanese, (*place.english, *place.tags)))
    assert all(map(is_japanese, (*place.japanese, *place.japanese_tags, place.question)))
    assert "{}" in place.question


def test_all_ways_to_say_a_style_have_a_subject() -> None:
    for style in STYLES.values():
        assert all("{}" in way for way in (*style.english, *style.japanese, style.question))


def test_what_prompts_ask_for_most_is_shown_more_often() -> None:
    class Names:
        concepts = concepts()
        index = {c.emoji: i for i, c in enumerate(concepts)}  # noqa: RUF012

    def weight(*emojis: str, **scene: Any) -> float:
        return examples.weight(Scene(emojis=emojis, **scene), Names())  # type: ignore[arg-type]

    assert (weight("🐈"), weight("🐅"), weight("🐩")) == (9, 3, 1)
    assert weight("🐈", "🐅", layout="pair") == 3 * examples.WEIGHTS["pair"]
    assert weight("🐈", "🐩", layout="riding") == examples.WEIGHTS["riding"]
    assert weight("🐅", style="neon", layout="two") == 3
    assert weight(layout="empty") == examples.WEIGHTS["empty"] > 1
    assert weight("🐅", layout="left") == 3


def test_an_older_list_of_concepts_has_no_weights(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text("🐈\tcat\t猫\tanimal\n", encoding="utf-8")
    assert concepts(tmp_path)[0].weight == 1
    assert np.isfinite([c.weight for c in concepts()]).all()
