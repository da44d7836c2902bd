"""The real server, as a process of its own, for clients that other people wrote and that stay as they are."""

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
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"
PATIENCE = 120  # seconds until it must answer; a machine that shares its cores takes as long as it takes


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        url: Where it is, with no slash at the end.
        data: Where it keeps jobs and pictures.
    """

    url: str
    data: Path

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def serving(data: Path, *flags: str) -> Iterator[Server]:
    """Run ``sdjp serve`` with flags of one's own, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "sdjp", "serve", "--port", str(port), "--data", str(data), *flags]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1"}
    log = data.with_name(f"{data.name}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            server = Server(url=f"http://127.0.0.1:{port}", data=data)
            wait_until_ready(server, process, log)
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_until_ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the model is loaded."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"sdjp serve ended with {process.returncode}:\n{log.read_text('utf-8', 'replace')}")
        try:
            with urllib.request.urlopen(f"{server.url}/readyz", timeout=5):
                return
        except urllib.error.HTTPError as error:  # 503: the model is still being loaded
            error.close()
        except OSError:  # it does not listen yet
            pass
        time.sleep(0.1)
    pytest.fail(f"sdjp serve was not ready within {PATIENCE} s:\n{log.read_text('utf-8', 'replace')}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with the embedded model for all clients, without a safety checker: some tests draw noise."""
    with serving(tmp_path_factory.mktemp("serve") / "data", "--safety", "off") as running:
        yield running
