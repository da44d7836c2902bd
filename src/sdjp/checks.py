"""Checks of single values: each refuses with the value's name, what was given and what is allowed.

A value is called by its name, or by its Japanese label and its name where ``label`` is given.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, Final, TypeGuard

from sdjp.errors import InputError

MAX_COUNT: Final = 1000
MAX_LORA_WEIGHT: Final = 10.0


def whole(name: str, value: object, low: int, high: int, *, label: str = "") -> None:
    """Refuse what is not a whole number from ``low`` to ``high``.

    Raises:
        InputError: ``<name>.range``.
    """
    if not is_whole(value) or not low <= value <= high:
        raise InputError(
            f"{name}.range",
            ja=f"{called(name, label)}は、{low} から {high} までの整数で指定してください"
            f"（指定された値: {shown(value)}）。",
            en=f"{name} must be a whole number from {low} to {high}, not {shown(value)}.",
        )


def count(name: str, value: object, *, label: str = "") -> None:
    """Refuse a number of things that is not a whole number from 1 to 1000.

    Raises:
        InputError: ``<name>.range``.
    """
    whole(name, value, 1, MAX_COUNT, label=label)


def real(name: str, value: object, low: float, high: float, *, label: str = "") -> None:
    """Refuse what is not a finite number from ``low`` to ``high``, which may be infinite; NaN is in no range.

    Raises:
        InputError: ``<name>.range``.
    """
    if not is_real(value) or not low <= value <= min(high, sys.float_info.max):
        ja, en = (f"{low:g} 以上の有限の数", f"finite and at least {low:g}")
        if math.isfinite(high):
            ja, en = (f"{low:g} から {high:g} までの数", f"a number from {low:g} to {high:g}")
        raise InputError(
            f"{name}.range",
            ja=f"{called(name, label)}は、{ja}で指定してください（指定された値: {shown(value)}）。",
            en=f"{name} must be {en}, not {shown(value)}.",
        )


def choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse what is none of ``allowed``; True is not 1.

    Raises:
        InputError: ``<name>.unknown``.
    """
    if not any(type(value) is type(a) and value == a for a in allowed):
        values = ", ".join(map(repr, allowed))
        raise InputError(
            f"{name}.unknown",
            ja=f"{name} に {shown(value)} は使えません。使える値: {values}",
            en=f"{name} cannot be {shown(value)}. Allowed: {values}",
        )


def text(name: str, value: object) -> None:
    """Refuse what is not a string.

    Raises:
        InputError: ``<name>.type``.
    """
    if not isinstance(value, str):
        raise InputError(
            f"{name}.type",
            ja=f"{name} は文字列で指定してください（{type(value).__name__} が渡されました）。",
            en=f"{name} must be a string, not {type(value).__name__}.",
        )


def side(name: str, value: object, high: int, factor: int, *, label: str = "") -> None:
    """Refuse what is not a number of pixels up to ``high`` and a multiple of ``factor``.

    Raises:
        InputError: ``size.positive``, ``size.large`` or ``size.multiple``.
    """
    if not is_whole(value) or not 0 < value <= high:
        ja, en = (f"、{factor} の倍数", f", a multiple of {factor}") if factor > 1 else ("", "")
        raise InputError(
            "size.large" if is_whole(value) and value > 0 else "size.positive",
            ja=f"{called(name, label)}は、{factor} から {high} までの整数（ピクセル{ja}）で"
            f"指定してください（指定された値: {shown(value)}）。",
            en=f"{name} must be from {factor} to {high} pixels{en}, not {shown(value)}.",
        )
    if value % factor != 0:
        low = max(value // factor, 1) * factor
        nearest = shown(low), shown(low + factor)
        raise InputError(
            "size.multiple",
            ja=f"{called(name, label)} {shown(value)} は {factor} の倍数ではありません。"
            f"近い値は {nearest[0]} と {nearest[1]} です。",
            en=f"{name} {shown(value)} is not a multiple of {factor}. "
            f"The nearest are {nearest[0]} and {nearest[1]}.",
        )


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; True and 1.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_real(value: object) -> TypeGuard[float]:
    """Whether a value is a number; True is none, NaN is one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain(value: object) -> Any:
    """A number or an array of numpy as Python's own number or list; anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def called(name: str, label: str) -> str:
    """A value's name in a Japanese sentence."""
    return f"{label}（{name}）" if label else f"{name} "


def shown(value: object) -> str:
    """A value as it fits into a sentence; Python refuses to write very long integers in decimal."""
    text = hex(value) if isinstance(value, int) and value.bit_length() > 64 else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
