"""``GET /v1/models``: the models of the server, in OpenAI's form."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sdjp.errors import InputError
from sdjp.server.context import Context
from sdjp.server.openai.errors import error_response

OWNER = "sdjp"


class ModelUnknownError(InputError):
    """There is no such model, which a request for pictures would not mind."""

    @classmethod
    def of(cls, name: str, known: tuple[str, ...]) -> ModelUnknownError:
        """The error for a name; its code is the one that OpenAI gives."""
        names = ", ".join(known)
        return cls(
            "model_not_found",
            ja=f"モデル {name} はありません。あるのは {names} です。",
            en=f"there is no model {name}. There are: {names}.",
        )


def routes(context: Context) -> list[Route]:
    """The routes of models."""

    def listed(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}

    async def models(request: Request) -> Response:
        data = [listed(name) for name in context.models.names]
        return JSONResponse({"object": "list", "data": data})

    async def model(request: Request) -> Response:
        name = request.path_params["name"]
        if name in context.models.names:
            return JSONResponse(listed(name))
        return error_response(request, ModelUnknownError.of(name, context.models.names))

    return [
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{name:path}", model, methods=["GET"]),
    ]
