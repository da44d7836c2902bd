"""Who translates a text: the lexicon, or the model that ships.

The model is better at what people say and tell, the lexicon at what pictures are made of. Which of the two a
text is, a logistic regression says, over whether patterns are in the text. Its weights were fitted on texts
that both had translated, by which of them came nearer to a person's English (``python -m sdjp_training
gate``); see ``assets/translator/README.md`` for how well it does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

TABLE: Final = Path(str(files("sdjp"))) / "assets" / "translator" / "gate.tsv"
"""Name, weight and pattern of each feature; the one without a pattern is in every text."""


class Feature(NamedTuple):
    """A row of the table."""

    name: str
    weight: float
    pattern: str


def features(text: str, rows: Sequence[Feature]) -> list[float]:
    """1 for each row whose pattern is in ``text``, else 0; for ``length``, a fourth of its logarithm."""
    return [
        math.log(max(len(text), 1)) / 4 if row.name == "length" else float(bool(re.search(row.pattern, text)))
        for row in rows
    ]


@lru_cache(maxsize=1)
def table() -> tuple[Feature, ...]:
    """Read the rows of :data:`TABLE`."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return tuple(Feature(name, float(weight), pattern) for name, weight, pattern in cells)


def is_told(text: str) -> bool:
    """Whether a normalized text says or tells something, so that the model translates it better.

    Example:
        >>> is_told("彼女は昨日東京へ行った。"), is_told("赤い帽子をかぶった猫")
        (True, False)
    """
    rows = table()
    return sum(row.weight * value for row, value in zip(rows, features(text, rows), strict=True)) > 0
