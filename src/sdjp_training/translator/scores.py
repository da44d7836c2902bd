"""How near translations of a whole test set are to a person's, 0 to 100.

BLEU and chrF are those of sacrebleu (Post 2018) at its defaults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sdjp.errors import MissingDependencyError

_SMALL: Final = frozenset(
    """
    a an the of in on at to and or with by for from is are was were be it its his her their this that as into
    over under out up down off no not without who which while
    """.split()
)


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return BLEU: case counts, tokens are those of 13a, and smoothing is exponential."""
    return float(_sacrebleu().corpus_bleu(translations, [references]).score)


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return chrF2: n-grams of up to six characters, spaces left out."""
    return float(_sacrebleu().corpus_chrf(translations, [references]).score)


def content(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return the share of the references' content words that the translations say: all but small words, each
    once a text, by their first five letters without a final s.

    Example:
        >>> content(["two cats in the snow"], ["a cat in the rain"])
        50.0
    """
    wanted = [_words(text) for text in references]
    said = sum(len(words & _words(text)) for words, text in zip(wanted, translations, strict=True))
    return 100 * said / max(sum(map(len, wanted)), 1)


def _words(text: str) -> set[str]:
    words = re.findall("[a-z0-9]{2,}", text.lower())
    return {word[:5].rstrip("s") for word in words if word not in _SMALL}


def _sacrebleu() -> Any:
    try:
        import sacrebleu
    except ImportError as error:
        raise MissingDependencyError(
            "training.sacrebleu",
            ja="翻訳の採点には sacrebleu が必要です。pip install 'sdjp[training]' を実行してください。",
            en="Scoring translations needs sacrebleu. Run: pip install 'sdjp[training]'",
        ) from error
    return sacrebleu
