"""Bounds of a configuration of our own: what is built from it stays near the tensors that are there."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from typing import Any, Final

from sdjp.weights.configs.values import MAX_LEVELS
from sdjp.weights.files.faults import Invalid

MOST: Final[dict[str, int]] = {
    "layers": 200, "read_layers": 200, "write_layers": 200, "num_res_blocks": MAX_LEVELS,
    "num_train_timesteps": 100_000, "height": 100_000, "width": 100_000, "num_inference_steps": 100_000,
}  # fmt: skip
"""The most that a number may be, by its name; others go up to :data:`MOST_OF_ALL`."""
MOST_OF_ALL: Final = 10_000_000
TENSORS: Final = 4
"""The least that one layer has."""


def check(config: Any, *, tensors: int | None = None, where: str = "") -> None:
    """Hold each value against what its field may be.

    Args:
        config: One of the specs of :mod:`sdjp.config`.
        tensors: How many there are, which no count of layers goes beyond; None if they are not known.
        where: What its names begin with in errors.

    Raises:
        Invalid: If a value is of another type, or out of bounds.
    """
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), f"{where}{field.name}"
        if not _fits(hints[field.name], field.name, value):
            shown = repr(value) if isinstance(value, bool | int | float) else type(value).__name__
            raise Invalid(f"{name} = {shown[:60]} は使えません", f"{name} cannot be {shown[:60]}")
        counts = tensors is not None and field.name in ("layers", "num_res_blocks")
        if counts and value * TENSORS > tensors:
            raise Invalid(
                f"{name} = {value} ですが、テンソルは {tensors:,} 個しかありません",
                f"{name} is {value}, and there are {tensors:,} tensors only",
            )
        if dataclasses.is_dataclass(value):
            check(value, tensors=tensors, where=f"{name}.")


def _fits(hint: Any, name: str, value: Any) -> bool:
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return (
            isinstance(value, tuple)
            and 0 < len(value) <= MAX_LEVELS
            and all(_fits(members[0], name, one) for one in value)
        )
    if origin in (typing.Union, types.UnionType):
        return any(_fits(member, name, value) for member in members)
    if origin is typing.Literal:
        return isinstance(value, str) and value in members
    if hint is int:
        least = 0 if name.endswith("_id") else 1
        return type(value) is int and least <= value <= MOST.get(name, MOST_OF_ALL)
    if hint is float:
        return type(value) in (int, float) and 0 <= value <= MOST_OF_ALL and math.isfinite(value)
    return isinstance(value, hint)
