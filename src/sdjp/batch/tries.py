"""Markers of what is being drawn: an item over which workers die is found, and is given up in the end.

A worker that is killed says nothing, and whoever gives out tasks may be killed with it. So a marker is put
down before a task is drawn, and taken away after it. Who finds one draws that task with care: one picture at
a time, each noted before it is begun.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sdjp.batch.places import TRIES, folder
from sdjp.batch.spec import Task
from sdjp.batch.stores.base import Store


class Tries:
    """The marker of a task; making one puts it down.

    Attributes:
        before: How often this task was begun and not ended.
    """

    def __init__(self, store: Store, task: Task) -> None:
        self._store = store
        self._name = marker_name(task)
        found = _read(store, self._name)
        self.before: int = found.get("begun", 0)
        self._deaths: dict[int, int] = {int(n): count for n, count in found.get("deaths", {}).items()}
        now = found.get("now")
        if now is not None:
            self._deaths[now] = self._deaths.get(now, 0) + 1
        self._write(None)

    @property
    def careful(self) -> bool:
        """Whether one picture is to be drawn at a time."""
        return self.before > 0

    def deaths(self, number: int) -> int:
        """How often a worker died over an item."""
        return self._deaths.get(number, 0)

    def begin(self, number: int) -> None:
        """Note that an item is drawn now; only if that is needed."""
        if self.careful:
            self._write(number)

    def end(self) -> None:
        """Take the marker away: the task is done."""
        self._store.remove(self._name)

    def _write(self, now: int | None) -> None:
        state = {"begun": self.before + 1, "now": now, "deaths": self._deaths}
        self._store.write(self._name, json.dumps(state).encode())


def marker_name(task: Task) -> str:
    """The file of the marker of a task."""
    return f"{folder(TRIES, task.chunk)}/{task.name}.json"


def clear(store: Store, chunks: Iterable[int]) -> None:
    """Remove the markers of a job whose tasks are all done: runs that were killed have left them.

    Args:
        store: The place of the job.
        chunks: Its chunks.

    Raises:
        StoreError: If they cannot be listed or removed.
    """
    for chunk in chunks:
        place = folder(TRIES, chunk)
        for entry in store.files(place):
            store.remove(f"{place}/{entry.name}")


def _read(store: Store, name: str) -> dict[str, Any]:
    try:
        found = json.loads(store.read(name))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
