"""Kinds of rules: what an option may be, as a check of a value and as JSON Schema (2020-12)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sdjp import checks
from sdjp.checks import called, is_real, shown
from sdjp.errors import InputError


class Rule(Protocol):
    """A rule of what a value may be."""

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse a value that breaks the rule.

        Raises:
            InputError: If it does; ``name`` and ``label`` are what the message calls it.
        """
        ...

    def schema(self, *, factor: int) -> dict[str, Any]:
        """The same as JSON Schema; a tuple is an array."""
        ...


@dataclass(frozen=True)
class Text:
    """A string."""

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse another type."""
        checks.text(name, value)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """A string."""
        return {"type": "string"}


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse another number."""
        checks.whole(name, value, self.low, self.high, label=label)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """An integer within bounds."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Real:
    """A finite number from ``low`` to ``high``."""

    low: float
    high: float

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse another number."""
        checks.real(name, value, self.low, self.high, label=label)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """A number within bounds; JSON has no infinity."""
        bounds = {"minimum": self.low, "maximum": min(self.high, sys.float_info.max)}
        return {"type": "number", **bounds}


@dataclass(frozen=True)
class Pixels:
    """A side in pixels, a multiple of the model's factor, up to ``high``; or 0 where ``zero`` allows it."""

    high: int
    zero: bool = False

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse another side."""
        if not (self.zero and checks.is_whole(value) and value == 0):
            checks.side(name, value, self.high, factor, label=label)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """A multiple of ``factor``."""
        low = 0 if self.zero else factor
        return {"type": "integer", "minimum": low, "maximum": self.high, "multipleOf": factor}


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: Sequence[object]

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse any other."""
        checks.choice(name, value, self.values)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Registered:
    """A name in a registry, which itself refuses what it does not know.

    Attributes:
        names: As they are registered.
        elsewhere: What other programs call them, in their usual spelling; a run takes any other, too.
    """

    names: Sequence[str]
    elsewhere: Sequence[str] = ()

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse what is no name; whether there is one like it is for the registry to say."""
        if not isinstance(value, str):
            checks.choice(name, value, self.names)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """The names as they are registered, then those from elsewhere."""
        return {"enum": [*self.names, *self.elsewhere]}


@dataclass(frozen=True)
class Several:
    """One value, or a list of them."""

    of: Rule

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse what one of the values may not be."""
        for one in value if isinstance(value, tuple) else (value,):
            self.of.check(name, one, factor=factor, label=label)

    def schema(self, *, factor: int) -> dict[str, Any]:
        """A value or an array."""
        one = self.of.schema(factor=factor)
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


@dataclass(frozen=True)
class Interval:
    """Two rising numbers from 0 to 1."""

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse anything else."""
        pair = isinstance(value, tuple) and len(value) == 2 and all(map(is_real, value))
        if not pair or not 0 <= value[0] < value[1] <= 1:  # type: ignore[index]
            raise InputError(
                f"{name}.range",
                ja=f"{called(name, label)}は、(0, 0.6) のように、0 から 1 までの 2 つの数を"
                f"小さい順に指定してください（指定された値: {shown(value)}）。",
                en=f"{name} must be two rising numbers from 0 to 1, such as (0, 0.6), not {shown(value)}.",
            )

    def schema(self, *, factor: int) -> dict[str, Any]:
        """Two numbers; JSON Schema cannot say that they rise."""
        end = {"type": "number", "minimum": 0, "maximum": 1}
        return {"type": "array", "items": end, "minItems": 2, "maxItems": 2}


@dataclass(frozen=True)
class Weights:
    """Names, each with a weight from -``high`` to ``high``."""

    high: float

    def check(self, name: str, value: object, *, factor: int, label: str) -> None:
        """Refuse anything else."""
        fits = (
            isinstance(value, Mapping)
            and all(isinstance(key, str) and key.strip() for key in value)
            and all(is_real(weight) and abs(weight) <= self.high for weight in value.values())
        )
        if not fits:
            raise InputError(
                f"{name}.value",
                ja=f"{name} は {{'名前': 0.8}} の形で、重みは -{self.high:g} から {self.high:g} の数に"
                f"してください（指定された値: {shown(value)}）。",
                en=f"{name} must be a mapping such as {{'name': 0.8}} with weights from "
                f"-{self.high:g} to {self.high:g}, not {shown(value)}.",
            )

    def schema(self, *, factor: int) -> dict[str, Any]:
        """An object of numbers."""
        weight = {"type": "number", "minimum": -self.high, "maximum": self.high}
        return {"type": "object", "additionalProperties": weight, "propertyNames": {"pattern": r"\S"}}
