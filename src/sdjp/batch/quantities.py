"""Times, sizes and paces, as people read them: rounded to what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sdjp.errors import Language

_UNITS: Final[Mapping[str, Mapping[Language, str]]] = {
    "s": {"ja": "秒", "en": "s"},
    "min": {"ja": "分", "en": "min"},
    "h": {"ja": "時間", "en": "h"},
    "d": {"ja": "日", "en": "d"},
}


def duration(seconds: float, language: Language) -> str:
    """A time in the unit that fits: ``"45 秒"``, ``"12 分"``, ``"3.5 時間"``, ``"12.3 日"``."""
    number, unit = _duration(seconds)
    return f"{number} {_UNITS[unit][language]}"


def _duration(seconds: float) -> tuple[str, str]:
    if round(seconds) < 120:
        return few_digits(seconds) if seconds < 9.95 else f"{seconds:.0f}", "s"
    if round(seconds / 60) < 120:
        return f"{seconds / 60:.0f}", "min"
    if seconds / 3600 < 72:
        return f"{seconds / 3600:.1f}", "h"
    return f"{seconds / 86400:,.1f}", "d"


def file_size(count: float) -> str:
    """Bytes in the unit that fits, of thousands: ``"340 kB"``, ``"1.2 TB"``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{few_digits(count)} PB"


def few_digits(number: float) -> str:
    """A number with as many digits as it takes to compare it: ``"1,234"``, ``"62.1"``, ``"0.45"``."""
    if number >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 0.95 or number == 0 else f"{number:.2g}"
