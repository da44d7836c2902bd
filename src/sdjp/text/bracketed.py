"""Brackets that are text and no syntax: faces, ratios, times, labels with a value."""

from __future__ import annotations

import re
from typing import Final

FACE: Final = (
    r"\\\([^\s()\[\]\\,:]{1,8}\)/"  # arms in the air
    r"|\((?:[笑泣汗怒爆照涙]|苦笑)\)"
    # Eyes and a mouth: signs, and letters only one by one.
    r"|\((?=[^()]{0,10}(?:[\^´`≧≦°▽∀ω]|[>T;@xo-]_[<T;@xo-]))(?:(?![^\W_]{2}|__)[^\s()\[\]\\:,0-9]){2,10}\)"
)
"""A pattern for faces in normalized text: ``\\(^o^)/``, ``(^_^)``, ``(T_T)``, ``(笑)``."""

_FACE: Final = re.compile(FACE)
_EYES: Final = re.compile(r"(?<![^\W_])[:;=]['^-]?\Z")
_NUMBER_BEFORE: Final = re.compile(r"(?<![A-Za-z.])[0-9]+(?:\.[0-9]+)?\Z")
_SHORT_NUMBER: Final = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,2})?")
_WHOLE_NUMBER: Final = re.compile("[0-9]{1,4}")
_LABEL: Final = re.compile(
    "(?:年齢|年令|比率|縦横比|アスペクト比|時刻|時間|日時|身長|体重|人数|個数|枚数|番号|サイズ|高さ|幅|長さ|温度|レベル"
    r"|\b(?:age|ratio|time|height|width|size|number|level|step|seed|page))\Z",
    re.IGNORECASE,
)
_HIGHEST: Final = 10
"""Of weights."""


def is_face(text: str) -> bool:
    """Whether ``text``, brackets included, is a face and nothing else."""
    return _FACE.fullmatch(text) is not None


def has_eyes(text: str, end: int) -> bool:
    """Whether a bracket at ``end`` of ``text`` would be the mouth of a face: ``:)``."""
    return _EYES.search(text, max(0, end - 3), end) is not None


def is_value(inside: str, number: str) -> bool:
    """Whether ``(inside:number)`` gives a ratio, a time or the value of a label, and no weight."""
    if not _WHOLE_NUMBER.fullmatch(number):
        return _SHORT_NUMBER.fullmatch(inside) is not None and _SHORT_NUMBER.fullmatch(number) is not None
    behind = _NUMBER_BEFORE.search(inside[-40:]) or _LABEL.search(inside[-40:])
    return behind is not None or int(number) > _HIGHEST
