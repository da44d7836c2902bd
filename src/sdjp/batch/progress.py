"""How far a job is, how fast it goes, and how long it will go on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, Protocol

from sdjp.batch.quantities import duration, few_digits
from sdjp.errors import Language, get_language

_MOMENT: Final = 1.0
"""Seconds: what a batch brings is told picture by picture, and all within less."""

_WINDOW: Final = 180.0
"""Seconds that the pace is measured over …"""

_LEAST: Final = 10
"""… or so many moments, where pictures take minutes."""


_SOON: Final = 10.0
"""Seconds: less than that is not told, for nobody can know it."""


class Told(Protocol):
    """What an event tells: a picture is ``"drawn"``, ``"failed"``, or ``"skipped"`` as it was there."""

    @property
    def kind(self) -> Literal["drawn", "failed", "skipped"]:
        """What became of it."""
        ...


@dataclass
class _Moment:
    """Pictures that came together: when the first of them did, and how many there were by then in all."""

    time: float
    drawn: int
    settled: int


class Progress:
    """Counts what a job has done, and measures how fast it does it.

    The pace is that of the last minutes, counted from one moment at which pictures came to another. So what
    comes before the first picture (models are loaded) is not in it, nor is what was drawn before.

    Args:
        total: Pictures of the job.
        done_before: Those that are there already.
        failed: Those that cannot be drawn, as is known already.
        clock: Gives seconds.
    """

    def __init__(
        self, total: int, done_before: int = 0, failed: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.done = done_before
        self.failed = failed
        self._clock = clock
        self._drawn = 0
        self._settled = 0
        self._moments: deque[_Moment] = deque()

    def add(self, event: Told) -> None:
        """Take in what became of one picture."""
        if event.kind == "failed":
            self.failed += 1
        else:
            self.done += 1
        if event.kind == "skipped":
            return
        self._drawn += event.kind == "drawn"
        self._settled += 1
        now = self._clock()
        if not self._moments or now - self._moments[-1].time >= _MOMENT:
            self._moments.append(_Moment(now, self._drawn, self._settled))
            while len(self._moments) > _LEAST and now - self._moments[1].time >= _WINDOW:
                self._moments.popleft()
        else:
            self._moments[-1].drawn = self._drawn
            self._moments[-1].settled = self._settled

    @property
    def left(self) -> int:
        """Pictures of which it is not known yet what becomes of them."""
        return max(0, self.total - self.done - self.failed)

    @property
    def per_minute(self) -> float | None:
        """Pictures that are drawn in a minute; None as long as there is too little to tell."""
        between = self._between()
        return None if between is None else 60 * between[0]

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all is drawn, at this pace; None as long as it cannot be told."""
        between = self._between()
        return None if between is None or not between[1] or not self.left else self.left / between[1]

    def line(self, language: Language | None = None) -> str:
        """Say it in one line, in ``language`` or in the one that errors use."""
        language = language or get_language()
        pace, left = self.per_minute, self.seconds_left if self.left else None
        left = None if left is None else max(left, _SOON)
        if language == "en":
            parts = [f"{self.done:,}/{self.total:,} pictures"]
            if self.failed:
                parts[0] += f" ({self.failed:,} failed)"
            if pace is not None:
                parts.append(f"{few_digits(pace)} a minute")
            if left is not None:
                parts.append(f"about {duration(left, 'en')} left")
            return ", ".join(parts)
        parts = [f"{self.done:,}/{self.total:,} 枚"]
        if self.failed:
            parts[0] += f"（失敗 {self.failed:,}）"
        if pace is not None:
            parts.append(f"{few_digits(pace)} 枚/分")
        if left is not None:
            parts.append(f"残り約 {duration(left, 'ja')}")
        return "、".join(parts)

    def _between(self) -> tuple[float, float] | None:
        """Pictures a second between the first moment and the last: those drawn, and those settled.

        A moment counts once it is over. After the longest pause there has been, waiting counts, too.
        """
        now = self._clock()
        over = [moment for moment in self._moments if now - moment.time >= _MOMENT]
        if len(over) < 2:
            return None
        first, last = over[0], over[-1]
        longest = max(b.time - a.time for a, b in pairwise(over))
        seconds = max(last.time, now - longest) - first.time
        return (last.drawn - first.drawn) / seconds, (last.settled - first.settled) / seconds
