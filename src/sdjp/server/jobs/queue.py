"""The queue: what the web asks of jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from sdjp.errors import SdjpError
from sdjp.server.jobs.counts import Counts
from sdjp.server.jobs.errors import (
    PATIENCE,
    JobExpiredError,
    JobUnknownError,
    PictureUnknownError,
    QueueFullError,
    StoppingError,
    UnexpectedError,
)
from sdjp.server.jobs.events import Event, Events
from sdjp.server.jobs.record import OVER, JobProgress, JobRecord, JobRequest, PictureRecord, State
from sdjp.server.jobs.store import JobStore
from sdjp.server.jobs.together import together
from sdjp.server.jobs.worker import Models, Worker

_LOG: Final = logging.getLogger("sdjp.server")
LOOK_AHEAD: Final = 64
"""Waiting jobs among which those are looked for that can be drawn together with the first."""
TIDY_EVERY: Final = 60.0  # seconds
_NOW: Final[tuple[State, ...]] = ("queued", "drawing")
LOOKED: Final = 10.0
"""Seconds for which someone who asked for a preview wants another one."""


class JobQueue:
    """Jobs in, pictures out: a store, and a worker that draws what waits in it, in its order.

    Args:
        folder: Where everything is kept.
        models: What to draw with.
        batch: Pictures that are drawn together at most.
        max_queue: Jobs that may wait.
        keep_days: Pictures without a star go after so many days; None: never on account of their age.
        keep_bytes: The oldest of them go above so many bytes; None: however many there are.
        previews: Whether there are previews at all.

    Raises:
        OutputError: If the folder cannot be used, or another server uses it.
    """

    def __init__(
        self,
        folder: Path,
        models: Models,
        *,
        batch: int = 4,
        max_queue: int = 100,
        keep_days: float | None = None,
        keep_bytes: int | None = None,
        previews: bool = True,
    ) -> None:
        self._store = JobStore(folder)
        self._models = models
        self._batch = batch
        self._max_queue = max_queue
        self._keep_days = keep_days
        self._keep_bytes = keep_bytes
        self._previews = previews
        self._events = Events()
        self._watching: Counter[str] = Counter()
        self._looked: dict[str, float] = {}
        self._changed = threading.Condition(threading.RLock())
        self._stopping = threading.Event()
        self._finished = threading.Event()
        self._seconds_each = 5.0  # of a job; learnt as they are drawn
        self._broken: dict[str, SdjpError] = {}
        self._counts = Counts()
        self._worker = Worker(
            self._store,
            models,
            self._events,
            batch=batch,
            wanted=self._wanted,
            tell=self._tell,
            stopping=self._stopping,
        )
        self._thread = threading.Thread(target=self._run, name="sdjp worker", daemon=True)

    def start(self) -> None:
        """Take up what was left by the process before, and begin to draw."""
        for job in self._store.recover():
            _LOG.error("job %s is set aside: the server died %d times over it", job.id, job.attempts)
        self._thread.start()

    def stop(self, *, seconds: float | None = None) -> None:
        """Draw what is being drawn to its end, leave the rest for the next start, and let the folder go.

        Args:
            seconds: How long to wait for that; None: as long as it takes.
        """
        self.finish(seconds=seconds)
        self._store.close()

    def finish(self, *, seconds: float | None = None) -> None:
        """Take no more jobs, and draw what is being drawn to its end; what is kept can still be asked for.

        Whoever waits for a job that is left for the next start waits no longer.

        Args:
            seconds: How long to wait for that; None: as long as it takes.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._finished.set()

    def abandon(self) -> None:
        """Leave what is being drawn for the next start, as the process is about to end at once."""
        self._stopping.set()
        self._store.put_back([job.id for job in self._store.find(states=("drawing",))])

    # What callers ask for.

    def submit(self, request: JobRequest, *, owner: str, key: str | None = None) -> JobRecord:
        """Put a job at the end of the queue.

        Args:
            request: What is asked for.
            owner: Who asks.
            key: The second request of an owner with the same key gives the job of the first one.

        Raises:
            QueueFullError: If as many wait as may.
            StoppingError: If the server stops.
            OutputError: If it cannot be kept.
        """
        if self._stopping.is_set():
            raise StoppingError.now()
        with self._changed:
            waiting = self.waiting
            if waiting >= self._max_queue:
                self._counts.refused()
                seconds = round(self._seconds_each * waiting / 2)
                raise QueueFullError.at(waiting, retry_after=min(max(seconds, 1), PATIENCE))
            job, new = self._store.add(request, owner=owner, key=key)
            if new:
                self._counts.submitted()
                self._changed.notify_all()
        return job

    def by_key(self, key: str, *, owner: str) -> JobRecord | None:
        """The job that an owner gave a key; None if there is none."""
        return self._store.by_key(key, owner=owner)

    def get(self, job: str, *, owner: str) -> JobRecord:
        """A job of an owner.

        Raises:
            JobUnknownError: If the owner has no such job.
            JobExpiredError: If there was one.
        """
        found = self._store.get(job)
        if found.owner != owner:  # whether somebody else has one is nobody's business
            raise JobUnknownError.of(job)
        if job in self._broken and not found.over:
            error = self._broken[job]
            return replace(found, state="failed", error={"code": error.code, "ja": error.ja, "en": error.en})
        return found

    def find(
        self,
        *,
        owner: str,
        states: Sequence[State] = (),
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[list[JobRecord], int | None]:
        """Jobs of an owner, newest first, and from where the next ones follow; None: there are no more."""
        jobs = self._store.find(owner=owner, states=states, before=before, limit=limit + 1)
        return jobs[:limit], jobs[limit - 1].number if len(jobs) > limit else None

    def cancel(self, job: str, *, owner: str) -> JobRecord:
        """Stop a job, whether it waits or is drawn; pictures that are finished stay.

        Raises:
            JobUnknownError: If the owner has no such job.
            JobExpiredError: If there was one.
        """
        found = self.get(job, owner=owner)
        if found.over:
            return found
        with self._changed:
            if self._store.get(job).state == "queued":
                self._store.settle(job, "cancelled")
                self._tell(job)
            else:
                self._worker.drop(job)
        return self.get(job, owner=owner)

    def withdraw(self, job: str, *, owner: str) -> bool:
        """Cancel a job if it still waits; True if it did."""
        with self._changed:
            waits = self.get(job, owner=owner).state == "queued"
            if waits:
                self.cancel(job, owner=owner)
        return waits

    def remove(self, job: str, *, owner: str) -> None:
        """Stop a job and delete it with its pictures.

        Raises:
            JobUnknownError: If the owner has no such job.
            JobExpiredError: If it is gone already.
        """
        if not self.cancel(job, owner=owner).over:  # it is drawn: what is kept of it until it stops goes, too
            self._store.settle(job, "cancelled")
            self._tell(job)
        self._store.remove(job)

    def drawing(self, *, owner: str | None = None) -> JobRecord | None:
        """The job that is drawn now; of an owner, or of anybody."""
        return next(
            iter(self._store.find(owner=owner, states=("drawing",), limit=1, oldest_first=True)), None
        )

    def position(self, job: JobRecord) -> int | None:
        """How many jobs are drawn before a waiting one; None if it does not wait."""
        return self._store.place(job.id) if job.state == "queued" else None

    def progress(self, job: str) -> JobProgress | None:
        """How far a job has come; None if it is not drawn now."""
        drawing = self._worker.now
        if drawing is None or all(row.job.id != job for row in drawing.rows):
            return None
        return drawing.progress(job)

    def preview(self, job: str) -> bytes | None:
        """The newest preview of a job, a JPEG; None if there is none yet. Who asks gets more of them."""
        self._looked[job] = time.monotonic()
        return self._worker.previews.get(job)

    def state_of(self, job: JobRecord) -> Mapping[str, object]:
        """A job as JSON data, with its place in the queue or its progress."""
        progress = None if job.over else self.progress(job.id)
        return job.to_json(position=self.position(job), progress=progress)

    # Pictures.

    def read_picture(self, job: str, index: int, *, owner: str, attention: bool = False) -> bytes:
        """The PNG of a picture, with its record; or what was recorded of its attention, as JSON.

        Raises:
            JobUnknownError: If the owner has no such job.
            PictureUnknownError: If it has no such picture.
            JobExpiredError: If it is gone.
            FileNotFoundError: If no attention was recorded.
        """
        self.get(job, owner=owner)
        return self._store.pictures.read(job, index, attention=attention)

    def read_input(self, job: str, kind: str, index: int = 0, *, owner: str) -> bytes:
        """A picture that a job was given, as it was sent.

        Args:
            job: The id of the job.
            kind: image, mask, image_prompt or controls.
            index: Its number among several.
            owner: Whose job it is.

        Raises:
            JobUnknownError: If the owner has no such job.
            JobExpiredError: If it is gone.
            PictureUnknownError: If it was given no such picture.
        """
        files = self.get(job, owner=owner).request.files_of(kind)
        if not 0 <= index < len(files):
            raise PictureUnknownError.given(job, kind, index)
        return self._store.inputs.read(files[index])

    def star(self, job: str, index: int, starred: bool, *, owner: str) -> PictureRecord:
        """Star a picture, or take its star away. Raises as :meth:`read_picture` does."""
        self.get(job, owner=owner)
        return self._store.pictures.star(job, index, starred)

    def remove_picture(self, job: str, index: int, *, owner: str) -> None:
        """Delete a picture. Raises as :meth:`read_picture` does."""
        self.get(job, owner=owner)
        self._store.pictures.get(job, index)
        self._store.pictures.remove(job, [index])

    def search(
        self, text: str = "", *, owner: str, starred: bool = False, before: int | None = None, limit: int = 50
    ) -> tuple[list[PictureRecord], int | None]:
        """Pictures of an owner; see :meth:`sdjp.server.jobs.pictures.PictureStore.search`."""
        return self._store.pictures.search(text, owner=owner, starred=starred, before=before, limit=limit)

    # Waiting for what happens.

    async def events(
        self,
        job: str,
        *,
        owner: str,
        after: int | None = None,
        previews: bool = False,
        heartbeat: float = 15.0,
    ) -> AsyncIterator[Event | None]:
        """What happens to a job, until it is over; None where nothing has happened for ``heartbeat`` seconds.

        Args:
            job: Its id.
            owner: Whose it is.
            after: The last event that the listener has; None, or one of long ago, begins with the whole job.
            previews: Whether the listener looks at previews.
            heartbeat: Seconds.

        Raises:
            JobUnknownError: If the owner has no such job.
            JobExpiredError: If it is gone.
        """
        known = None if after is None else self._events.after(job, after)
        last = self._events.last if known is None or after is None else after
        record = self.get(job, owner=owner)  # after that: what happens in between is told twice, not never
        if known is None:
            yield Event(id=last, kind="job", data=self.state_of(record))
            if record.over:
                return
        elif not known and record.over:  # the listener has all there is
            return
        self._watch(job, previews)
        try:
            position, told = None, time.monotonic()
            while True:
                happened = self._events.after(job, last)
                for event in happened or ():
                    last, told = event.id, time.monotonic()
                    if event.kind != "preview" or previews:
                        yield event
                    if event.kind == "job" and event.data["state"] in OVER:
                        return
                if self._finished.is_set():
                    return
                place = self._store.place(job)
                if place is None and happened is None:  # it is forgotten: this listener was slow
                    try:
                        record = self.get(job, owner=owner)
                    except JobExpiredError:
                        return
                    if record.over:
                        yield Event(id=self._events.last, kind="job", data=self.state_of(record))
                        return
                if place is not None and place != position:
                    position, told = place, time.monotonic()
                    yield Event(id=last, kind="position", data={"position": place})
                elif time.monotonic() - told >= heartbeat:
                    told = time.monotonic()
                    yield None
                await self._events.wait(job, last, seconds=heartbeat if place is None else 1.0)
        finally:
            self._watch(job, -previews)

    async def settled(self, job: str, *, owner: str) -> JobRecord:
        """Wait until a job is over, and return it.

        Raises:
            JobUnknownError: If the owner has no such job.
            JobExpiredError: If it is gone.
            StoppingError: If the server stops before.
        """
        while True:
            last = self._events.last
            record = self.get(job, owner=owner)
            if record.over:
                return record
            if self._finished.is_set():
                raise StoppingError.now()
            await self._events.wait(job, last, seconds=1.0)

    # What is told of all.

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return self._store.count("queued")

    @property
    def counts(self) -> Mapping[str, float]:
        """Figures of now and since the start, by the names that Prometheus has them under."""
        now = {f'sdjp_jobs{{state="{state}"}}': self._store.count(state) for state in _NOW}
        return {**now, **self._counts.samples(), "sdjp_pictures_bytes": self._store.pictures.bytes}

    # The worker's thread.

    def _run(self) -> None:
        tidied = 0.0
        with suppress(Exception):  # it is for the jobs to fail over it
            self._models.pipeline(None)
        while not self._stopping.is_set():
            try:
                if time.monotonic() - tidied > TIDY_EVERY:
                    tidied = time.monotonic()
                    self._tidy()
                jobs = self._take()
                if jobs:
                    begun = time.monotonic()
                    self._worker.draw(jobs)
                    self._learn(jobs, time.monotonic() - begun)
            except Exception as error:  # the disk is full, perhaps; the thread must live
                if self._finished.is_set():  # stop() did not wait for it, and has let the folder go
                    return
                _LOG.exception("the worker goes on after an error")
                known = error if isinstance(error, SdjpError) else None
                self._give_up(known)
                self._stopping.wait(1.0)

    def _take(self) -> list[JobRecord]:
        """The jobs that are drawn next, together; none if there are none for a while."""
        with self._changed:
            waiting = self._store.find(states=("queued",), limit=LOOK_AHEAD, oldest_first=True)
            if not waiting:
                self._changed.wait(TIDY_EVERY)
                return []
        if self._batch == 1 or len(waiting) == 1:
            return waiting[:1]
        try:
            return together(waiting, self._models.pipeline(waiting[0].request.model), self._batch)
        except Exception:  # it is for the worker to fail over it
            return waiting[:1]

    def _learn(self, jobs: Sequence[JobRecord], seconds: float) -> None:
        self._counts.drawn(seconds)
        self._seconds_each += 0.2 * (seconds / len(jobs) - self._seconds_each)

    def _give_up(self, error: SdjpError | None) -> None:
        """Jobs that are still said to be drawn although nobody draws them: their listeners must not wait."""
        known = error or UnexpectedError.of(RuntimeError())
        try:
            for job in self._store.find(states=("drawing",)):
                self._broken[job.id] = known
                self._store.settle(job.id, "failed", known)
                del self._broken[job.id]
                self._tell(job.id)
        except SdjpError:
            _LOG.exception("the state of jobs cannot be kept")

    def _tidy(self) -> None:
        before = None if self._keep_days is None else time.time() - self._keep_days * 86_400
        self._store.expire(before=before, most_bytes=self._keep_bytes)
        horizon = time.monotonic() - LOOKED
        self._looked = {job: when for job, when in list(self._looked.items()) if when > horizon}

    def _tell(self, job: str) -> None:
        try:
            record = self._store.get(job)
        except SdjpError:  # it was deleted in the meantime
            return
        if record.over:
            self._counts.over(record)
        elif record.state == "drawing":
            self._counts.begun(record)
        self._events.publish(job, "job", self.state_of(record), last=record.over)

    def _watch(self, job: str, number: int) -> None:
        """So many more listeners look at previews of a job."""
        self._watching[job] += number
        if self._watching[job] == 0:
            del self._watching[job]

    def _wanted(self, job: str) -> bool:
        recent = job in self._looked and time.monotonic() - self._looked[job] < LOOKED
        return self._previews and (self._watching[job] > 0 or recent)
