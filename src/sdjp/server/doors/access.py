"""Who sends a request: tokens as Bearer, as the password of Basic, or in the cookie of the page."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode

import anyio
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sdjp.errors import InputError
from sdjp.server.answers import refuse, route_path
from sdjp.server.settings import Settings
from sdjp.server.tokens import LOCAL

OPEN: Final = frozenset(["/", "/healthz", "/readyz"])
"""Paths that need no token, besides the files of the page."""
_COOKIE_SECONDS: Final = 90 * 24 * 3600
_FAILURES: Final = 5  # of one address in a minute, before its further ones wait
_MINUTE: Final = 60.0
_PAUSE: Final = 2.0  # seconds
_WAITING: Final = 8  # answers to one address that are held back at once
_ADDRESSES: Final = 1024


class TokenCheck:
    """Refuse requests without a token with 401, where tokens are asked for; else tell who sends them.

    The owner goes to ``scope["state"]["owner"]``.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, public: Collection[str] = ()) -> None:
        self.app = app
        self.settings = settings
        self.public = OPEN | frozenset(public)
        self.failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests with their owner."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, path, safe = Headers(scope=scope), route_path(scope), scope["method"] in ("GET", "HEAD")
        if safe and path == "/" and "token" in _query(scope):
            await self._sign_in(scope, receive, send)
            return
        tokens = self.settings.tokens
        given = _given(headers, cookie_name(self.settings.port)) if tokens else None
        owner = LOCAL if not tokens else None if given is None else find_owner(given, tokens)
        scope.setdefault("state", {})
        if owner is not None or (safe and path in self.public):
            if owner is not None:
                scope["state"]["owner"] = owner
            await self.app(scope, receive, send)
            return
        error = _missing() if given is None else await self._wrong(scope)
        scheme = "Basic" if path.startswith("/sdapi/") else "Bearer"  # Basic has browsers ask by themselves
        challenge = {"WWW-Authenticate": f'{scheme} realm="sdjp"'} if error.code != "token.often" else {}
        await refuse(error, scope, receive, send, default=self.settings.language, headers=challenge)

    async def _wrong(self, scope: Scope) -> InputError:
        """The error of a wrong token; whoever guesses waits for it."""
        client = scope.get("client")
        if not await self.failures.hold(client[0] if client else ""):
            return InputError(
                "token.often",
                ja="トークンの間違いが続いたため、少しのあいだ受け付けません。1 分ほど待ってください。",
                en="too many wrong tokens. Wait for a minute.",
            )
        return InputError(
            "token.wrong",
            ja="トークンが違います。サーバーを起動した人に確かめてください。",
            en="the token is not right. Ask whoever started the server.",
        )

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the token of ``/?token=…`` into a cookie, and open the page without it in the address.

        One that is wrong is taken out of the address, too; the page then asks for it.
        """
        query = _query(scope)
        token, rest = query.pop("token"), urlencode(query)
        page = scope.get("root_path", "") + "/"
        answer = RedirectResponse(f"{page}?{rest}" if rest else page, status_code=303)
        tokens = self.settings.tokens
        if tokens and find_owner(token, tokens) is None:
            error = await self._wrong(scope)
            if error.code == "token.often":
                await refuse(error, scope, receive, send, default=self.settings.language)
                return
        elif tokens:
            answer.set_cookie(
                cookie_name(self.settings.port),
                token,
                max_age=_COOKIE_SECONDS,
                path=scope.get("root_path") or "/",
                secure=scope["scheme"] == "https",
                httponly=True,
                samesite="strict",
            )
        await answer(scope, receive, send)


class Failures:
    """Wrong tokens of each address, within the last minute."""

    def __init__(self, *, pause: float = _PAUSE) -> None:
        self.pause = pause
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._waiting: dict[str, int] = {}

    async def hold(self, address: str) -> bool:
        """Note a failure of an address, and hold its answer back if there were several.

        Returns:
            Whether to answer at all; not if too many answers are held back already.
        """
        now = anyio.current_time()
        times = self._times.setdefault(address, deque(maxlen=_FAILURES + 1))
        self._times.move_to_end(address)
        if len(self._times) > _ADDRESSES:
            self._times.popitem(last=False)
        times.append(now)
        if len(times) <= _FAILURES or now - times[0] > _MINUTE:
            return True
        waiting = self._waiting.get(address, 0)
        if waiting >= _WAITING:
            return False
        self._waiting[address] = waiting + 1
        try:
            await anyio.sleep(self.pause)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]
        return True


def cookie_name(port: int) -> str:
    """The cookie of one server: browsers keep those of all ports of a machine together."""
    return f"sdjp_token_{port}"


def find_owner(token: str, tokens: Mapping[str, str]) -> str | None:
    """Whose token it is; None if nobody's. How long that takes tells nothing of the tokens."""
    found = None
    for owner, secret in tokens.items():
        if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), secret.encode()):
            found = owner
    return found


def _given(headers: Headers, cookie: str) -> str | None:
    """The token of a request; None if it has none. A header that holds nothing counts as none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            decoded = ""
        password = decoded.partition(":")[2]
        if password:
            return password
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(cookie)
    except CookieError:
        return None
    return morsel.value or None if morsel is not None else None


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))


def _missing() -> InputError:
    return InputError(
        "token.missing",
        ja="トークンが必要です。「Authorization: Bearer トークン」を付けるか、"
        "ブラウザーで /?token=トークン を開いてください。",
        en="a token is needed. Send Authorization: Bearer TOKEN, or open /?token=TOKEN in the browser.",
    )
