"""A bounded memory of results: what was used longest ago is forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

TEXTS: Final = 1 << 18
"""A limit for :func:`by_length`: some thousand prompts, which take some ten megabytes."""


def by_length(text: str, value: object) -> int:
    """Size of what was made of a text: its characters, and what every entry costs."""
    return 64 + len(text)


class Lru(Generic[K, V]):
    """Results by what they were made of; threads may share it.

    Only what never changes belongs here: it is handed out as it is. A copy, or what comes back from a
    pickle, begins empty.

    Args:
        limit: What the sizes of all entries add up to, at most.
        size: Size of an entry: characters, bytes. Called with key and value; always the same for the same.
    """

    def __init__(self, limit: int, size: Callable[[K, V], int]) -> None:
        self.limit = limit
        self._size_of = size
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """The sizes of all entries together."""
        return self._size

    def get(self, key: K) -> V | None:
        """Return what is known under ``key``; None, if nothing."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key]

    def put(self, key: K, value: V) -> None:
        """Remember ``value``, and forget others where there is no room; what is too large is not kept."""
        with self._lock:
            if key in self._entries:
                self._size -= self._size_of(key, self._entries.pop(key))
            size = self._size_of(key, value)
            if size > self.limit:
                return
            self._entries[key] = value
            self._size += size
            while self._size > self.limit:
                self._size -= self._size_of(*self._entries.popitem(last=False))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._size = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.limit, self._size_of)
