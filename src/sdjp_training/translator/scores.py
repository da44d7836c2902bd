"""How near a translation comes to a reference: BLEU and chrF over a whole test set, as sacrebleu computes
them by default.

BLEU: Papineni et al. 2002, with the tokenization that sacrebleu names 13a. chrF: Popović 2015, character
n-grams up to six, recall counted twice.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

_ORDER: Final = 4
_CHARACTERS: Final = 6
_BETA: Final = 2.0
_RULES: Final = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return BLEU, 0 to 100."""
    matches, totals = [0] * _ORDER, [0] * _ORDER
    said = wanted = 0
    for translation, reference in zip(translations, references, strict=True):
        ours, theirs = _tokens(translation), _tokens(reference)
        said, wanted = said + len(ours), wanted + len(theirs)
        for n in range(1, _ORDER + 1):
            found, known = _grams(ours, n), _grams(theirs, n)
            matches[n - 1] += (found & known).total()
            totals[n - 1] += found.total()
    if not matches[0]:
        return 0.0
    log = 0.0
    missing = 1.0
    for match, total in zip(matches, totals, strict=True):
        if not total:
            return 0.0
        if not match:  # exponential smoothing: Chen & Cherry 2014, method 3
            missing *= 2
        log += math.log(match / total if match else 1 / (missing * total))
    brevity = min(0.0, 1 - wanted / said)
    return 100 * math.exp(brevity + log / _ORDER)


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return chrF, 0 to 100."""
    counts = [[0, 0, 0] for _ in range(_CHARACTERS)]  # of each order: matches, said, wanted
    for translation, reference in zip(translations, references, strict=True):
        ours, theirs = "".join(translation.split()), "".join(reference.split())
        for n, count in enumerate(counts, start=1):
            found, known = _grams(ours, n), _grams(theirs, n)
            count[0] += (found & known).total()
            count[1] += found.total()
            count[2] += known.total()
    used = [count for count in counts if count[1] and count[2]]
    if not used:
        return 0.0
    precision = sum(match / said for match, said, _ in used) / len(used)
    recall = sum(match / wanted for match, _, wanted in used) / len(used)
    if not precision + recall:
        return 0.0
    return 100 * (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def _tokens(text: str) -> list[str]:
    text = f" {text} "
    for pattern, spaced in _RULES:
        text = pattern.sub(spaced, text)
    return text.split()


def _grams(items: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(items[i : i + n]) for i in range(len(items) - n + 1))
