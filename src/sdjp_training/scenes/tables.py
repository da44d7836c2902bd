"""The reader of the tables beside this module: a row a line, cells between tabs, comments after ``#``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path


def rows(table: str | Path) -> Iterator[list[str]]:
    """Yield the cells of each row of a table, by its name in this folder or by its path."""
    path = table if isinstance(table, Path) else files("sdjp_training.scenes") / table
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def ways(cell: str) -> tuple[str, ...]:
    """Split a cell into the ways to say one thing, in their order."""
    return tuple(cell.split(" | "))
