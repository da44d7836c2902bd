"""A server that speaks S3, in this process; and one in front of it that fails now and then."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.request import Request, urlopen

import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

BUCKET = "jobs"

Refuse: TypeAlias = Callable[[str, str, "Message[str, str]"], "tuple[int, str] | None"]
"""Method, path and headers of a request -> the status and the code of an error; None hands it on."""


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server with one empty bucket; its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        with urlopen(Request(f"{url}/{BUCKET}", method="PUT"), timeout=30):
            pass
        yield url
    finally:
        server.stop()


def put(keys: Iterable[str]) -> None:
    """Put empty objects into the server, past its door."""
    backend = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
    for key in keys:
        backend.put_object(BUCKET, key, b"")


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Have everything that looks for S3 find a server, as a user would."""
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)


def environment(url: str) -> dict[str, str]:
    """What a user sets to use a server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "no-key",
        "AWS_SECRET_ACCESS_KEY": "no-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


class Door:
    """What stands in front of a server, and sees all requests.

    Attributes:
        url: Its address.
        seen: Method and path of each request, in order.
        refuse: What it refuses.
        late: What it refuses after the server behind has done it: an answer that is lost.
    """

    def __init__(self, behind: str) -> None:
        self.seen: list[tuple[str, str]] = []
        self.refuse: Refuse = lambda method, path, headers: None
        self.late: Refuse = lambda method, path, headers: None
        self._behind = behind.removeprefix("http://")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Door:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                body = self._body()
                door.seen.append((self.command, self.path))
                refused = door.refuse(self.command, self.path, self.headers)
                if refused is None:
                    status, headers, answer = self._hand_on(body)
                    refused = door.late(self.command, self.path, self.headers)
                if refused is not None:
                    status, code = refused
                    headers = [("Content-Type", "application/xml")]
                    text = f"<Error><Code>{code}</Code><Message>refused</Message></Error>"
                    answer = b"" if self.command == "HEAD" else text.encode()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                if self.command != "HEAD" or refused is not None:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = do

            def _body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    parts = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _hand_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                connection = http.client.HTTPConnection(door._behind, timeout=60)
                try:
                    given = {n: v for n, v in self.headers.items() if n.lower() != "transfer-encoding"}
                    connection.request(self.command, self.path, body=body, headers=given)
                    answer = connection.getresponse()
                    skipped = {"connection", "transfer-encoding", "date", "server"}
                    if self.command != "HEAD":
                        skipped.add("content-length")
                    headers = [(n, v) for n, v in answer.getheaders() if n.lower() not in skipped]
                    return answer.status, headers, answer.read()
                finally:
                    connection.close()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
