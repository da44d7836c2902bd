"""Both sites, built once, and a browser to read them with."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import browse as browse  # a browser for each file of tests


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line in the terminal for each."""

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both sites, built as ``nox -s docs`` builds them."""
    for package in ("zensical", "mkdocstrings_handlers.python"):
        pytest.importorskip(package, reason="the group docs is not installed (Python 3.11)")
    from website.__main__ import build

    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def served(built: Path) -> Iterator[Callable[[Path], str]]:
    """Serves a folder on this machine, and tells its address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
