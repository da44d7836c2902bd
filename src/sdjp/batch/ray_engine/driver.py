"""The process that Ray runs in: it starts or joins a cluster, and draws window after window of tasks.

A window is a data set of Ray: each of its tasks is an object that this process keeps account of, and its pool
of actors lives as long as it. So windows are small beside a job, which may have millions of tasks, and large
beside the pool: loading the model, and waiting for the last task, are once a window.

What the actors do is safe by itself, see ``worker.py``. Ray may run a task twice, or give it to another actor
when one dies, without end; that is right here: what is drawn is not drawn again, and an item over which
workers die is given up by what is noted of it (``tries.py``).
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import IO, Any, Final

from sdjp.batch.ray_engine.cluster import broken_off
from sdjp.batch.ray_engine.messages import Failed, Order, Want
from sdjp.batch.spec import Job, RunSettings, Task
from sdjp.batch.stores.opening import open_store
from sdjp.errors import InputError, SdjpError

_LEAST: Final = 2_000
_MOST: Final = 20_000
_EACH: Final = 50
"""Tasks of a window: at least, at most, and for each actor, in between."""
_STORE: Final = 256 << 20
"""Bytes of the object store of a cluster of our own; weights that are sent come on top."""


def main() -> None:
    """Do what is ordered on the standard input; when that is closed, end."""
    talk = _Talk()
    order = talk.order
    try:
        _run(order, talk)
        talk.say("done")
    except KeyboardInterrupt:  # nobody wants the rest
        pass
    except _Stop as stop:
        talk.say(stop.failed)
    except SdjpError as error:
        talk.say(Failed(error=error))
    except Exception as error:
        traceback.print_exc()
        talk.say(Failed(error=broken_off(_last_line(error))))
    finally:
        if order.folder is not None:
            shutil.rmtree(order.folder, ignore_errors=True)


class _Talk:
    """What comes from the other side, and goes to it.

    The pipes are moved away from where they were: whatever Ray prints goes to the standard error.
    """

    def __init__(self) -> None:
        self._in: IO[bytes] = os.fdopen(os.dup(0), "rb")
        self._out: IO[bytes] = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.close(nothing)
        self.order: Order = pickle.load(self._in)
        self._windows: queue.SimpleQueue[list[Task]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(threading.main_thread().ident,), daemon=True).start()

    def say(self, message: object) -> None:
        """Say something."""
        with suppress(OSError):  # the other side is gone: _listen() sees to the rest
            pickle.dump(message, self._out)
            self._out.flush()

    def windows(self, count: int) -> Iterator[list[Task]]:
        """Ask for tasks, always for one window ahead, until there are no more."""
        self.say(Want(count=count))
        while window := self._windows.get():
            self.say(Want(count=count))
            yield window

    def _listen(self, main_thread: int) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._windows.put(pickle.load(self._in))
        if sys.platform == "win32":
            os._exit(1)
        signal.pthread_kill(main_thread, signal.SIGINT)


def _run(order: Order, talk: _Talk) -> None:
    from sdjp.batch.ray_engine.weights import send, sendable, size_of

    job = Job.read(open_store(order.out))
    weights = sendable(job.spec)
    size = sum(map(size_of, weights.values()))
    with _cluster(order, size if order.ship_weights else 0):
        team = _team(job, order)
        sent = {name: send(path) for name, path in weights.items()} if order.ship_weights else {}
        arguments = {
            "out": order.out,
            "settings": team.settings,
            "weights": tuple(weights),
            "sent": sent,
        }
        for window in talk.windows(min(max(_LEAST, _EACH * team.size), _MOST)):
            _draw(window, team, arguments, talk.say)


def _draw(window: list[Task], team: _Team, arguments: dict[str, Any], say: Callable[[object], None]) -> None:
    """Draw a window of tasks."""
    import ray.data

    from sdjp.batch.ray_engine.actor import Drawer, read_report

    rows = [task.to_json() for task in window]
    reports = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        Drawer,
        batch_size=1,
        # Tasks take longer than handing them out: one that waits behind another only makes the end uneven.
        compute=ray.data.ActorPoolStrategy(size=min(team.size, len(rows)), max_tasks_in_flight_per_actor=1),
        fn_constructor_kwargs=arguments,
        **team.each,
    )
    for row in reports.iter_rows():
        events, failed = read_report(row)
        for event in events:
            say(event)
        if failed is not None:
            raise _Stop(failed)


class _Stop(Exception):
    """An actor says that the job must stop, and why."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(str(failed.error))
        self.failed = failed


@contextmanager
def _cluster(order: Order, extra: int) -> Iterator[None]:
    """Join a cluster, or have one of our own as long as this lasts.

    Args:
        order: What is to be done.
        extra: Bytes that its object store is to have room for, beside tasks and reports.
    """
    import ray
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if order.address is not None:
            ray.init(address=order.address, **quiet)
        else:
            threads = order.settings.threads or 1
            ray.init(
                address="local",  # not one that happens to run here, nor that of RAY_ADDRESS
                num_cpus=None if order.workers is None else order.workers * threads,
                object_store_memory=_STORE + extra,
                include_dashboard=False,
                _temp_dir=order.folder,
                **quiet,
            )
    except Exception as error:
        traceback.print_exc()
        raise _no_cluster(order, error) from error
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True, kw_only=True)
class _Team:
    """The actors.

    Attributes:
        size: How many.
        settings: How they draw.
        each: What of a machine each of them has for itself, as Ray's arguments.
    """

    size: int
    settings: RunSettings
    each: dict[str, Any]


def _team(job: Job, order: Order) -> _Team:
    """How many actors there are, and where: one on each GPU, if there are any and they are not declined.

    Raises:
        InputError: If no node has what one actor needs.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    device = str(order.settings.device or job.spec.model.get("device", "auto"))
    cuda = device.startswith("cuda") or (device == "auto" and any(node.get("GPU", 0) >= 1 for node in nodes))
    threads = order.settings.threads or 1
    resource, need = ("GPU", 1) if cuda else ("CPU", threads)
    room = sum(int(node.get(resource, 0)) // need for node in nodes)
    if not room:
        raise InputError(
            "batch.ray_room",
            ja=f"Ray のクラスターに、{resource} が {need} 個以上あるノードがありません。ノードを足すか、"
            "--device や --threads を変えてください。",
            en=f"no node of the cluster has {need} {resource}. Add one, or change --device or --threads.",
        )
    return _Team(
        size=order.workers or room,
        settings=replace(order.settings, device="cuda" if cuda else "cpu" if device == "auto" else device),
        each={"num_gpus": 1} if cuda else {"num_cpus": threads},
    )


def _no_cluster(order: Order, error: Exception) -> SdjpError:
    why = _last_line(error)
    if order.address is None:
        return SdjpError(
            "batch.ray_start",
            ja=f"このマシンで Ray を始められません（{why}）。",
            en=f"Ray cannot be started on this machine ({why}).",
        )
    return SdjpError(
        "batch.ray_address",
        ja=f"Ray のクラスター {order.address} につながりません（{why}）。クラスターが動いていて、このマシンが"
        "加わっていることを確かめてください。トークンの要るクラスターなら、環境変数 RAY_AUTH_MODE=token も"
        "要ります。",
        en=f"the cluster of Ray at {order.address} cannot be reached ({why}). See that it runs, and that "
        "this machine is part of it. If it wants a token, RAY_AUTH_MODE=token must be set, too.",
    )


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
