"""``GET /v1/models``: the models of the server, in OpenAI's form."""

from __future__ import annotations

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sdjp.server.context import Context
from sdjp.server.openai.errors import ModelUnknownError, error_response

OWNER: Final = "sdjp"


def routes(context: Context) -> list[Route]:
    """The routes of models."""

    def listed(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}

    def names() -> tuple[str, ...]:
        return context.models.names

    async def models(request: Request) -> Response:
        data = [listed(name) for name in await run_in_threadpool(names)]
        return JSONResponse({"object": "list", "data": data})

    async def model(request: Request) -> Response:
        name, known = request.path_params["name"], await run_in_threadpool(names)
        if name in known:
            return JSONResponse(listed(name))
        return error_response(request, ModelUnknownError.of(name, known))

    return [
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{name:path}", model, methods=["GET"]),
    ]
