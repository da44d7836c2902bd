"""``/healthz``, ``/readyz`` and ``/metrics``, and what counts the requests."""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import torch
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from sdjp._version import __version__
from sdjp.server import metrics

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sdjp.server.context import Context

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER: Final = "other"
"""Stands for any path that there is no route for, and any other method: clients choose those."""
LEFT: Final = 499
"""Stands for the status of a request whose client left before there was an answer, as with nginx."""
RETRY_AFTER: Final = "5"


def routes(context: Context) -> list[Route]:
    """The routes; of them, ``/metrics`` needs a token where tokens are asked for."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        ready = context.models.ready
        headers = {} if ready else {"Retry-After": RETRY_AFTER}
        return JSONResponse({"ready": ready}, 200 if ready else 503, headers)

    async def figures(request: Request) -> Response:
        models = context.models
        samples = {
            metrics.sample(
                "sdjp_build_info",
                version=__version__,
                python=platform.python_version(),
                torch=torch.__version__,
            ): 1,
            "sdjp_ready": int(models.ready),
            metrics.sample("sdjp_model_info", model=models.in_use): 1,
            **context.queue.counts,
            **_requests_of(request.app).samples(),
            **metrics.of_process(),
        }
        return Response(metrics.text(samples), media_type=metrics.CONTENT_TYPE)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", figures),
    ]


class RequestCounts:
    """How many requests were answered, and how many are; for one event loop."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, str, int]] = Counter()
        self.in_progress = 0

    def samples(self) -> dict[str, float]:
        """What the metrics tell of them."""
        return {
            "sdjp_http_requests_in_progress": self.in_progress,
            **{
                metrics.sample(
                    "sdjp_http_requests_total", method=method, route=route, status=str(status)
                ): count
                for (method, route, status), count in sorted(self.answered.items())
            },
        }


class CountRequests:
    """Middleware that counts requests by route and status; the outermost one, so that refusals count.

    A request with a long answer (a stream of events) counts when it ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and note the status of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status: int | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        counts = _requests_of(scope["app"])
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = _route(scope)
        counts.in_progress += 1
        try:
            await self.app(scope, receive, watched)
        except Exception:
            status = 500 if status is None else status
            raise
        finally:
            counts.in_progress -= 1
            counts.answered[method, route, LEFT if status is None else status] += 1


def _requests_of(app: Starlette) -> RequestCounts:
    if not hasattr(app.state, "requests"):
        app.state.requests = RequestCounts()
    counts: RequestCounts = app.state.requests
    return counts


def _route(scope: Scope) -> str:
    """The path of the route as it is declared, ``/v1/jobs/{id}``: not that of the request."""
    matches: list[tuple[Any, Match]] = [(route, route.matches(scope)[0]) for route in scope["app"].routes]
    for wanted in (Match.FULL, Match.PARTIAL):  # partial: another method
        for route, match in matches:
            if match == wanted:
                return str(getattr(route, "path", "")) or "/"
    return OTHER
