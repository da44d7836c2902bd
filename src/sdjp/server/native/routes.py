"""sdjp's own API: jobs, their pictures, and what a page needs to know. ``/v1/…``"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sdjp.errors import InputError, SdjpError
from sdjp.images import read_metadata
from sdjp.images.a1111 import read_parameters
from sdjp.server.context import Context
from sdjp.server.errors import NotReady
from sdjp.server.incoming import owner_of, read_json
from sdjp.server.jobs.events import Event
from sdjp.server.jobs.record import OVER, State
from sdjp.server.request import read_request, schema

STATES: Final[tuple[State, ...]] = ("queued", "drawing", *OVER)
MAX_LIST: Final = 200
_FOR_EVER: Final = "private, max-age=31536000, immutable"
MAX_KEY: Final = 200
"""Characters of an ``Idempotency-Key``."""
_MAX_DIGITS: Final = 18  # SQLite's numbers have 63 bits


def routes(context: Context) -> list[Route]:
    """The routes of this API."""
    api = _Native(context)
    job = "/v1/jobs/{job}"
    picture = job + "/pictures/{index}"
    return [
        Route("/v1/jobs", api.submit, methods=["POST"]),
        Route("/v1/jobs", api.jobs, methods=["GET"]),
        Route(job, api.job, methods=["GET"]),
        Route(job, api.remove, methods=["DELETE"]),
        Route(job + "/cancel", api.cancel, methods=["POST"]),
        Route(job + "/events", api.events, methods=["GET"]),
        Route(picture, api.picture, methods=["GET"]),
        Route(picture, api.star, methods=["PATCH"]),
        Route(picture, api.remove_picture, methods=["DELETE"]),
        Route(picture + "/attention", api.attention, methods=["GET"]),
        Route(job + "/inputs/{kind}/{index:int}", api.given, methods=["GET"]),
        Route("/v1/pictures", api.pictures, methods=["GET"]),
        Route("/v1/explain", api.explain, methods=["POST"]),
        Route("/v1/record", api.record, methods=["POST"]),
        Route("/v1/capabilities", api.capabilities, methods=["GET"]),
    ]


class _Native:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._queue = context.queue

    async def submit(self, request: Request) -> Response:
        body, owner = await read_json(request), owner_of(request)
        key = _key(request)
        known = None if key is None else await run_in_threadpool(self._queue.by_key, key, owner=owner)
        if known is None:
            asked = await run_in_threadpool(read_request, body, self._context, owner=owner)
            job = await run_in_threadpool(self._queue.submit, asked, owner=owner, key=key)
        else:
            job = known
        return JSONResponse(
            self._queue.state_of(job),
            status_code=202 if known is None else 200,
            headers={"Location": f"{request.scope.get('root_path', '')}/v1/jobs/{job.id}"},
        )

    async def jobs(self, request: Request) -> Response:
        asked = [state for state in request.query_params.get("state", "").split(",") if state]
        states = [state for state in STATES if state in asked]
        for state in asked:
            if state not in states:
                raise InputError(
                    "state.unknown",
                    ja=f"state に {state!r} は使えません。使える値: {', '.join(STATES)}",
                    en=f"state cannot be {state!r}. Allowed: {', '.join(STATES)}",
                )
        found, more = await run_in_threadpool(
            self._queue.find,
            owner=owner_of(request),
            states=states,
            before=_number(request, "before"),
            limit=_limit(request),
        )
        return JSONResponse({"jobs": [self._queue.state_of(job) for job in found], "next": more})

    async def job(self, request: Request) -> Response:
        job = self._queue.get(request.path_params["job"], owner=owner_of(request))
        return JSONResponse(self._queue.state_of(job))

    async def cancel(self, request: Request) -> Response:
        job = await run_in_threadpool(self._queue.cancel, request.path_params["job"], owner=owner_of(request))
        return JSONResponse(self._queue.state_of(job))

    async def remove(self, request: Request) -> Response:
        await run_in_threadpool(self._queue.remove, request.path_params["job"], owner=owner_of(request))
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        job, owner = request.path_params["job"], owner_of(request)
        self._queue.get(job, owner=owner)  # an error, and not a stream that ends at once
        last = request.headers.get("last-event-id", "")
        events = self._queue.events(
            job,
            owner=owner,
            after=int(last) if _is_number(last) else None,
            previews=request.query_params.get("previews") == "1",
        )
        return StreamingResponse(
            _stream(events), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def picture(self, request: Request) -> Response:
        job, index = _picture(request)
        png = await run_in_threadpool(self._queue.read_picture, job, index, owner=owner_of(request))
        headers = {"Cache-Control": _FOR_EVER}
        if request.query_params.get("download") == "1":
            headers["Content-Disposition"] = f'attachment; filename="sdjp-{job[:8]}-{index}.png"'
        return Response(png, media_type="image/png", headers=headers)

    async def star(self, request: Request) -> Response:
        job, index = _picture(request)
        body = await read_json(request)
        starred = body.get("starred") if isinstance(body, Mapping) else None
        if not isinstance(starred, bool):
            raise InputError(
                "starred.type",
                ja='本文は {"starred": true} か {"starred": false} にしてください。',
                en='the body must be {"starred": true} or {"starred": false}.',
            )
        picture = await run_in_threadpool(self._queue.star, job, index, starred, owner=owner_of(request))
        return JSONResponse(picture.to_json())

    async def remove_picture(self, request: Request) -> Response:
        job, index = _picture(request)
        await run_in_threadpool(self._queue.remove_picture, job, index, owner=owner_of(request))
        return Response(status_code=204)

    async def attention(self, request: Request) -> Response:
        job, index = _picture(request)
        try:
            data = await run_in_threadpool(
                self._queue.read_picture, job, index, owner=owner_of(request), attention=True
            )
        except FileNotFoundError:
            raise SdjpError(
                "attention.off",
                ja="この絵では、どの語がどこを描いたかを記録していません。"
                "attention を true にして描いてください。",
                en="which word drew what was not recorded for this picture: draw it with attention true.",
            ) from None
        return Response(data, media_type="application/json")

    async def given(self, request: Request) -> Response:
        data = await run_in_threadpool(
            self._queue.read_input,
            request.path_params["job"],
            request.path_params["kind"],
            request.path_params["index"],
            owner=owner_of(request),
        )
        with Image.open(io.BytesIO(data)) as picture:  # it could be read when it was taken
            kind = picture.get_format_mimetype() or "application/octet-stream"
        return Response(data, media_type=kind, headers={"Cache-Control": _FOR_EVER})

    async def pictures(self, request: Request) -> Response:
        found, more = await run_in_threadpool(
            self._queue.search,
            request.query_params.get("q", ""),
            owner=owner_of(request),
            starred=request.query_params.get("starred") == "1",
            before=_number(request, "before"),
            limit=_limit(request),
        )
        return JSONResponse({"pictures": [picture.to_json() for picture in found], "next": more})

    async def explain(self, request: Request) -> Response:
        body = await read_json(request)
        prompt = body.get("prompt") if isinstance(body, Mapping) else None
        if not isinstance(prompt, str):
            raise InputError(
                "prompt.type",
                ja='本文は {"prompt": "…"} にしてください。',
                en='the body must be {"prompt": "…"}.',
            )
        self._context.limits.check_prompt(prompt)
        pipe = self._context.models.explain_with()
        if pipe is None:
            raise NotReady(
                "server.loading",
                ja="モデルを読み込んでいます。少し待ってからもう一度お試しください。",
                en="a model is being loaded. Try again in a moment.",
            )
        info = await run_in_threadpool(
            pipe.explain,
            prompt,
            translate=body.get("translate", "auto"),
            num_inference_steps=body.get("num_inference_steps"),
        )
        return JSONResponse(info.to_json())

    async def record(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_record_of, await request.body()))

    async def capabilities(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_capabilities, self._context))


def _capabilities(context: Context) -> dict[str, Any]:
    from sdjp._version import __version__
    from sdjp.options import PRESETS
    from sdjp.samplers import SAMPLERS, SPACINGS
    from sdjp.weights.parts.upscaler import EMBEDDED

    models, settings = context.models, context.settings
    config = models.entry().config
    pipe = models.loaded
    return {
        "version": __version__,
        "model": models.in_use,
        "models": [entry.to_json() for entry in models.entries()],
        "samplers": list(SAMPLERS),
        "spacings": list(SPACINGS),
        "presets": list(PRESETS),
        "upscalers": list(EMBEDDED),
        **models.addons(),
        "image_prompt": pipe is not None and pipe.image_prompter is not None,
        "safety": settings.safety,
        "previews": settings.previews,
        "limits": context.limits.to_json(),
        "schema": schema(factor=1 if config is None else config.vae.factor),
        "language": settings.language,
    }


def _record_of(data: bytes) -> dict[str, Any]:
    """What a picture says of how it was made, as settings for a job."""
    found = read_metadata(io.BytesIO(data))
    notes: list[Mapping[str, str]] = []
    if found.sdjp is not None and found.options is not None:
        values, model, source = found.options.to_json(), found.sdjp.get("model"), "sdjp"
        left = [name for name in ("image", "mask", "image_prompt", "controls") if found.sdjp.get(name)]
    elif found.parameters is not None:
        text = read_parameters(found.parameters)
        values, left = text.options()
        model, source = text.settings.get("Model"), "parameters"
    else:
        return {"options": None, "model": None, "notes": [], "source": None}
    if left:
        shown = ", ".join(left)
        notes.append({"ja": f"引き継げないもの: {shown}", "en": f"not taken over: {shown}"})
    return {"options": values, "model": model, "notes": notes, "source": source}


async def _stream(events: AsyncIterator[Event | None]) -> AsyncIterator[str]:
    """Server-sent events (HTML standard, 9.2)."""
    async for event in events:
        if event is None:
            yield ": \n\n"
        else:
            data = json.dumps(event.data, ensure_ascii=False)
            yield f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"


def _picture(request: Request) -> tuple[str, int]:
    job, index = request.path_params["job"], request.path_params["index"]
    if not _is_number(index):
        raise HTTPException(404)
    return job, int(index)


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise InputError(
            "key.length",
            ja=f"Idempotency-Key は 1 文字以上 {MAX_KEY} 文字以下にしてください。",
            en=f"an Idempotency-Key has from 1 to {MAX_KEY} characters.",
        )
    return key


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not _is_number(text):
        raise InputError(
            f"{name}.type",
            ja=f"{name} には、前の返事の next の値を指定してください。",
            en=f"{name} must be the value of next in the answer before.",
        )
    return int(text)


def _limit(request: Request) -> int:
    found = _number(request, "limit")
    return 50 if found is None else min(max(found, 1), MAX_LIST)
