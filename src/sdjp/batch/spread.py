"""A choice from a stream that is spread evenly over it, though its length is not known before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Spread(Generic[T]):
    """Keeps every n-th thing of a stream; n doubles whenever there are too many. The last one is kept, too.

    Args:
        most: Things that are chosen at most; twice as many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._every = 1
        self._count = 0
        self._kept: list[T] = []
        self._last: list[T] = []

    def add(self, thing: T) -> None:
        """Take in the next one."""
        self._last = [thing]
        if self._count % self._every == 0:
            self._kept.append(thing)
            self._last = []
            if len(self._kept) > 2 * self._most:
                del self._kept[1::2]
                self._every *= 2
        self._count += 1

    def chosen(self, most: int | None = None) -> list[T]:
        """As many as there may be, or fewer; see :func:`evenly`."""
        return evenly([*self._kept, *self._last], self._most if most is None else most)


def evenly(things: Sequence[T], most: int) -> list[T]:
    """The first one, the last one, and others evenly between, in order."""
    count = min(most, len(things))
    if count < 2:
        return list(things[:count])
    return [things[round(i * (len(things) - 1) / (count - 1))] for i in range(count)]
