"""The pictures of jobs on disk: written whole, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from sdjp.durable import PART, write_whole
from sdjp.images.files import unwritable


class Folder:
    """Files of names that we choose, in a hundred folders or so, that no one of them becomes slow.

    Args:
        path: The folder; it is made if it is not there.

    Raises:
        OutputError: If it cannot be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            for left in path.glob(f"*/*{PART}"):  # of a crash
                left.unlink()
        except OSError as error:
            raise unwritable(path, error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file and see that the disk has it; one that is there is replaced.

        Raises:
            OutputError: If it cannot be written; nothing half-written is left under its name.
        """
        path = self.where(name)
        try:
            write_whole(path, data)
        except OSError as error:
            raise unwritable(path, error) from error

    def add(self, data: bytes) -> str:
        """Write a file under a name that its content makes; return that name."""
        name = hashlib.sha256(data).hexdigest()
        if not self.where(name).exists():
            self.write(name, data)
        return name

    def read(self, name: str) -> bytes:
        """Return what a file holds.

        Raises:
            FileNotFoundError: If it is not there.
        """
        return self.where(name).read_bytes()

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are no matter."""
        for name in names:
            with suppress(OSError):
                self.where(name).unlink()

    def names(self) -> Iterator[str]:
        """All files."""
        return (path.name for path in self.path.glob("*/*") if not path.name.endswith(PART))

    def where(self, name: str) -> Path:
        """Where a file is, or would be; ``name`` is one of ours, never a client's."""
        return self.path / name[:2] / name
