"""Checks on what a neural translator wrote, and what got lost on the way.

Small models answer unusual input with nothing, with loops ("you know, you know, …"), or with the source
itself; and they drop names, numbers and emoji. Nothing here knows a particular model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sdjp.errors import TranslationError
from sdjp.text.characters import EMOJI_RE
from sdjp.text.script import has_letters, is_japanese, split_scripts

# One to five words four times running, or up to eight characters six times.
_LOOP: Final = re.compile(r"\b(\w+(?:\W+\w+){0,4}?)(?:\W+\1\b){3,}|(\S.{0,7}?)\2{5,}", re.IGNORECASE)
# A source that says the same three times (ハハハ) may be translated by a loop.
_REPEATED: Final = re.compile(r"(\S.{0,7}?)\1{2,}")
_WORD: Final = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NUMBER_WORDS: Final = {
    "1": "a an one single", "2": "two both couple pair", "3": "three", "4": "four", "5": "five", "6": "six",
    "7": "seven", "8": "eight", "9": "nine", "10": "ten", "11": "eleven", "12": "twelve dozen",
    "20": "twenty", "100": "hundred", "1000": "thousand",
}  # fmt: skip


def refuse_surrogates(texts: Iterable[str]) -> None:
    """Refuse lone surrogates, which no dictionary and no vocabulary reads; the prompt parser removes them.

    Raises:
        TranslationError: If there is one.
    """
    for text in texts:
        found = _SURROGATE.search(text)
        if found is not None:
            place, code = found.start() + 1, f"U+{ord(found[0]):04X}"
            raise TranslationError(
                "translate.surrogate",
                ja=f"文の {place} 文字目（{code}）は、組の片方しかないサロゲートです。"
                "取り除くか、文字コードを確かめて読み直してください。",
                en=f"character {place} of the text ({code}) is half of a surrogate "
                "pair. Remove it, or read the text again with its right encoding.",
            )


def acceptable(source: str, english: str) -> bool:
    """Whether ``english`` can stand for ``source``: it says something, is not Japanese, and does not loop."""
    if not has_letters(english) or is_japanese(english):
        return False
    return _LOOP.search(english) is None or _REPEATED.search(source) is not None


def lost(source: str, english: str) -> list[str]:
    """Return Latin phrases and numbers of ``source`` that are not in ``english``, in order, then emoji.

    Small numbers count as found when their English word is there ("three" for 3, "a" for 1).
    """
    found = english.casefold()
    words, emojis = set(_WORD.findall(found)), set(EMOJI_RE.findall(english))
    missing: dict[str, None] = {}
    for text, japanese in split_scripts(source):
        tokens = (_NUMBER if japanese else _WORD).findall(text)
        gone = [
            t for t in tokens if not (t.casefold() in found or words & set(_NUMBER_WORDS.get(t, "").split()))
        ]
        if gone and gone == tokens and not japanese:
            gone = [" ".join(gone)]  # a whole phrase stays one: "by Claude Monet"
        missing.update(dict.fromkeys(gone))
    missing.update(dict.fromkeys(emoji for emoji in EMOJI_RE.findall(source) if emoji not in emojis))
    return list(missing)


def tidy(source: str, english: str) -> str:
    """Fold white space, and drop the full stop that such models put behind a phrase that had none."""
    english = " ".join(english.split())
    return english if source.endswith(("。", ".", "…")) else english.removesuffix(".").rstrip()
