"""Run the server until somebody stops it."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import uvicorn

from sdjp.errors import SdjpError
from sdjp.server.addresses import listen, url_of
from sdjp.server.app import create_app
from sdjp.server.context import Context
from sdjp.server.jobs.queue import JobQueue
from sdjp.server.limits import Limits
from sdjp.server.settings import Settings
from sdjp.weights import EMBEDDED_MODEL

if TYPE_CHECKING:
    import socket

    from sdjp.pipeline import Pipeline

ADDRESS_FILE: Final = "address.json"
"""Where a server that runs has its address, in its folder of data."""
_GRACE: Final = 10  # seconds for answers that are on their way when nothing is drawn any more
_INTERRUPTED: Final = 130  # what shells expect after Ctrl-C


class Server(uvicorn.Server):
    """uvicorn's server, which first lets the queue finish what is being drawn.

    Until then it still answers: those who watch a picture see its end, and new jobs are refused with 503. A
    second signal ends the process at once.

    Args:
        config: How it listens.
        queue: What is to be finished.
        started: Called when it listens.
        stopping: Called when it begins to stop, in a thread of its own.

    Attributes:
        left: Jobs that wait for the next start, when it has stopped.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        queue: JobQueue,
        *,
        started: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._queue = queue
        self._tell_started = started
        self._tell_stopping = stopping
        self._signals = 0
        self.left = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell of it."""
        await super().startup(sockets=sockets)
        self._tell_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: gracefully at the first signal, at once at the second one."""
        self._signals += 1  # nothing else may be done here: a lock may be held
        target = self._finish if self._signals == 1 else self._abandon
        threading.Thread(target=target, name="sdjp stop", daemon=True).start()

    def _finish(self) -> None:
        try:
            self._tell_stopping()
            self._queue.finish()
            self.left = self._queue.waiting
        finally:
            self.should_exit = True

    def _abandon(self) -> None:
        with suppress(SdjpError):  # the disk is full: it is stopped all the same
            self._queue.abandon()
        os._exit(_INTERRUPTED)


def run(
    settings: Settings,
    limits: Limits,
    load: Callable[[str | Path], Pipeline],
    *,
    models: Path | None = None,
    first: str = EMBEDDED_MODEL,
    any_port: bool = False,
    log_requests: bool = True,
    started: Callable[[Settings], None] = lambda settings: None,
    stopping: Callable[[], None] = lambda: None,
) -> int:
    """Run a server until a signal stops it.

    Args:
        settings: How it is set up, checked.
        limits: How much may be asked of it.
        load: Makes a pipeline of the name or path of a model.
        models: The folder of models to choose among.
        first: The model to begin with.
        any_port: Whether another port will do if the one of ``settings`` is taken.
        log_requests: Whether each request is a line on standard error.
        started: Called with the settings, which have the real port, when it listens.
        stopping: Called when it begins to stop.

    Returns:
        How many jobs wait for the next start.

    Raises:
        InputError: If it cannot listen there, or a model cannot be used.
        OutputError: If its folder cannot be used; ``database.locked`` if another server uses it.
        WeightsError: If there is no such model.
    """
    from sdjp.server.models.shelf import ModelShelf  # it needs torch

    sockets = listen(settings.host, settings.port, any_port=any_port)
    try:
        settings = replace(settings, port=sockets[0].getsockname()[1])
        shelf = ModelShelf(models, first=first, load=load, data=settings.data)
        queue = JobQueue(
            settings.data,
            shelf,
            batch=settings.batch,
            max_queue=limits.max_queue,
            keep_days=settings.keep_days,
            keep_bytes=settings.keep_bytes,
            previews=settings.previews,
        )
        app = create_app(Context(queue=queue, models=shelf, limits=limits, settings=settings))
        open_log(requests=log_requests)
        file = settings.data / ADDRESS_FILE

        def listening() -> None:
            with suppress(OSError):  # without it, a second one cannot tell where this one is
                file.write_text(json.dumps({"url": url_of(settings)}), encoding="utf-8")
            started(settings)

        server = Server(_config(app, settings), queue, started=listening, stopping=stopping)
        try:
            server.run(sockets=sockets)
        finally:
            with suppress(OSError):
                file.unlink()
        return server.left
    finally:
        for one in sockets:
            one.close()


def running(data: Path) -> str | None:
    """Where the server is that uses a folder of data; None if it does not tell."""
    try:
        url = json.loads((data / ADDRESS_FILE).read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) and url.startswith("http://") else None


def open_log(*, requests: bool) -> None:
    """Have what the server tells written to standard error."""
    log = logging.getLogger("sdjp.server")
    log.setLevel(logging.INFO)
    log.propagate = False
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"))
        log.addHandler(handler)
    logging.getLogger("sdjp.server.doors.access").setLevel(logging.INFO if requests else logging.WARNING)


def _config(app: object, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,  # ours has no query in it
        ws="none",
        lifespan="on",
        server_header=False,
        proxy_headers=bool(settings.behind_proxy),
        forwarded_allow_ips=settings.behind_proxy,
        root_path=settings.root_path,
        timeout_graceful_shutdown=_GRACE,
    )
