"""The cleaning of a text by CLIP's tokenizer, before it looks at byte pairs.

The tokenizer that Stable Diffusion v1 was trained with passes its text through ftfy, folds white space and
lower-cases. This is the part of it that prompts meet: HTML character references, the common mojibake of
accented Latin, full and half width, Latin ligatures, curly quotes, control characters, NFC. Left out are
ftfy's statistical guesses at rarer mix-ups of encodings: a prompt is typed, not scraped.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.entities import html5
from typing import Final

_REFERENCE: Final = re.compile(r"&(#?[0-9A-Za-z]{1,24};)")
# UTF-8 read as Windows-1252: "é" turns into "Ã©", "’" into "â€™". Ã and Â may well stand before a closing
# quote or a dash (MANHÃ”), so after them only the upper half of the continuation bytes counts.
_MOJIBAKE: Final = re.compile("[ÃÂ][\u00a0-\u00bf]|â€[˜™œ“”¢¦]")
_ROUNDS: Final = 8  # what a repair uncovers is repaired too (&amp;lt;); a bound keeps nested nonsense linear
_TERMINAL: Final = re.compile(r"\x1b\[[\d;]*[A-Za-z]")

_LIGATURES: Final = "ĲĳǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬆ"
_WIDTHS: Final = tuple(map(chr, (0x3000, *range(0xFF01, 0xFFF0))))
_CONTROLS: Final = (*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F)
_INVISIBLE: Final = (*range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFD))
_CHARACTERS: Final[dict[int, str | None]] = {
    **{ord(c): unicodedata.normalize("NFKC", c) for c in (*_LIGATURES, *_WIDTHS)},
    **dict.fromkeys(map(ord, "ʼ‘’‚‛"), "'"),
    **dict.fromkeys(map(ord, "“”„‟"), '"'),
    **{c: bytes((c,)).decode("cp1252", "ignore") or chr(c) for c in range(0x80, 0xA0)},
    **dict.fromkeys((*_CONTROLS, *_INVISIBLE), None),
    0x0149: "'n",  # NFKC leaves ʼ and ſ, which are curly quotes and ligatures of their own
    0xFB05: "st",
}


def clean(text: str) -> str:
    """Return ``text`` as CLIP reads it: repaired, lower case, single spaces, none at the ends."""
    references = "<" not in text
    for _ in range(_ROUNDS):
        before = text
        if references:
            text = _REFERENCE.sub(_unescape, text)
        text = _MOJIBAKE.sub(lambda m: m[0].encode("cp1252").decode("utf-8"), text)
        # Joins surrogate pairs and puts U+FFFD in the place of lone ones, which UTF-8 cannot hold.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = _TERMINAL.sub("", text).translate(_CHARACTERS)
        text = unicodedata.normalize("NFC", text)
        if text == before:
            break
    return " ".join(text.split()).lower()


def _unescape(match: re.Match[str]) -> str:
    """Decode ``&amp;`` and ``&#x27;``; leave what only begins like a reference (``&notit;``)."""
    name = match[1]
    return unescape(match[0]) if name.startswith("#") or name in html5 else match[0]
