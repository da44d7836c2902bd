"""Which names the server answers to, and which web pages may use it.

A page of the web that is open in the browser of the same machine can send requests to a server on loopback,
and by DNS rebinding even read the answers. So the name in ``Host`` must be one of ours (a page that rebinds
has its own), and what a browser says of where a request is from (``Origin``, ``Sec-Fetch-Site``: Fetch
standard; W3C Fetch Metadata) must be the page of this server.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdjp.checks import shown
from sdjp.errors import InputError
from sdjp.server.answers import refuse, route_path
from sdjp.server.settings import Settings, is_loopback

_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]/@\s]+))(?::\d{1,5})?")
_OWN_SITES: Final = (None, "same-origin", "none")  # "none": typed, or from a bookmark
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9-]+(?:\s*,\s*[A-Za-z0-9-]+)*")
_EXPOSED: Final = "Location, Retry-After, X-Request-Id, X-Should-Retry"


class HostCheck:
    """Refuse requests to a name that is not this server's, with 421."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.names = {name.lower().strip("[]").rstrip(".") for name in (settings.host, *settings.hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is for this server."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist("host")
        if len(given) == 1 and self.allows(given[0]):
            await self.app(scope, receive, send)
            return
        host = shown(", ".join(given))
        error = InputError(
            "host.unknown",
            ja=f"Host が {host} のリクエストは受け付けません。このサーバーをその名前で使うには、"
            "--host-name でその名前（ポートなし）を足して起動してください。",
            en=f"requests for the host {host} are not taken. To use this server under that name, start it "
            "with --host-name and the name (without a port).",
        )
        await refuse(error, scope, receive, send, default=self.settings.language)

    def allows(self, host: str) -> bool:
        """Whether a ``Host`` header names this server; the port does not matter.

        Loopback always does, and any address where the server listens on more than loopback: no page rebinds
        an address.
        """
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match["six"] or match["name"]).lower().rstrip(".")
        if is_loopback(name) or name in self.names:
            return True
        return not is_loopback(self.settings.host) and _is_address(name)


class OriginCheck:
    """Refuse what pages of other sites send, with 403; those of ``settings.origins`` may (CORS)."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is no page's, or that of a page that may."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        if len(origins) == 1 and origins[0] in self.settings.origins:
            await self._share(origins[0], scope, receive, send)
            return
        site, host = headers.get("sec-fetch-site"), headers.get("host", "")
        if not all(_is_own(origin, host) for origin in origins):
            foreign = ", ".join(origins)
        elif site not in _OWN_SITES and not _opens_page(scope, headers):
            foreign = f"Sec-Fetch-Site: {site}"
        else:
            await self.app(scope, receive, send)
            return
        error = InputError(
            "origin.foreign",
            ja=f"ほかのサイトのページ（{shown(foreign)}）からは使えません。許すには、そのページの Origin を "
            "--origin https://example.com のように指定して起動してください。リバースプロキシーを使うなら、"
            "Host ヘッダーをそのまま渡すように設定してください。",
            en=f"pages of other sites ({shown(foreign)}) may not use this server. To let one, start it with "
            "its origin: --origin https://example.com. A reverse proxy has to hand on the Host header.",
        )
        await refuse(error, scope, receive, send, default=self.settings.language)

    async def _share(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page of another site that may use the server."""
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(origin, headers)(scope, receive, send)
            return

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Access-Control-Allow-Origin"] = origin
                answer["Access-Control-Expose-Headers"] = _EXPOSED
                answer.add_vary_header("Origin")
            await send(message)

        await self.app(scope, receive, shared)


def _preflight(origin: str, headers: Headers) -> Response:
    """The answer to a browser that asks what a page may send; cookies are never let through."""
    answer = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    wanted = headers.get("access-control-request-headers", "")
    if _HEADER_NAMES.fullmatch(wanted):
        answer["Access-Control-Allow-Headers"] = wanted
    if headers.get("access-control-request-private-network") == "true":
        answer["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=answer)


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of that origin was served under the name that the request is for."""
    scheme, separator, rest = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and rest.lower() == host.lower()


def _opens_page(scope: Scope, headers: Headers) -> bool:
    """Whether somebody followed a link to the page: that reads nothing for the site that has the link."""
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return navigates and scope["method"] == "GET" and route_path(scope) == "/"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
