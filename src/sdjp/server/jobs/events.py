"""What happens to jobs, told to whoever listens, from any thread to any event loop.

A log keeps what a listener needs who comes late, or comes again: of progress, previews and places in the
queue only the newest. So a listener who is slow, or gone, costs nothing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Kind: TypeAlias = Literal["job", "progress", "preview", "picture", "position"]
NEWEST_ONLY: Final[tuple[Kind, ...]] = ("progress", "preview", "position")
LOGS_KEPT: Final = 256
"""Logs of jobs that are over, for those who come again; what was in others is in the store."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a job.

    Attributes:
        id: Rises over all jobs, and over restarts of the server.
        kind: What happened.
        data: What is told of it, as plain JSON data.
    """

    id: int
    kind: Kind
    data: Mapping[str, Any] = field(repr=False)


class Events:
    """The logs of all jobs that go on, and of the last that went on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: OrderedDict[str, list[Event]] = OrderedDict()
        self._over: set[str] = set()
        self._waiters: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._last = int(time.time() * 1000) * 1000  # above all of the process before

    def publish(self, job: str, kind: Kind, data: Mapping[str, Any], *, last: bool = False) -> None:
        """Tell of something; ``last`` says that nothing follows."""
        with self._lock:
            self._last += 1
            log = [
                event
                for event in self._logs.get(job, ())
                if event.kind not in NEWEST_ONLY or event.kind != kind
            ]
            self._logs[job] = [*log, Event(id=self._last, kind=kind, data=data)]
            if last:
                self._over.add(job)
                self._trim()
            waiters = list(self._waiters.get(job, ()))
        for loop, waiter in waiters:
            _wake(loop, waiter)

    @property
    def last(self) -> int:
        """The id of the newest event of any job."""
        with self._lock:
            return self._last

    def after(self, job: str, event: int) -> list[Event] | None:
        """Events of a job after one; None if what lies between is not known any more."""
        with self._lock:
            log = self._logs.get(job)
            if event > self._last:  # the clock was put back, or a client made it up
                return None
            if log is None:
                return [] if event == self._last else None
            return [one for one in log if one.id > event]

    async def wait(self, job: str, event: int, *, seconds: float) -> None:
        """Return when there is an event of a job after one, or after some seconds."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiters.setdefault(job, set()).add(waiter)
            there = any(one.id > event for one in self._logs.get(job, ()))
        try:
            if not there:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(waiter[1].wait(), seconds)
        finally:
            with self._lock:
                waiting = self._waiters[job]
                waiting.discard(waiter)
                if not waiting:
                    del self._waiters[job]

    def _trim(self) -> None:
        """Forget the oldest logs of jobs that are over."""
        for job in [job for job in self._logs if job in self._over][:-LOGS_KEPT]:
            del self._logs[job]
            self._over.discard(job)


def _wake(loop: asyncio.AbstractEventLoop, waiter: asyncio.Event) -> None:
    with suppress(RuntimeError):  # its loop is closed: nobody waits
        loop.call_soon_threadsafe(waiter.set)
