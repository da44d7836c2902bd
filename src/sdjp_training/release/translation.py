"""Measure the translator as it ships, and its model alone, on each set of texts apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sdjp.errors import TranslationError
from sdjp.text import read
from sdjp.text.translate import Translator, make_translator
from sdjp.text.translate.combined import EMBEDDED
from sdjp_training.translator import scores
from sdjp_training.translator.pairs import rows, test_set

FEW: Final = 10
"""A kind of fewer prompts has no figures of its own: it is among the others."""
OTHERS: Final = "others"


class Prompt(NamedTuple):
    """A prompt in the form that people type.

    Attributes:
        japanese: The prompt.
        english: What a text encoder is to read.
        kind: Such as ``"scene"``, ``"tags"`` or ``"request"``.
    """

    japanese: str
    english: str
    kind: str


def natural(path: Path) -> list[Prompt]:
    """The prompts of a table ``ja<TAB>en<TAB>kind``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Prompt(*line.split("\t")[:3]) for line in lines if line]


def english(texts: list[str], translator: Translator) -> list[str]:
    """English of all texts; "" where the translator can make nothing of one."""
    try:
        return read.to_english(texts, translator=translator)
    except TranslationError:
        if len(texts) == 1:
            return [""]
    half = len(texts) // 2
    return english(texts[:half], translator) + english(texts[half:], translator)


def measure(pairs: Path, *, prompts: Path | None = None, forms: Path | None = None) -> dict[str, Any]:
    """Measure the translator as it ships, and its model alone (``"…_model…"``).

    Args:
        pairs: The folder of tables, for the test set of sentences.
        prompts: Prompts and their English that were looked at when rules and words were written.
        forms: The same with kinds, prompts that are kept for measuring.

    Returns:
        BLEU, chrF and the share of content words, 0 to 100, of ``sentences``, ``prompts`` and ``natural``, as
        far as there are any; in ``"natural_kinds"`` the same of each kind, and its number of ``"prompts"``.
    """
    figures: dict[str, Any] = {}
    typed = natural(forms) if forms is not None else []
    sets = {
        "sentences": test_set(pairs),
        "prompts": rows(prompts) if prompts is not None else [],
        "natural": [(prompt.japanese, prompt.english) for prompt in typed],
    }
    for by, translator in (
        ("", make_translator("auto")),
        ("_model", make_translator("marian", model=EMBEDDED, plain=True)),
    ):
        for name, of_one in sets.items():
            if of_one:
                said = english([ja for ja, _ in of_one], translator)
                found = scored(said, [reference for _, reference in of_one])
                figures |= {f"{name}{by}_{score}": value for score, value in found.items()}
                if name == "natural" and not by:
                    figures["natural_kinds"] = by_kind(typed, said)
    return figures


def scored(translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU, chrF and the share of content words."""
    return {
        "bleu": scores.bleu(translations, references),
        "chrf": scores.chrf(translations, references),
        "content": scores.content(translations, references),
    }


def by_kind(typed: Sequence[Prompt], said: Sequence[str]) -> dict[str, dict[str, float]]:
    """The scores of each kind of prompt, the kinds with few together."""
    kinds: dict[str, list[int]] = {}
    for i, prompt in enumerate(typed):
        kinds.setdefault(prompt.kind, []).append(i)
    few = [i for members in kinds.values() if len(members) < FEW for i in members]
    many = {kind: members for kind, members in sorted(kinds.items()) if len(members) >= FEW}
    groups = {**many, OTHERS: few} if few else many
    return {
        kind: {
            "prompts": len(members),
            **scored([said[i] for i in members], [typed[i].english for i in members]),
        }
        for kind, members in groups.items()
    }
