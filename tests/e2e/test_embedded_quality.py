"""The weights that ship draw what is asked for: floors a little below what was measured.

The judge was trained apart (``python -m sdjp.training judge``); all the figures are in the model card.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sdjp import Pipeline
from sdjp.training import evaluate, judge
from sdjp.training.artwork import Artwork
from sdjp.training.evaluate import PLACES_JA, Question

JUDGE = Path(__file__).parents[1] / "cases" / "judge.safetensors"
COMMON = ["🐈", "🐕", "🐼", "🐧", "🦊", "🐸", "🍎", "🍣", "🌸", "🌻", "🚗", "🚀", "🏯", "⛩️", "🗻", "🎈"]
PLACES = ["red", "blue", "yellow", "green", "night", "sky", "snow", "sunset", "grass", "space"]


def figures(translator: str) -> dict[str, float]:
    artwork = Artwork(Path())  # names alone; its drawings do not ship
    names = {c.emoji: c.japanese for c in artwork.concepts}
    asked = [Question(kind="single", prompt=names[e], subjects=(e,)) for e in COMMON]
    asked += [
        Question(kind="place", prompt=PLACES_JA[place].format(names[e]), subjects=(e,), place=place)
        for place, e in zip(PLACES, COMMON, strict=False)
    ]
    pipe = Pipeline.from_pretrained(translator=translator, watermark=False, safety="off")
    return evaluate.judged(judge.read(JUDGE), artwork, asked, evaluate.draw(pipe, asked))


@pytest.mark.parametrize(("translator", "subjects"), [("auto", 0.8), ("adapter", 0.6)])
def test_common_subjects_and_backgrounds_are_recognised(translator: str, subjects: float) -> None:
    seen = figures(translator)
    assert seen["top5"] >= subjects
    assert seen["place"] >= 0.8
