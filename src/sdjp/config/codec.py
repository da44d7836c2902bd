"""Specs as JSON data and back; unknown keys are refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from sdjp.errors import InputError

C = TypeVar("C")


def to_json(config: object) -> dict[str, Any]:
    """Return ``config`` (any of the dataclasses here) as plain JSON data."""
    return dataclasses.asdict(config)  # type: ignore[call-overload, no-any-return]


def from_json(cls: type[C], data: Mapping[str, Any], *, where: str = "") -> C:
    """Build ``cls`` from the JSON data that :func:`to_json` gave.

    Raises:
        InputError: If a key is unknown; the message lists the keys that exist.
    """
    fields = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - fields)
    if unknown:
        names = ", ".join(f"{where}{name}" for name in unknown)
        allowed = ", ".join(sorted(fields))
        raise InputError(
            "config.unknown_key",
            ja=f"設定に知らない項目があります: {names}。使える項目: {allowed}",
            en=f"unknown keys in the configuration: {names}. Allowed: {allowed}",
        )
    hints = typing.get_type_hints(cls)
    return cls(**{name: _coerce(hints[name], value, f"{where}{name}.") for name, value in data.items()})


def _coerce(hint: Any, value: Any, where: str) -> Any:
    """JSON has lists and objects where the specs have tuples and other specs."""
    if isinstance(value, Mapping):
        hint = _of_kind(hint, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_json(typing.cast(type, hint), value, where=where)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(value)
    if origin in (typing.Union, types.UnionType) and isinstance(value, list):
        return tuple(value)
    return value


def _of_kind(hint: Any, value: Mapping[str, Any], where: str) -> Any:
    """Choose among the specs of a union by ``kind``; the first is meant where none is told."""
    kinds = {member.kind: member for member in typing.get_args(hint) if hasattr(member, "kind")}
    if not kinds:
        return hint
    kind = value.get("kind", next(iter(kinds)))
    if kind not in kinds:
        allowed = ", ".join(kinds)
        raise InputError(
            "config.kind",
            ja=f"設定の {where}kind に {kind!r} は使えません。使える値: {allowed}",
            en=f"{where}kind in the configuration cannot be {kind!r}. Allowed: {allowed}",
        )
    return kinds[kind]
