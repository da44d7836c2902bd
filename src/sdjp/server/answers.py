"""Answers of the server that no route gives: errors as JSON, on the plain level of ASGI."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler, Receive, Scope, Send

from sdjp.errors import InputError, Language, SdjpError
from sdjp.server.errors import body_of, headers_of, language_of, status_of


def route_path(scope: Scope) -> str:
    """The path of a request without what a reverse proxy has before it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    rest = path.removeprefix(root)
    return rest or "/" if rest[:1] in ("", "/") else path


def response(error: SdjpError, headers: Headers, *, default: Language) -> JSONResponse:
    """The answer that tells an error.

    Args:
        error: What happened.
        headers: Of the request.
        default: The language for a client that asks for none.
    """
    language = language_of(headers.get("accept-language"), default)
    return JSONResponse(body_of(error, language), status_of(error), headers_of(error))


async def refuse(
    error: SdjpError,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    default: Language,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer a request with an error."""
    answer = response(error, Headers(scope=scope), default=default)
    answer.headers.update(headers or {})
    await answer(scope, receive, send)


def exception_handlers(default: Language) -> dict[type[Exception], ExceptionHandler]:
    """What Starlette is to do with errors that a route raises: ours, and its own of unknown routes.

    Args:
        default: The language for a client that asks for none.
    """

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, SdjpError)
        return response(error, request.headers, default=default)

    async def theirs(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = response(_known(error, request), request.headers, default=default)
        answer.status_code = error.status_code
        answer.headers.update(error.headers or {})
        return answer

    return {SdjpError: ours, HTTPException: theirs}


def _known(error: HTTPException, request: Request) -> SdjpError:
    method, path = request.method, route_path(request.scope)
    if error.status_code == 404:
        return InputError(
            "route.unknown",
            ja=f"{path} はこのサーバーにありません。使えるものは /openapi.json にあります。",
            en=f"there is no {path} on this server. What there is stands in /openapi.json.",
        )
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return InputError(
            "method.unknown",
            ja=f"{path} では {method} は使えません。使えるのは {allowed.replace(', ', '、')} です。",
            en=f"{path} does not take {method}. It takes {allowed}.",
        )
    return InputError(
        "request.refused",
        ja=f"リクエストを受け付けられません（{error.detail}）。",
        en=f"the request cannot be taken ({error.detail}).",
    )
