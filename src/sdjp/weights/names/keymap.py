"""The engine behind the tables in ``maps/``: tensor names from ours to theirs and back, completely.

A row names a module here and there and covers its ``weight`` and ``bias``. Compiling the rows against the
tensors that a model really has makes sure that none is left over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor

from sdjp.config import ModelConfig

Transform = Literal["none", "linear"]
"""``"linear"``: a linear layer (out, in) there, a 1×1 convolution (out, in, 1, 1) here."""


class Row(NamedTuple):
    """One module, here and there."""

    ours: str
    theirs: str
    transform: Transform = "none"


def rows_of(
    ours: str, theirs: str, leaves: Iterable[tuple[str, str]], transform: Transform = "none"
) -> Iterator[Row]:
    """Yield a row for each of ``leaves`` (its name here, its name there) of one block of modules."""
    for our_leaf, their_leaf in leaves:
        yield Row(f"{ours}.{our_leaf}", f"{theirs}.{their_leaf}", transform)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The names of tensors in one kind of checkpoint.

    Attributes:
        rows: For a config, a row for every module; rows for modules that the config lacks do no harm.
        texts: ``kind`` of the text encoders that it has names for.
        aliases: (regular expression, replacement) that turn other names seen in files into those of ``rows``.
        ignored: Regular expressions of names that carry nothing we need; matched as a whole.
        networks: What the names of the three networks begin with; nothing else is needed.
        text_layer: Regular expression of a tensor in a layer of the text encoder, with its number.
        ema: Name of the averaged twin of a tensor, or None where the layout has none.
    """

    rows: Callable[[ModelConfig], Iterable[Row]]
    texts: tuple[str, ...] = ("clip",)
    aliases: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    text_layer: str = r"(?!)"
    ema: Callable[[str], str | None] = lambda theirs: None

    def canonical(self, name: str) -> str:
        """Return ``name`` as ``rows`` would write it."""
        for pattern, replacement in self.aliases:
            name = re.sub(pattern, replacement, name)
        return name

    def ignores(self, name: str) -> bool:
        """Whether ``name`` is known and not needed."""
        return any(re.fullmatch(pattern, name) for pattern in self.ignored)

    def beyond(self, name: str, layers: int) -> bool:
        """Whether ``name`` is in a layer of the text encoder after the first ``layers``."""
        match = re.match(self.text_layer, name)
        return match is not None and int(match[1]) >= layers


class Name(NamedTuple):
    """One tensor in another layout: its name there, its shape here and there."""

    theirs: str
    our_shape: tuple[int, ...]
    their_shape: tuple[int, ...]


def compile_map(rows: Iterable[Row], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Name]:
    """Return the name in the other layout of each of our tensors.

    Args:
        rows: The table.
        shapes: Our names and shapes (``networks.shapes_of``).

    Raises:
        KeyError: If the table has no row for a module: the table is wrong.
    """
    table = {row.ours: row for row in rows}
    names = {}
    for ours, shape in shapes.items():
        module, _, leaf = ours.rpartition(".")
        row = table[module]
        squeezed = shape[:2] if row.transform == "linear" and len(shape) == 4 else shape
        names[ours] = Name(f"{row.theirs}.{leaf}", shape, squeezed)
    return names


def to_theirs(names: Mapping[str, Name], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and reshape all of our tensors."""
    return {names[ours].theirs: tensor.reshape(names[ours].their_shape) for ours, tensor in tensors.items()}


def to_ours(names: Mapping[str, Name], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo :func:`to_theirs`."""
    return {ours: tensors[name.theirs].reshape(name.our_shape) for ours, name in names.items()}
