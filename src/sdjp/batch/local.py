"""The engine ``local``: worker processes of this machine, which share the pages of the model's weights.

One process, the nursery, loads the model and never draws; workers are forked from it, at once and whenever
one has died. Where there is no fork (Windows) or it does not go with the device (CUDA), each worker loads
the model itself.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.resource_tracker import ensure_running
from typing import TYPE_CHECKING, Any, Final

from sdjp.batch.sinks import Event, Tell
from sdjp.batch.spec import Job, RunSettings, Task
from sdjp.batch.stores.opening import open_store
from sdjp.batch.tries import marker_name
from sdjp.batch.worker import Worker, load_pipeline, workers_died
from sdjp.errors import SdjpError

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

_DEATHS: Final = 10
"""Deaths of a worker in a row, with no picture between them, after which the job stops."""
_WAIT: Final = 0.5  # seconds
_PATIENCE: Final = 5.0


def draw_all(
    out: str,
    tasks: Iterator[Task],
    settings: RunSettings,
    *,
    workers: int,
    tell: Tell,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Draw tasks with worker processes.

    Args:
        out: The place of the job, which is planned.
        tasks: What is to be drawn; each is asked for when a worker is free.
        settings: How it is drawn.
        workers: How many processes.
        tell: Told of each item.
        check: Called now and then; what it raises stops the workers.

    Raises:
        StoreError: If the place cannot be used any more.
        SdjpError: If the model cannot be loaded, or workers die before they draw anything.
    """
    team = _Team(out, settings, tell)
    try:
        team.open(workers)
        while team.feed(tasks):
            team.listen()
            check()
    finally:
        team.dismiss()


@dataclass(kw_only=True, eq=False)
class _Member:
    """A worker process, as the driver sees it."""

    seat: int
    connection: Connection[Any, Any]
    pid: int | None = None
    task: Task | None = None


class _Team:
    """The nursery, and its workers."""

    def __init__(self, out: str, settings: RunSettings, tell: Tell) -> None:
        self._out = out
        self._settings = settings
        self._tell = tell
        self._members: list[_Member] = []
        self._again: list[Task] = []
        self._deaths = 0
        self._store = open_store(out)
        self._job = Job.read(self._store)
        self._nursery = _Nursery(self._job, settings, out)

    def open(self, workers: int) -> None:
        """Start the nursery, and workers."""
        self._nursery.open()
        for seat in range(workers):
            self.hire(seat)

    def hire(self, seat: int) -> None:
        """Start a worker."""
        ours, theirs = multiprocessing.Pipe()
        self._members.append(_Member(seat=seat, connection=ours))
        self._nursery.start(seat, theirs)
        theirs.close()

    def feed(self, tasks: Iterator[Task]) -> bool:
        """Give each worker that is free a task; return whether any is busy then."""
        for member in list(self._members):
            if member.task is None:
                task = self._again.pop() if self._again else next(tasks, None)
                if task is None:
                    break
                member.task = task
                with suppress(OSError):  # it has died: listen() will find out
                    member.connection.send(task)
        return any(member.task is not None for member in self._members)

    def listen(self) -> None:
        """Take what workers say, for half a second at most."""
        by_connection = {member.connection: member for member in self._members}
        ready = wait([*by_connection, self._nursery.connection], timeout=_WAIT)
        for connection, member in by_connection.items():
            if connection in ready:
                self._hear(member)
        self._nursery.hear()
        if not self._nursery.alive:
            self._replace_nursery()

    def dismiss(self) -> None:
        """End all processes; what they had not finished is not held against it."""
        for member in self._members:
            if member.pid is not None:
                with suppress(OSError):
                    os.kill(member.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._nursery.stop()
        for member in self._members:
            member.connection.close()
        with suppress(SdjpError):
            for member in self._members:
                if member.task is not None:
                    self._store.remove(marker_name(member.task))

    def _hear(self, member: _Member) -> None:
        try:
            said = member.connection.recv()
        except (EOFError, OSError):
            self._bury(member)
            return
        if isinstance(said, Event):
            self._deaths = 0
            self._tell(said)
        elif isinstance(said, int):
            member.pid = said
        elif isinstance(said, SdjpError):
            raise said
        else:  # it is done with its task
            member.task = None

    def _bury(self, member: _Member) -> None:
        """A worker has died: another one takes its place, and its task."""
        member.connection.close()
        self._members.remove(member)
        if member.task is not None:
            self._again.append(member.task)
        self._count_death()
        self.hire(member.seat)

    def _replace_nursery(self) -> None:
        """It has died: its workers live on, but for those that it had not started yet."""
        self._count_death()
        self._nursery.stop()
        self._nursery = _Nursery(self._job, self._settings, self._out)
        self._nursery.open()
        for member in [m for m in self._members if m.pid is None]:
            self._bury(member)

    def _count_death(self) -> None:
        self._deaths += 1
        if self._deaths > _DEATHS * max(1, len(self._members)):
            raise workers_died()


class _Nursery:
    """The process that loads the model and that workers are forked from."""

    def __init__(self, job: Job, settings: RunSettings, out: str) -> None:
        self.connection, self._theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_nurse, args=(self._theirs, job, settings, out), name="sdjp nursery"
        )

    @property
    def alive(self) -> bool:
        """Whether it is there. The connection would not tell: a worker may have its end of it, too."""
        return self._process.is_alive()

    def open(self) -> None:
        """Start it."""
        with _one_thread(), _signals_later():
            self._process.start()
        self._theirs.close()

    def start(self, seat: int, connection: Connection[Any, Any]) -> None:
        """Have a worker started, which talks through a connection."""
        with suppress(OSError):  # it has died, which will be seen
            self.connection.send((seat, connection))

    def hear(self) -> None:
        """Take what it says.

        Raises:
            SdjpError: If the model cannot be loaded.
        """
        error = None
        with suppress(EOFError, OSError):
            if self.connection.poll():
                error = self.connection.recv()
        if error is not None:
            raise error

    def stop(self) -> None:
        """End it."""
        self.connection.close()  # upon which it goes
        if self._process.pid is not None:
            self._process.join(_PATIENCE)
            self._process.kill()
            self._process.join()


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenMP of processes that are started within has one thread: helpers of others would not be forked."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals to the driver back until what is started within has read what it is given.

    Stopped half way, it would complain of that. Ctrl-C, which a terminal sends to them all, is for the
    driver: processes that are started within do not hear of it from their first moment.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    ensure_running()  # which would let them through, were it started within
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _nurse(connection: Connection[Any, Any], job: Job, settings: RunSettings, out: str) -> None:
    """Load the model, then fork workers for as long as the driver lives.

    It never opens the place of the job: threads of a store's client would not be forked.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = None
    try:
        if _forks(settings):
            pipe = load_pipeline(job, settings)
            _warm(pipe)
    except SdjpError as error:
        connection.send(error)
        return
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    children: list[Any] = []
    while True:
        wait([connection, *(child.sentinel for child in children)])
        children = [child for child in children if child.is_alive()]  # which takes note of their end
        if not connection.poll():
            continue
        try:
            seat, theirs = connection.recv()
        except (EOFError, OSError):
            return
        child = context.Process(target=_work, args=(theirs, out, settings, seat, pipe), daemon=True)
        child.start()
        theirs.close()
        children.append(child)


def _warm(pipe: Pipeline) -> None:
    """Draw something small: an engine puts the weights in an order of its own when it is first used.

    What is done before workers are forked is shared by them all. This process has one thread, so that there
    are no helpers of OpenMP that a fork would lose.
    """
    side = 8 * pipe.config.vae.factor
    with suppress(Exception):  # whatever is wrong, the first picture tells
        pipe.generate("a", height=side, width=side, num_inference_steps=1, progress=False)


def _forks(settings: RunSettings) -> bool:
    """Whether workers can have the model of the nursery."""
    return sys.platform == "linux" and settings.device in (None, "cpu")


def _work(
    connection: Connection[Any, Any], out: str, settings: RunSettings, seat: int, pipe: Pipeline | None
) -> None:
    """Draw the tasks that come, until the driver is gone."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    if settings.device == "cuda":
        settings = replace(settings, device=f"cuda:{seat % max(1, torch.cuda.device_count())}")
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, tasks), daemon=True).start()
    try:
        connection.send(os.getpid())
        worker = Worker(out, settings, pipe=pipe)
        while True:
            worker.draw(tasks.get(), connection.send)
            connection.send(None)
    except SdjpError as error:
        connection.send(error)
    except OSError:  # the driver is gone
        return


def _receive(connection: Connection[Any, Any], tasks: queue.SimpleQueue[Task]) -> None:
    """Take tasks while another one is drawn; when the driver is gone, nobody wants the rest."""
    while True:
        try:
            tasks.put(connection.recv())
        except (EOFError, OSError):
            os._exit(1)


def team(job: Job, settings: RunSettings, *, workers: int | None) -> tuple[int, RunSettings]:
    """How many workers a job gets, and with how many threads each.

    Args:
        job: The job.
        settings: What was asked for.
        workers: How many were asked for; None for one on each GPU, or on each processor.

    Returns:
        The number, and the settings with everything filled in.
    """
    import torch

    from sdjp.device import resolve_device

    device = settings.device or job.spec.model.get("device", "auto")
    if str(device) in ("auto", "cuda") and resolve_device(device).type == "cuda":
        return workers or torch.cuda.device_count(), replace(settings, device="cuda")
    if resolve_device(device).type != "cpu":
        return workers or 1, replace(settings, device=str(device))
    processors = torch.get_num_threads()  # what torch, or the user, or a quota leaves to this process
    count = workers or processors
    return count, replace(settings, threads=settings.threads or max(1, processors // count), device="cpu")
