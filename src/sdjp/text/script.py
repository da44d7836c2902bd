"""The script that a text is written in.

Kanji alone count as Japanese: prompts are short, and 富士山 is not to be taken for Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

# Hiragana and katakana with their combining marks (not the spacing ones, ・ or ゠), half-width katakana,
# 々〆〇, and the unified and compatibility ideographs of all planes.
_JAPANESE: Final = (
    "[\u3041-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001b000-\U0001b16f"
    "\u3005-\u3007\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
)
_ANY: Final = re.compile(_JAPANESE)
# Digits, spaces and punctuation between Japanese belong to it, and so do a number right before or after it
# (3匹, 第3) and the full stop of a sentence.
_NUMBER: Final = r"\d+(?:[.,]\d+)*"
_SPAN: Final = re.compile(
    rf"(?:(?<![\w.,]){_NUMBER})?{_JAPANESE}(?:[\W\d_]*{_JAPANESE})*(?:{_NUMBER}(?![\w.,]))?[。、！？!?…]*"
)


_KANA: Final = re.compile("[\u3041-\u309a\u30a1-\u30fa\uff66-\uff9d]")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")


class Span(NamedTuple):
    """A stretch of a text.

    Attributes:
        text: The stretch as it stands.
        japanese: Whether it is Japanese.
    """

    text: str
    japanese: bool


def is_japanese(text: str) -> bool:
    """Whether there is kana or kanji anywhere in ``text``."""
    return _ANY.search(text) is not None


def foreign_language(text: str) -> str:
    """The language of a text that only looks as if it were for a translator from Japanese.

    Returns:
        ``"ko"``, ``"zh"`` or ``""``. Chinese is told by simplified characters that Japanese does not write,
        and only where there is no kana.
    """
    if _HANGUL.search(text):
        return "ko"
    return "zh" if not _KANA.search(text) and any(map(_is_simplified, text)) else ""


def _is_simplified(character: str) -> bool:
    """Whether a character is in the standard set of China (GB 2312) and in none of Japan's (JIS X 0208)."""
    return "\u4e00" <= character <= "\u9fff" and _in("gb2312", character) and not _in("cp932", character)


def _in(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def has_letters(text: str) -> bool:
    """Whether ``text`` says anything: a letter of any script, a digit, or a pictograph such as an emoji."""
    return any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in text)


def split_scripts(text: str) -> list[Span]:
    """Split ``text`` into Japanese and other spans, in order; together they are ``text`` again."""
    spans: list[Span] = []
    end = 0
    for match in _SPAN.finditer(text):
        if match.start() > end:
            spans.append(Span(text[end : match.start()], False))
        spans.append(Span(match[0], True))
        end = match.end()
    if end < len(text):
        spans.append(Span(text[end:], False))
    return spans
