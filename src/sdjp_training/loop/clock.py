"""When a training run warms up, cools down, saves and ends."""

from __future__ import annotations

import time
from typing import Final

PAUSE: Final = 60.0
"""Seconds between two looks at the clock that count; what is longer was a pause, of the process or the
machine, and counts as this much."""


class Clock:
    """The time of one run, pauses left out.

    Args:
        minutes: How long it lasts.
        warm: Seconds over which the learning rate rises.
        every: Seconds between checkpoints.
        cooling: Share of the run, at its end, over which the learning rate falls to nearly nothing; or 0.
    """

    def __init__(self, minutes: float, *, warm: float, every: float, cooling: float) -> None:
        self.seconds = 60 * minutes
        self.warm, self.every, self.cooling = warm, every, cooling
        self._spent, self._seen = 0.0, time.time()
        self.saved = self._seen

    @property
    def spent(self) -> float:
        """Seconds of the run until now."""
        now = time.time()
        self._spent += min(now - self._seen, PAUSE)
        self._seen = now
        return self._spent

    @property
    def done(self) -> float:
        """The share of the run that is over; 1 and more at its end."""
        return self.spent / self.seconds

    def rate(self, done: float) -> float:
        """The factor on the learning rate at ``done``."""
        rising = min(1.0, self.spent / self.warm)
        falling = max(0.02, min(1.0, (1 - done) / self.cooling)) if self.cooling else 1.0
        return rising * falling

    def due(self, done: float) -> bool:
        """Whether to save now: every so often, and at the end."""
        return done >= 1 or time.time() - self.saved > self.every

    def lap(self) -> float:
        """Note that all is saved; return the seconds since the last time."""
        now = time.time()
        seconds, self.saved = now - self.saved, now
        return seconds
