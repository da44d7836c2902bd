"""Japanese numerals and how English writes them."""

from __future__ import annotations

import re
from typing import Final

_DIGITS: Final = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "両": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_LARGE: Final = {"万": 10**4, "億": 10**8, "兆": 10**12}
_KUN: Final = {
    "ひと": 1, "ふた": 2, "みっ": 3, "みつ": 3, "よっ": 4, "よつ": 4, "いつ": 5,
    "むっ": 6, "なな": 7, "やっ": 8, "ここの": 9,
}  # fmt: skip
_MOST_DIGITS: Final = 15
"""Longer numbers are no amounts, and would not come out of a float as they went in."""
_CARDINALS: Final = "zero one two three four five six seven eight nine ten eleven twelve".split()
_ORDINALS: Final = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth".split()
SEVERAL: Final = {
    "数": "several", "何": "several", "数十": "dozens of", "何十": "dozens of", "数百": "hundreds of",
    "何百": "hundreds of", "数千": "thousands of", "何千": "thousands of", "数万": "tens of thousands of",
    "何万": "tens of thousands of",
}  # fmt: skip
"""Numbers that are left open."""

NUMERAL: Final = re.compile(r"(?:[0-9]+(?:[.,][0-9]+)*[万億兆]?|[〇一二三四五六七八九十百千万億兆零]+)")
"""A number as Japanese writes it."""


def value(numeral: str) -> int | float | None:
    """Return the value of ``numeral`` (``"三百"`` -> 300, ``"1,000"`` -> 1000), or None if it is none,
    or so long that it is no amount."""
    if len(numeral) > _MOST_DIGITS:
        return None
    if numeral in _KUN:
        return _KUN[numeral]
    if re.fullmatch(r"[0-9][0-9,]*", numeral):
        return int(numeral.replace(",", ""))
    if re.fullmatch(r"[0-9]+\.[0-9]+", numeral):
        return float(numeral)
    if not NUMERAL.fullmatch(numeral):
        return None
    if re.fullmatch(r"[〇一二三四五六七八九零]{2,}", numeral):
        return int("".join(str(_DIGITS[c]) for c in numeral))
    total = part = digits = 0
    for c in numeral:
        if c.isascii() and c.isdigit():
            digits = digits * 10 + int(c)
        elif c in _DIGITS:
            digits = _DIGITS[c]
        elif c in _UNITS:
            part, digits = part + (digits or 1) * _UNITS[c], 0
        elif c in _LARGE:
            total, part, digits = total + (part + digits or 1) * _LARGE[c], 0, 0
    return total + part + digits


def cardinal(number: int | float) -> str:
    """Write a number as English prose does: words up to twelve, digits from there on."""
    if isinstance(number, int) and 0 <= number < len(_CARDINALS):
        return _CARDINALS[number]
    return str(number)


def ordinal(number: int | float) -> str:
    """Write ``19`` as ``"19th"`` and small numbers as words."""
    if isinstance(number, int) and 0 < number < len(_ORDINALS):
        return _ORDINALS[number]
    n = int(number)
    ending = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
