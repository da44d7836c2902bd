"""A client that asks again by itself is given the picture of its first attempt, and nothing is drawn twice.

OpenAI's clients ask again where a connection is lost or slow; they say so in ``x-stainless-retry-count``, and
send no key by which the attempts could be matched. So attempts are matched by who asks and for what. The same
request without that header is somebody who wants another picture.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Key: TypeAlias = tuple[str, str]
"""Who asks, and a digest of what for."""

KEPT: Final = 3600.0
"""Seconds that an attempt is remembered; clients ask again within minutes."""
MOST: Final = 1000
"""Different requests that are remembered; the oldest go first."""


@dataclass(kw_only=True, eq=False)
class Attempt:
    """A request that became a job.

    Attributes:
        job: The id of the job.
        made: When, by the registry's clock.
        keyed: Whether its client gave it a key of its own, by which it will find it again.
        waiting: Connections that wait for it now.
        answered: Whether one of them was given the pictures, or told why there are none.
        turn: Held by who looks whether the job is there and joins it, and by who leaves and withdraws it:
            a retry never joins a job that is being withdrawn.
    """

    job: str
    made: float
    keyed: bool = False
    waiting: int = 0
    answered: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class Attempts:
    """The jobs that recent requests became. It lives in the event loop: no two threads use it.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: OrderedDict[Key, list[Attempt]] = OrderedDict()

    def begin(self, key: Key) -> None:
        """Note a first attempt: what was answered before is not what its retries will ask for."""
        if key in self._made:
            self._made[key] = [one for one in self._recent(key) if not one.answered]

    def add(self, key: Key, job: str, *, keyed: bool = False) -> Attempt:
        """Note that a request became a job; the same one where a key of the client led to it twice."""
        made = self._made.setdefault(key, [])
        self._made.move_to_end(key)
        while len(self._made) > MOST:
            self._made.popitem(last=False)
        for one in made:
            if one.job == job:
                return one
        attempt = Attempt(job=job, made=self._clock(), keyed=keyed)
        made.append(attempt)
        return attempt

    def again(self, key: Key) -> Attempt | None:
        """Return the attempt that a retry belongs to: of equal ones, the last that nobody waits for."""
        made = self._recent(key)
        lost = [one for one in made if one.waiting == 0]
        return next(reversed(lost or made), None)

    def forget(self, key: Key, attempt: Attempt) -> None:
        """Drop an attempt that will have no pictures."""
        self._made[key] = [one for one in self._made.get(key, ()) if one is not attempt]

    def _recent(self, key: Key) -> list[Attempt]:
        oldest = self._clock() - KEPT
        return [one for one in self._made.get(key, ()) if one.made >= oldest]
