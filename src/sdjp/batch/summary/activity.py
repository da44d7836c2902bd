"""When a job was drawn: its hours without the nights between, from the records' own times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import Final

from sdjp.batch.record import PictureRecord

_OPEN: Final = 4096
"""Batches that may have more pictures to come: those of a batch are near each other in the input."""

_SPANS: Final = 4096
"""Stretches of time that are told apart at most."""


class Activity:
    """The time in which at least one worker was drawing; as much memory for a billion pictures as for few.

    Attributes:
        seconds: Computing time: that of all workers together.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._batches: OrderedDict[tuple[str, float], float] = OrderedDict()
        self._spans = Spans()

    def add(self, record: PictureRecord) -> None:
        """Take in a picture. Those of a batch have one beginning, and share what it took."""
        self.seconds += record.seconds
        batch = (record.worker, record.started)
        self._batches[batch] = self._batches.pop(batch, 0.0) + record.seconds
        if len(self._batches) > _OPEN:
            (_, started), seconds = self._batches.popitem(last=False)
            self._spans.add(started, started + seconds)

    def spans(self) -> list[tuple[float, float]]:
        """The stretches of time in which something was drawn, in seconds since 1970."""
        while self._batches:
            (_, started), seconds = self._batches.popitem()
            self._spans.add(started, started + seconds)
        return self._spans.all()


class Spans:
    """The union of stretches of time; pauses shorter than a minute count as drawing.

    Where there are too many of them, longer pauses do, too.
    """

    def __init__(self, pause: float = 60.0, most: int = _SPANS) -> None:
        self._pause = pause
        self._most = most
        self._starts: list[float] = []
        self._stops: list[float] = []

    def add(self, start: float, stop: float) -> None:
        """Add one."""
        first = bisect_left(self._stops, start - self._pause)  # the first that it reaches …
        last = bisect_right(self._starts, stop + self._pause)  # … and the one after the last
        if first < last:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]
        while len(self._starts) > self._most:
            spans, self._starts, self._stops = self.all(), [], []
            self._pause *= 2
            for span in spans:
                self.add(*span)

    def all(self) -> list[tuple[float, float]]:
        """All of them, in order."""
        return list(zip(self._starts, self._stops, strict=True))
