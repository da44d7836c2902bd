"""What may come as the body of a request: of which type, how large, how slowly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdjp.checks import shown
from sdjp.errors import InputError, SdjpError
from sdjp.server.answers import refuse, route_path
from sdjp.server.limits import Limits
from sdjp.server.settings import Settings

JSON: Final = ("application/json",)
CONTENT_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "/v1/images/edits": ("multipart/form-data", *JSON),
    "/v1/record": ("image/",),
}
"""The types that a route takes, where it is not JSON alone; one that ends with ``/`` is all of its kind."""
BODY_SECONDS: Final = 60.0
"""How long a body may take to come."""
_WITH_BODY: Final = ("POST", "PUT", "PATCH")


class TypeCheck:
    """Refuse bodies of another type than their route takes, with 415.

    A page of another site sends ``text/plain`` or a form without asking first; JSON it cannot.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        content_types: Mapping[str, tuple[str, ...]] = CONTENT_TYPES,
    ) -> None:
        self.app = app
        self.settings = settings
        self.content_types = content_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on bodies that their routes take, and requests without one."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.getlist("content-type")
        taken = self.content_types.get(route_path(scope), JSON)
        if _is_empty(headers) if not given else len(given) == 1 and _matches(given[0], taken):
            await self.app(scope, receive, send)
            return
        names = ", ".join(f"{name}*" if name.endswith("/") else name for name in taken)
        error = InputError(
            "body.type",
            ja=f"Content-Type {shown(', '.join(given))} は受け付けません。{names} で送ってください。",
            en=f"the Content-Type {shown(', '.join(given))} is not taken here. Send {names}.",
        )
        await refuse(error, scope, receive, send, default=self.settings.language)


class BodyCap:
    """Refuse bodies that are too large, with 413, or too slow, with 408; both are counted as they come."""

    def __init__(
        self, app: ASGIApp, *, settings: Settings, limits: Limits, seconds: float = BODY_SECONDS
    ) -> None:
        self.app = app
        self.settings = settings
        self.limits = limits
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a body as far as it may go; what the route makes of a part of one is not sent."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cap, language = self.limits.max_body, self.settings.language
        if _length(Headers(scope=scope)) > cap:
            await refuse(self.limits.body_error(), scope, receive, send, default=language)
            return
        fault: SdjpError | None = None
        started, whole, size = False, False, 0
        deadline = anyio.current_time() + self.seconds

        async def counted() -> Message:
            nonlocal fault, whole, size
            if whole:
                return await receive()
            message: Message | None = None
            with anyio.move_on_after(max(deadline - anyio.current_time(), 0)):
                message = await receive()
            if message is None:
                fault = _slow(self.seconds)
                raise fault
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > cap:
                fault = self.limits.body_error()
                raise fault
            return message

        async def guarded(message: Message) -> None:
            nonlocal started
            if fault is None or started:
                started = True
                await send(message)

        try:
            await self.app(scope, counted, guarded)
        except Exception:
            if fault is None or started:
                raise
        if fault is not None and not started:
            closing = {"Connection": "close"} if fault.code == "body.slow" else {}
            await refuse(fault, scope, receive, send, default=language, headers=closing)


def _is_empty(headers: Headers) -> bool:
    return _length(headers) == 0 and "transfer-encoding" not in headers


def _length(headers: Headers) -> float:
    """The ``Content-Length``; 0 without one, and infinite if it is no number."""
    given = headers.get("content-length", "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else math.inf


def _matches(content_type: str, taken: tuple[str, ...]) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return any(media.startswith(one) if one.endswith("/") else media == one for one in taken)


def _slow(seconds: float) -> InputError:
    return InputError(
        "body.slow",
        ja=f"リクエストが {seconds:g} 秒たっても届き終わりません。",
        en=f"the request had not arrived after {seconds:g} seconds.",
    )
