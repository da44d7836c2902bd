"""The application: the routes of all ways to ask, and how their errors are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from sdjp.server import health, openai
from sdjp.server.a1111 import routes as a1111
from sdjp.server.answers import exception_handlers
from sdjp.server.context import Context
from sdjp.server.doors.security import middleware
from sdjp.server.native import openapi
from sdjp.server.native import routes as native


def create_app(context: Context) -> Starlette:
    """Put the server together; its queue starts and stops with it.

    Args:
        context: The parts of the server. The queue must not have been started.
    """
    page = Path(str(files("sdjp.server"))) / "page"
    routes: list[BaseRoute] = [
        *native.routes(context),
        *openai.routes(context),
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

    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(health.CountRequests),
            *middleware(context.settings, context.limits, public=_paths(page)),
        ],
        exception_handlers=exception_handlers(context.settings.language),
    )


def _paths(page: Path) -> list[str]:
    """The paths of the files of the page; they are all that is served without a token."""
    return [f"/{file.relative_to(page).as_posix()}" for file in page.rglob("*") if file.is_file()]
