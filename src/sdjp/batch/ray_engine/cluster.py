"""The engine ``ray``: worker actors on a cluster of Ray, or on one that is started on this machine.

Ray runs in a process of its own, see ``driver.py``: it writes to the terminal, takes over signals, and
ends its process at once when the heart of the cluster stops. This side hands out tasks and tells what became
of them; nothing that counts depends on Ray: what is committed is committed, whatever it does.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pickle
import queue
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from sdjp.batch.ray_engine.messages import Failed, Order, Want
from sdjp.batch.sinks import Event, Tell
from sdjp.batch.spec import RunSettings, Task
from sdjp.batch.worker import workers_died
from sdjp.errors import InputError, MissingDependencyError, SdjpError

_WAIT: Final = 0.5  # seconds
_PATIENCE: Final = 30.0
_DEATHS: Final = 20
"""Items in a row that killed workers, with no other between them, after which the job stops."""
_ROOM: Final = 40
"""Longest folder that Ray's sockets fit in: their paths have 107 characters at most."""


def draw_all(
    out: str,
    tasks: Iterator[Task],
    settings: RunSettings,
    *,
    workers: int | None,
    address: str | None,
    tell: Tell,
    check: Callable[[], None] = lambda: None,
    ship_weights: bool = False,
) -> None:
    """Draw tasks with actors of Ray.

    Args:
        out: The place of the job, which is planned; every node must see it.
        tasks: What is to be drawn; asked for in windows, see ``driver.py``.
        settings: How it is drawn.
        workers: How many actors; None for one on each GPU, or on each processor.
        address: ``"auto"`` for the cluster that this machine is part of, or its ``host:port``; None starts
            one here, which ends with the job. ``RAY_ADDRESS`` counts with ``"auto"`` only.
        tell: Told of each item, when its task is done.
        check: Called now and then; what it raises stops the actors.
        ship_weights: Send the weights to each node, which keeps them; else they are looked for on each node
            where they are here.

    Raises:
        InputError: If the cluster has nothing that could draw, or a node has not what it needs.
        StoreError: If the place cannot be used any more.
        MissingDependencyError: If Ray is not installed.
        SdjpError: If the model cannot be loaded, the cluster is not there, or breaks off.
    """
    _check_address(address)
    _check_installed()
    folder = None if address else tempfile.mkdtemp(prefix="sdjp-ray-", dir=_short_folder())
    order = Order(
        out=out if "://" in out else os.path.abspath(out),
        settings=settings,
        workers=workers,
        address=address,
        ship_weights=ship_weights,
        folder=folder,
    )
    driver = _Driver(order)
    try:
        driver.run(tasks, tell, check)
    finally:
        driver.end()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


class _Driver:
    """The process that Ray runs in, as this side sees it."""

    def __init__(self, order: Order) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-c", "from sdjp.batch.ray_engine.driver import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(order),
            start_new_session=True,  # Ctrl-C is for this side
        )
        self._said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._deaths = 0
        self._send(order)

    def run(self, tasks: Iterator[Task], tell: Tell, check: Callable[[], None]) -> None:
        """Hand out tasks and tell of events, until all is done."""
        while True:
            check()
            try:
                said = self._said.get(timeout=_WAIT)
            except queue.Empty:
                continue
            match said:
                case Want():
                    self._send(list(itertools.islice(tasks, said.count)))
                case Event():
                    tell(said)
                    self._count(said)
                case Failed():
                    raise said.error from said.cause
                case "done":
                    return
                case None:
                    raise self._broken()

    def end(self) -> None:
        """End the process and all that it has started; it does so by itself when nobody talks to it."""
        with suppress(OSError):
            self._stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        if sys.platform == "win32":
            self._process.kill()
        elif self._process.poll() != 0:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    def _send(self, message: object) -> None:
        with suppress(OSError):  # it is gone: run() will find out
            pickle.dump(message, self._stdin)
            self._stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout, suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._said.put(pickle.load(stdout))
        self._said.put(None)

    def _count(self, event: Event) -> None:
        """Stop before a whole job fails, because no picture of it fits into memory."""
        died = event.error is not None and event.error["code"] == "batch.died"
        self._deaths = self._deaths + 1 if died else 0
        if self._deaths >= _DEATHS:
            raise workers_died()

    def _broken(self) -> SdjpError:
        """The error for a process that went without a word, with the last one that Ray had."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        if (self._process.returncode or 0) < 0:
            return broken_off(signal.Signals(-self._process.returncode).name)
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 4000))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        told = re.sub(r"^\[[^]]*\] \S+: ", "", lines[-1]) if lines else "?"  # without time and place
        return broken_off(told.partition(". ")[0])


def broken_off(why: str) -> SdjpError:
    """The error for a cluster that stops while it works."""
    return SdjpError(
        "batch.ray_broken",
        ja=f"Ray のクラスターが止まりました（{why}）。描き終えた絵は残っています。クラスターを確かめて、"
        "もう一度同じコマンドを実行すると続きから描きます。",
        en=f"the cluster of Ray has stopped ({why}). What is drawn stays. See to the cluster and run the "
        "same command again: it goes on from there.",
    )


def _environment(order: Order) -> dict[str, str]:
    """The environment of the process: modules are found where they are found here."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if order.address is None:
        # A cluster of our own tells nobody of itself, and lets nobody in.
        environment["RAY_USAGE_STATS_ENABLED"] = "0"
        if "RAY_AUTH_MODE" not in environment:
            environment.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    return environment


def _short_folder() -> str | None:
    return "/tmp" if os.name == "posix" and len(tempfile.gettempdir()) > _ROOM else None


def _check_address(address: str | None) -> None:
    if address is not None and "://" in address:
        raise InputError(
            "batch.ray_address",
            ja=f"--address {address} は使えません。Ray Data は ray:// の接続では動きません。クラスターの中で"
            " --address auto を使うか（ray job submit … -- sdjp batch …）、クラスターに加わっているマシンから"
            "「ホスト:6379」を指定してください。",
            en=f"--address {address} cannot be used: Ray Data does not run over ray:// connections. Use "
            "--address auto inside the cluster (ray job submit … -- sdjp batch …), or HOST:6379 on a machine "
            "that is part of it.",
        )


def _check_installed() -> None:
    missing = [name for name in ("ray", "pyarrow", "pandas") if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise MissingDependencyError(
            "batch.ray_missing",
            ja=f'--engine ray には Ray Data が必要です（ないもの: {names}）。pip install "sdjp[ray]" で'
            "入れてください。",
            en=f'--engine ray needs Ray Data (missing: {names}). Install it: pip install "sdjp[ray]".',
        )
