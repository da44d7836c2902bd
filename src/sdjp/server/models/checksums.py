"""SHA-256 of files, computed once: that of a model takes many seconds."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdjp.weights.known import sha256


class Checksums:
    """What is known of files, by their path, size and time of the last change; threads may share it.

    Args:
        store: A file that keeps them; None keeps them in memory alone. One that cannot be read or written is
            none: everything in it can be computed again.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known = {} if store is None else _read(store)

    def get(self, path: Path) -> str | None:
        """Return the checksum of a file if it is known; the file is not read."""
        try:
            mark = _mark(path)
        except OSError:
            return None
        with self._lock:
            size, changed, digest = self._known.get(str(path), (None, None, None))
        return digest if [size, changed] == mark else None

    def compute(self, path: Path) -> str:
        """Return the checksum of a file, which is read whole unless it is known.

        Raises:
            OSError: If it cannot be read.
        """
        known = self.get(path)
        if known is not None:
            return known
        mark = _mark(path)
        digest = sha256(path)
        if _mark(path) == mark:  # else it changed meanwhile
            with self._lock:
                self._known[str(path)] = [*mark, digest]
                self._keep()
        return digest

    def _keep(self) -> None:
        if self._store is None:
            return
        there = {path: row for path, row in self._known.items() if os.path.exists(path)}
        part = self._store.with_name(f".{self._store.name}.part")
        with suppress(OSError):
            part.write_text(json.dumps(there, indent=0), encoding="utf-8")
            os.replace(part, self._store)


def _mark(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _read(store: Path) -> dict[str, list[Any]]:
    try:
        rows = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(rows, dict):
        return {}
    return {
        path: row
        for path, row in rows.items()
        if isinstance(row, list) and [type(value) for value in row] == [int, int, str]
    }
