"""Fit the gate: which texts the model that ships translates better than the lexicon does."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sdjp.errors import SdjpError
from sdjp.text.normalize import normalize
from sdjp.text.translate.combined import EMBEDDED
from sdjp.text.translate.frames import unframed
from sdjp.text.translate.gate import TABLE, Feature, features, table
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp.text.translate.marian import MarianTranslator
from sdjp_training.translator import pairs, scores

log = logging.getLogger(__name__)

_Numbers = npt.NDArray[np.float64]
_STEPS: Final = 4_000
_DECAY: Final = 0.02
_HELD: Final = 0.25
"""Share of the texts that the figures are of, and that the weights are not fitted on."""
_PROMPTS_COUNT: Final = 8.0
"""What a prompt counts beside a sentence: prompts are what people write here."""


class Compared(NamedTuple):
    """A text, what it is, and by how much the model's English is nearer to a person's, in chrF."""

    text: str
    prompt: bool
    lexicon: float
    model: float


def compare(prompts: Sequence[tuple[str, str]], sentences: Sequence[tuple[str, str]]) -> list[Compared]:
    """Translate texts by both.

    Args:
        prompts: Prompts and their English.
        sentences: What people say and tell, and its English.
    """
    lexicon, model = LexiconTranslator(), MarianTranslator(EMBEDDED, plain=True)
    found = []
    for rows, prompt in ((prompts, True), (sentences, False)):
        for ja, english in rows:
            text = unframed([normalize(ja)])[0].content
            known = scores.chrf([lexicon.translate([text])[0].english], [english])
            try:
                said = scores.chrf([model.translate([text])[0].english], [english])
            except SdjpError:
                said = 0.0
            found.append(Compared(text, prompt, known, said))
    return found


def fit(texts: Sequence[Compared], rows: Sequence[Feature]) -> list[Feature]:
    """The rows with the weights of a logistic regression, by gradient descent.

    A text counts by how much it matters who translates it.
    """
    x = np.array([features(of.text, rows) for of in texts])
    gain = np.array([of.model - of.lexicon for of in texts])
    better = (gain > 0).astype(np.float64)
    counts = np.abs(gain) / np.abs(gain).mean() * np.where([of.prompt for of in texts], _PROMPTS_COUNT, 1.0)
    decayed = np.array([0.0 if row.name == "any text" else _DECAY for row in rows])
    weights: _Numbers = np.zeros(len(rows))
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        weights -= x.T @ ((p - better) * counts) / len(texts) + decayed * weights
    return [row._replace(weight=round(float(w), 2)) for row, w in zip(rows, weights, strict=True)]


def figures(texts: Sequence[Compared], rows: Sequence[Feature]) -> str:
    """Mean chrF of prompts and of sentences by the lexicon, by the model, and as the gate chooses."""
    said = []
    for name, prompt in (("prompts", True), ("sentences", False)):
        part = [of for of in texts if of.prompt is prompt]
        chosen = [of.model if _score(of.text, rows) > 0 else of.lexicon for of in part]
        asked = sum(_score(of.text, rows) > 0 for of in part)
        means = (np.mean([of.lexicon for of in part]), np.mean([of.model for of in part]), np.mean(chosen))
        said.append(f"{name} {len(part)}: lexicon %.1f, model %.1f, gate %.1f (asked {asked})" % means)
    return "; ".join(said)


def train(prompts: Path, sentences: Path, *, count: int = 700, seed: int = 3) -> None:
    """Fit the weights of the table that ships, and log figures of texts that they were not fitted on.

    Args:
        prompts: Lines ``ja<TAB>en[<TAB>…]``, prompts that are for training.
        sentences: The same of sentences; those of the test split are left out.
        count: Texts of each to translate.
        seed: Of the choice.
    """
    rng = random.Random(seed)
    chosen = [rng.sample(_pairs(path), count) for path in (prompts, sentences)]
    texts = compare(*chosen)
    rng.shuffle(texts)
    held = texts[: int(len(texts) * _HELD)]
    rows = table()
    log.info("fitted on the rest: %s", figures(held, fit(texts[len(held) :], rows)))
    fitted = fit(texts, rows)
    head = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    lines = [*head, *(f"{row.name}\t{row.weight:g}\t{row.pattern}" for row in fitted)]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _score(text: str, rows: Sequence[Feature]) -> float:
    return sum(row.weight * value for row, value in zip(rows, features(text, rows), strict=True))


def _pairs(path: Path) -> list[tuple[str, str]]:
    lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [(ja, english) for ja, english, *_ in lines if not (pairs.is_test(ja) or pairs.is_test(english))]
