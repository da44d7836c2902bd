"""What a search finds: prompts in one spelling, whatever the width, the case and the kana."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_KATAKANA: Final = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


def folded(text: str) -> str:
    """A text as it is compared: NFKC, in small letters, in hiragana."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_KATAKANA)


def search_words(*texts: str) -> str:
    """What is searched of a picture."""
    return "\n".join(folded(text) for text in texts)


def likeness(query: str) -> list[str]:
    """The patterns, for LIKE with a backslash, that all must fit."""
    escaped = folded(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [f"%{word}%" for word in re.split(r"[\s,]+", escaped) if word]
