"""HTTP over plain sockets: a client that can read slowly, stop reading, or leave at any moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

HOST: Final = "127.0.0.1"
_LIMIT: Final = 2**26  # bytes of a line: an event has a whole job in it


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON data."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A server-sent event."""

    id: int
    kind: str
    data: Any


@dataclass(frozen=True)
class Client:
    """Asks the server of a port; each request has a connection of its own."""

    port: int

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            OSError: If the connection was refused or broke.
        """
        async with self._connected() as (reader, writer):
            writer.write(request(method, path, body, headers))
            await writer.drain()
            answer = await _head(reader)
            data = b"".join([piece async for piece in _pieces(reader, answer)])
            return Answer(status=answer.status, headers=answer.headers, body=data)

    async def events(self, job: str, *, query: str = "", pause: float = 0.0) -> AsyncIterator[Event]:
        """What happens to a job; with a pause before each event, as a slow reader has.

        Raises:
            OSError: If the connection was refused or broke.
        """
        async with self._connected() as (reader, writer):
            writer.write(request("GET", f"/v1/jobs/{job}/events{query}"))
            answer = await _head(reader)
            if answer.status != 200:
                raise ConnectionError(f"events of {job}: {answer.status}")
            text = b""
            async for piece in _pieces(reader, answer):
                *blocks, text = (text + piece).split(b"\n\n")
                for block in blocks:
                    fields = dict(
                        line.split(": ", 1) for line in block.decode().split("\n") if line[:1] != ":"
                    )
                    if fields:
                        await asyncio.sleep(pause)
                        data = json.loads(fields["data"])
                        yield Event(id=int(fields["id"]), kind=fields["event"], data=data)

    async def leave(self, data: bytes, *, after: float = 0.0) -> None:
        """Send bytes, wait, and leave without a look at the answer."""
        async with self._connected() as (_, writer):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(after)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(HOST, self.port, limit=_LIMIT)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()  # at once, whatever is on its way


def request(method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a request; a body is JSON."""
    data = b"" if body is None else json.dumps(body).encode()
    given = {"Host": HOST, "Connection": "close", "Content-Length": str(len(data)), **(headers or {})}
    if body is not None:
        given["Content-Type"] = "application/json"
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + data


async def _head(reader: asyncio.StreamReader) -> Answer:
    try:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the server left before it answered") from error
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    return Answer(status=int(first.split()[1]), headers=headers)


async def _pieces(reader: asyncio.StreamReader, answer: Answer) -> AsyncIterator[bytes]:
    """The body, as it comes (RFC 9112, 6 and 7.1)."""
    try:
        if "content-length" in answer.headers:
            yield await reader.readexactly(int(answer.headers["content-length"]))
        elif answer.headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                yield (await reader.readexactly(size + 2))[:-2]
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the server left in the middle of its answer") from error
