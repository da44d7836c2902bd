"""What every answer has around it: an id, headers for browsers, a line in the log, and no traceback."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection
from typing import Final
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdjp.errors import SdjpError
from sdjp.server.answers import refuse, route_path
from sdjp.server.errors import unexpected
from sdjp.server.settings import Settings

PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy of the page: everything is this server's; pictures may be made in the page."""
API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"

access_log = logging.getLogger("sdjp.server.doors.access")
"""A line for each request: address, owner, method, path, status, bytes, milliseconds, id. It has neither the
query nor a prompt."""
_log = logging.getLogger("sdjp.server")
_GONE: Final = 499  # the client left before there was an answer; a status of the log only


class Envelope:
    """Give each answer its headers, log it, and tell nothing of errors that nobody foresaw."""

    def __init__(self, app: ASGIApp, *, settings: Settings, public: Collection[str] = ()) -> None:
        self.app = app
        self.settings = settings
        self.page = frozenset(["/", *public])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests; there are no websockets."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id, begin = secrets.token_hex(8), time.monotonic()
        scope.setdefault("state", {})["request_id"] = request_id
        status, size, over = _GONE, 0, False

        async def complete(message: Message) -> None:
            nonlocal status, size, over
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(MutableHeaders(scope=message), scope, request_id)
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
                over = not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, complete)
        except ClientDisconnect:  # in the middle of its request: there is nobody to answer
            pass
        except Exception as error:
            if not isinstance(error, SdjpError):
                _log.error("%s %s failed (%s)", scope["method"], _path(scope), request_id, exc_info=error)
            if status == _GONE:
                known = error if isinstance(error, SdjpError) else unexpected()
                await refuse(known, scope, receive, complete, default=self.settings.language)
            elif not over:
                raise  # half an answer must not look like a whole one
        finally:
            access_log.info(
                "%s %s %s %s %d %d B %d ms %s",
                scope["client"][0] if scope.get("client") else "-",
                scope["state"].get("owner", "-"),
                scope["method"],
                _path(scope),
                status,
                size,
                round(1000 * (time.monotonic() - begin)),
                request_id,
            )

    def _add_headers(self, headers: MutableHeaders, scope: Scope, request_id: str) -> None:
        page = route_path(scope) in self.page
        headers["X-Request-Id"] = request_id
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = PAGE_POLICY if page else API_POLICY
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-cache" if page else "no-store")


def _path(scope: Scope) -> str:
    """The path as one word: what would break the line is escaped."""
    return quote(scope["path"], safe="/:@!$&'()*+,;=~-._")
