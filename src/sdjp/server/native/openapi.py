"""The description of the native API (OpenAPI 3.1), made of the same table as the API itself."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sdjp.server.context import Context
from sdjp.server.request import schema

_JOB: Final = {"name": "job", "in": "path", "required": True, "schema": {"type": "string"}}
_INDEX: Final = {
    "name": "index",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}

_KIND: Final = {
    "name": "kind",
    "in": "path",
    "required": True,
    "schema": {"enum": ["image", "mask", "image_prompt", "controls"]},
}


def routes(context: Context) -> list[Route]:
    """The route of the document."""

    async def document(request: Request) -> Response:
        return JSONResponse(openapi(context))

    return [Route("/openapi.json", document, methods=["GET"])]


def openapi(context: Context) -> dict[str, Any]:
    """The document for this server: its model decides what sizes there are."""
    from sdjp._version import __version__

    config = context.models.entry().config
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sdjp",
            "version": __version__,
            "description": "日本語から絵を描くサーバー\nA server that draws pictures from Japanese",
        },
        "paths": _paths(),
        "components": {
            "schemas": {
                "JobRequest": _without_dialect(schema(factor=1 if config is None else config.vae.factor)),
                "Job": _JOB_SCHEMA,
                "Picture": _PICTURE_SCHEMA,
                "Error": _ERROR_SCHEMA,
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _paths() -> dict[str, Any]:
    job = "/v1/jobs/{job}"
    picture = job + "/pictures/{index}"
    page = [_query("before", "integer"), _query("limit", "integer")]
    return {
        "/v1/jobs": {
            "post": _operation(
                "submit",
                "絵を頼む\nask for pictures",
                body={"$ref": "#/components/schemas/JobRequest"},
                answers={202: _ref("Job"), 200: _ref("Job")},
                errors=(400, 401, 403, 404, 410, 413, 415, 422, 429, 503, 507),
                parameters=[
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "schema": {"type": "string", "maxLength": 200},
                    }
                ],
            ),
            "get": _operation(
                "jobs",
                "自分のジョブ（新しい順）\none's own jobs, newest first",
                answers={200: _object({"jobs": _array(_ref("Job")), "next": _NUMBER_OR_NULL})},
                errors=(401, 403, 422),
                parameters=[_query("state", "string"), *page],
            ),
        },
        job: {
            "parameters": [_JOB],
            "get": _operation("job", "ジョブの様子\na job", answers={200: _ref("Job")}),
            "delete": _operation("remove", "止めて消す\nstop and delete it", answers={204: None}),
        },
        job + "/cancel": {
            "parameters": [_JOB],
            "post": _operation(
                "cancel", "止める\nstop it", answers={200: _ref("Job")}, errors=(*_COMMON, 415)
            ),
        },
        job + "/events": {
            "parameters": [_JOB],
            "get": _operation(
                "events",
                "起きたことを流す（server-sent events）\nwhat happens to it, as server-sent events",
                answers={200: "text/event-stream"},
                parameters=[
                    _query("previews", "string"),
                    {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
                ],
            ),
        },
        picture: {
            "parameters": [_JOB, _INDEX],
            "get": _operation(
                "picture",
                "絵（PNG、描き方の記録付き）\na picture, a PNG with its record",
                answers={200: "image/png"},
                parameters=[_query("download", "string")],
            ),
            "patch": _operation(
                "star",
                "星を付ける、外す\nstar it, or not",
                body=_object({"starred": {"type": "boolean"}}),
                answers={200: _ref("Picture")},
                errors=(*_COMMON, 400, 413, 415, 422),
            ),
            "delete": _operation("remove_picture", "消す\ndelete it", answers={204: None}),
        },
        picture + "/attention": {
            "parameters": [_JOB, _INDEX],
            "get": _operation(
                "attention", "どの語がどこを描いたか\nwhich word drew what", answers={200: {"type": "object"}}
            ),
        },
        job + "/inputs/{kind}/{index}": {
            "parameters": [_JOB, _KIND, _INDEX],
            "get": _operation(
                "given",
                "ジョブに渡した絵\na picture that the job was given",
                answers={200: "image/*"},
            ),
        },
        "/v1/pictures": {
            "get": _operation(
                "pictures",
                "自分の絵（新しい順）\none's own pictures, newest first",
                answers={200: _object({"pictures": _array(_ref("Picture")), "next": _NUMBER_OR_NULL})},
                errors=(401, 403, 422),
                parameters=[_query("q", "string"), _query("starred", "string"), *page],
            )
        },
        "/v1/explain": {
            "post": _operation(
                "explain",
                "プロンプトの読まれ方\nhow a prompt is read",
                body={
                    **_object({"prompt": {"type": "string"}}),
                    "properties": {
                        "prompt": {"type": "string"},
                        "translate": {"enum": ["auto", "always", "never"]},
                        "num_inference_steps": {"type": "integer", "minimum": 1, "maximum": 1000},
                    },
                },
                answers={200: {"type": "object"}},
                errors=(400, 401, 403, 413, 415, 422, 503),
            )
        },
        "/v1/record": {
            "post": _operation(
                "record",
                "絵に残る設定\nthe settings that a picture tells of",
                answers={200: {"type": "object"}},
                errors=(401, 403, 413, 415, 422),
                media="image/*",
                body={"type": "string", "format": "binary"},
            )
        },
        "/v1/capabilities": {
            "get": _operation(
                "capabilities",
                "できること、上限、モデル\nwhat there is: limits, models, samplers",
                answers={200: {"type": "object"}},
                errors=(401, 403),
            )
        },
    }


_COMMON: Final = (401, 403, 404, 410)
_NUMBER_OR_NULL: Final = {"anyOf": [{"type": "integer"}, {"type": "null"}]}


def _operation(
    name: str,
    about: str,
    *,
    answers: dict[int, Any],
    errors: tuple[int, ...] = _COMMON,
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
    media: str = "application/json",
) -> dict[str, Any]:
    ja, _, en = about.partition("\n")
    responses: dict[str, Any] = {str(status): _answer(content) for status, content in answers.items()}
    for status in errors:
        responses[str(status)] = _answer(_ref("Error"))
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": f"{ja} · {en}",
        "responses": responses,
        "parameters": parameters or [],
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {media: {"schema": body}}}
    return operation


def _answer(content: Any) -> dict[str, Any]:
    """A response: none, JSON of a schema, or another type of media."""
    if content is None:
        return {"description": ""}
    if isinstance(content, str):
        return {"description": "", "content": {content: {"schema": {"type": "string"}}}}
    return {"description": "", "content": {"application/json": {"schema": content}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, kind: str) -> dict[str, Any]:
    minimum = {"minimum": 0} if kind == "integer" else {}
    return {"name": name, "in": "query", "schema": {"type": kind, **minimum}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _without_dialect(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "$schema"}


_PICTURE_SCHEMA: Final = {
    "type": "object",
    "required": ["job", "index", "url", "seed", "width", "height", "flagged", "withheld", "starred"],
    "properties": {
        "job": {"type": "string"},
        "index": {"type": "integer"},
        "url": {"type": "string"},
        "seed": {"type": "integer"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "bytes": {"type": "integer"},
        "flagged": {"type": "boolean"},
        "withheld": {"type": "boolean"},
        "starred": {"type": "boolean"},
        "gone": {"enum": ["expired", "deleted", None]},
        "created": {"type": "number"},
        "prompt": {"type": "string"},
        "english": {"type": "string"},
        "unknown": {"type": "array", "items": {"type": "string"}},
        "model": {"type": "string"},
    },
}
_JOB_SCHEMA: Final = {
    "type": "object",
    "required": ["id", "state", "task", "model", "position", "progress", "options", "pictures", "error"],
    "properties": {
        "id": {"type": "string"},
        "state": {"enum": ["queued", "drawing", "done", "failed", "cancelled", "set_aside"]},
        "task": {"enum": ["generate", "upscale"]},
        "model": {"type": "string"},
        "position": _NUMBER_OR_NULL,
        "created": {"type": "number"},
        "started": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "finished": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "attempts": {"type": "integer"},
        "progress": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        "options": {"type": "object"},
        "inputs": {"type": "array", "items": {"type": "string"}},
        "given": {"type": "object"},
        "factor": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "pictures": {"type": "array", "items": {"$ref": "#/components/schemas/Picture"}},
        "prompts": {"type": "array", "items": {"type": "object"}},
        "notes": {"type": "array", "items": {"type": "object"}},
        "error": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    },
}
_ERROR_SCHEMA: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "ja", "en"],
            "properties": {name: {"type": "string"} for name in ("code", "message", "ja", "en")},
        }
    },
}
