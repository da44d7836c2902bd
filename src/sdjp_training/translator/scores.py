"""BLEU and chrF of translations over a whole test set, 0 to 100, by sacrebleu (Post 2018) at its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdjp.errors import MissingDependencyError


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return BLEU: case counts, tokens are those of 13a, and smoothing is exponential."""
    return float(_sacrebleu().corpus_bleu(translations, [references]).score)


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """Return chrF2: n-grams of up to six characters, spaces left out."""
    return float(_sacrebleu().corpus_chrf(translations, [references]).score)


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
