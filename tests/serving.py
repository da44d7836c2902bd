"""``sdjp serve`` in a process of its own, for clients, browsers and proxies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"
PATIENCE = 120  # seconds until it must answer; a machine that shares its cores takes as long as it takes


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """A server with flags of one's own; it can be stopped and started again.

    Attributes:
        host: Where it is.
        port: The same.
        url: The same, with no slash at the end.
        data: Where it keeps jobs and pictures.
    """

    def __init__(self, data: Path, *flags: str) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.url = f"http://{self.host}:{self.port}"
        self.data = data
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when the model is loaded."""
        command = [sys.executable, "-m", "sdjp", "serve", "--port", str(self.port), "--data", str(self.data)]
        environment = {**os.environ, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1"}
        log = self.data.with_name(f"{self.data.name}.log")
        with log.open("ab") as out:
            process = subprocess.Popen([*command, *self._flags], env=environment, stdout=out, stderr=out)
        self._process = process
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except urllib.error.HTTPError as error:  # 503: the model is still being loaded
                error.close()
            except OSError:  # it does not listen yet
                pass
            time.sleep(0.1)
        self.stop(kill=True)
        raise AssertionError(f"sdjp serve did not start:\n{log.read_text('utf-8', 'replace')}")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it, or kill it as a crash would."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(PATIENCE)
        self._process = None


@contextmanager
def serving(data: Path, *flags: str) -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(data, *flags)
    server.start()
    try:
        yield server
    finally:
        server.stop()
