"""Checks of the values that stand in configurations of other programs.

A rule takes a value and returns what it means, or raises :class:`~sdjp.weights.files.faults.Invalid`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from sdjp.weights.files.faults import Invalid

MAX_LEVELS: Final = 16
"""Longest list; a UNet has four levels."""

Rule = Callable[[Any], Any]


def setting(data: Mapping[str, Any], key: str, rule: Rule, default: Any = None) -> Any:
    """Return the setting ``key`` as ``rule`` reads it; ``default``, if one is given and the key is not there.

    Raises:
        KeyError: If the key is not there and has no default.
        Invalid: If the value is not usable.
    """
    if data.get(key) is None and default is not None:  # null stands for the default, too
        return default
    try:
        return rule(data[key])
    except Invalid as error:
        value = f"{key} = {data[key]!r}"
        raise Invalid(f"{value}（{error.ja}）", f"{value} ({error.en})") from error


def only(*allowed: Any) -> Rule:
    """One of some values."""

    def check(value: Any) -> Any:
        if not any(type(value) is type(a) and value == a for a in allowed):
            texts = ", ".join(map(show, allowed))
            raise Invalid(f"使える値: {texts}", f"allowed: {texts}")
        return value

    return check


def whole(most: int, *, least: int = 1) -> Rule:
    """A whole number."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Invalid(f"{least}〜{most:,} の整数", f"a whole number from {least} to {most:,}")
        return value

    return check


def wholes(most: int, *, fewest: int = 0) -> Rule:
    """A list of whole numbers, one for each level or fewer."""
    number = whole(most)

    def check(value: Any) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or len(value) > MAX_LEVELS:
            raise Invalid(
                f"整数のリスト（{MAX_LEVELS} 個まで）", f"a list of up to {MAX_LEVELS} whole numbers"
            )
        if len(value) < fewest:
            raise Invalid("空でない整数のリスト", "a list of whole numbers, not empty")
        return tuple(number(n) for n in value)

    return check


def alike(rule: Rule) -> Rule:
    """A value, or a list with the same for each level."""
    return lambda value: rule(one_of_all(value))


def one_of_all(value: Any) -> Any:
    """Return what stands in a list of equal values; other values as they are."""
    if isinstance(value, list | tuple) and 0 < len(value) <= MAX_LEVELS and all(v == value[0] for v in value):
        return value[0]
    return value


def real(value: Any) -> float:
    """A number above 0."""
    try:
        # YAML 1.1 takes 1e-4, without a dot, for a string; the original's files have both.
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise Invalid("0 より大きい数", "a number above 0")
    return number


def share(value: Any) -> float:
    """A number between 0 and 1, such as a beta."""
    number = real(value)
    if number >= 1:
        raise Invalid("0 より大きく 1 より小さい数", "a number above 0 and below 1")
    return number


def flag(value: Any) -> bool:
    """A switch."""
    if not isinstance(value, bool):
        raise Invalid("true か false", "true or false")
    return value


def show(value: Any) -> str:
    """Return a value as it fits into a sentence, written as YAML would."""
    if isinstance(value, list | dict) and value:
        return f"{type(value).__name__} ({len(value)})"  # aliases can make its contents endless
    text = str(value).lower() if isinstance(value, bool) else "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
