"""The doors of the server, from the outside in; plain ASGI, so that what streams is not held back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.middleware import Middleware

from sdjp.server.doors.access import TokenCheck
from sdjp.server.doors.bodies import CONTENT_TYPES, BodyCap, TypeCheck
from sdjp.server.doors.envelope import Envelope
from sdjp.server.doors.origins import HostCheck, OriginCheck
from sdjp.server.limits import Limits
from sdjp.server.settings import Settings


def middleware(
    settings: Settings,
    limits: Limits,
    *,
    public: Collection[str] = (),
    content_types: Mapping[str, tuple[str, ...]] = CONTENT_TYPES,
) -> list[Middleware]:
    """What every request passes, the outermost first.

    Args:
        settings: Who may use the server.
        limits: How large a body may be.
        public: Paths of the files of the page, such as ``/page.js``; they need no token.
        content_types: The types that a route takes, where it is not JSON alone.
    """
    return [
        Middleware(Envelope, settings=settings, public=public),
        Middleware(HostCheck, settings=settings),
        Middleware(OriginCheck, settings=settings),
        Middleware(TokenCheck, settings=settings, public=public),
        Middleware(TypeCheck, settings=settings, content_types=content_types),
        Middleware(BodyCap, settings=settings, limits=limits),
    ]
