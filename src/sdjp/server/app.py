"""The application: the routes of all ways to ask, and how their errors are told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from sdjp.errors import SdjpError
from sdjp.server import health, native, openapi
from sdjp.server.a1111 import routes as a1111
from sdjp.server.context import Context
from sdjp.server.errors import body_of, headers_of, language_of, status_of, unexpected

_LOG: Final = logging.getLogger("sdjp.server")


def create_app(context: Context) -> Starlette:
    """Put the server together; its queue starts and stops with it.

    Args:
        context: The parts of the server. The queue must not have been started.
    """
    page = Path(str(files("sdjp.server"))) / "page"
    routes: list[BaseRoute] = [
        *native.routes(context),
        *a1111.routes(context),
        *openapi.routes(context),
        *health.routes(context),
    ]
    if page.is_dir():
        routes.append(Mount("/", StaticFiles(directory=page, html=True), name="page"))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        context.queue.start()
        try:
            yield
        finally:
            await run_in_threadpool(context.queue.stop)

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, SdjpError)
        return answer(request, error, context)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request, _of_status(error.status_code, request), context, status=error.status_code)

    async def unknown(request: Request, error: Exception) -> Response:
        _LOG.exception("%s %s", request.method, request.url.path, exc_info=error)
        return answer(request, unexpected(), context)

    return Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={SdjpError: known, HTTPException: http, Exception: unknown},
    )


def answer(request: Request, error: SdjpError, context: Context, *, status: int | None = None) -> Response:
    """An error as the native API tells it."""
    language = language_of(request.headers.get("accept-language"), context.settings.language)
    return JSONResponse(
        body_of(error, language),
        status_code=status_of(error) if status is None else status,
        headers=headers_of(error),
    )


def _of_status(status: int, request: Request) -> SdjpError:
    """What Starlette says by a status alone."""
    if status == 405:
        return SdjpError(
            "method.unknown",
            ja=f"{request.url.path} は {request.method} では使えません。",
            en=f"{request.url.path} does not take {request.method}.",
        )
    return SdjpError(
        "route.unknown" if status == 404 else "request.unusable",
        ja=f"{request.url.path} はありません。" if status == 404 else "リクエストを読めません。",
        en=f"there is no {request.url.path}." if status == 404 else "the request cannot be read.",
    )
