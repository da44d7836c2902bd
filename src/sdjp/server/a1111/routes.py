"""The routes of ``/sdapi/v1``, and the few beside them that its clients look for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sdjp.errors import InputError, SdjpError
from sdjp.server.a1111 import lists, replies
from sdjp.server.a1111.errors import error_response
from sdjp.server.a1111.extras import Enlargement, enlargement
from sdjp.server.a1111.fields import Fields
from sdjp.server.a1111.options import change, options
from sdjp.server.a1111.pictures import decoded
from sdjp.server.a1111.replies import generated, picture_info, progress
from sdjp.server.a1111.requests import Asked, asked
from sdjp.server.context import Context
from sdjp.server.errors import WithheldError
from sdjp.server.incoming import owner_of, read_json, read_object
from sdjp.server.jobs.record import JobRecord, PictureRecord
from sdjp.server.request import read_request
from sdjp.server.waiting import Left, settled

Handler: TypeAlias = "Callable[[Request], Awaitable[Response]]"
ROOT: Final = "/sdapi/v1"
_FAILED: Final = {"code": "job.failed", "ja": "描けませんでした。", "en": "it could not be drawn."}
_GONE: Final = 499
"""As nginx says of a client that left; it is for the log."""
_NOTHING_TO_DO: Final = (
    # The server looks at its folders anew each time, and frees a model when another one is loaded.
    "refresh-checkpoints",
    "refresh-vae",
    "refresh-loras",
    "refresh-embeddings",
    "reload-checkpoint",
    "unload-checkpoint",
)


def routes(context: Context) -> list[Route]:
    """The routes of this API."""
    api = _A1111(context)
    made: list[Route] = []

    def route(path: str, handler: Handler, method: str = "GET") -> None:
        made.append(Route(path, _telling(handler), methods=[method]))

    def shown(path: str, make: Callable[[], Any]) -> None:
        async def handler(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(make))

        route(path, handler)

    route(f"{ROOT}/txt2img", api.txt2img, "POST")
    route(f"{ROOT}/img2img", api.img2img, "POST")
    route(f"{ROOT}/extra-single-image", api.single, "POST")
    route(f"{ROOT}/extra-batch-images", api.several, "POST")
    route(f"{ROOT}/png-info", api.png_info, "POST")
    route(f"{ROOT}/interrogate", api.interrogate, "POST")
    route(f"{ROOT}/interrogate", api.post_only)  # 405 tells clients that it is there, 404 that it is not
    route(f"{ROOT}/interrupt", api.interrupt, "POST")
    route(f"{ROOT}/skip", api.skip, "POST")
    route(f"{ROOT}/options", api.change_options, "POST")
    route(f"{ROOT}/progress", api.progress)
    for name in _NOTHING_TO_DO:
        route(f"{ROOT}/{name}", api.nothing_to_do, "POST")
    shown(f"{ROOT}/options", lambda: options(context))
    shown(f"{ROOT}/sd-models", lambda: lists.models(context))
    shown(f"{ROOT}/loras", lambda: lists.loras(context))
    shown(f"{ROOT}/embeddings", lambda: lists.embeddings(context))
    shown(f"{ROOT}/cmd-flags", lambda: lists.flags(context))
    shown(f"{ROOT}/samplers", lists.samplers)
    shown(f"{ROOT}/schedulers", lists.schedulers)
    shown(f"{ROOT}/upscalers", lists.upscalers)
    shown(f"{ROOT}/scripts", lists.scripts)
    shown(f"{ROOT}/memory", lists.memory)
    for name in lists.NOTHING:
        shown(f"{ROOT}/{name}", list)
    shown("/controlnet/version", lambda: {"version": 3})
    shown("/controlnet/model_list", lambda: lists.control_models(context))
    shown("/controlnet/module_list", lists.control_modules)
    shown("/internal/ping", dict)
    shown("/login_check", lambda: True)
    return made


def _telling(handler: Handler) -> Handler:
    """The handler, whose errors are told in the form of this API."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Left:
            return Response(status_code=_GONE)
        except SdjpError as error:
            return error_response(error)

    return handle


class _A1111:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._queue = context.queue
        self._tasks: dict[str, str] = {}  # what clients call their jobs

    async def txt2img(self, request: Request) -> Response:
        return await self._generate(request, img2img=False)

    async def img2img(self, request: Request) -> Response:
        return await self._generate(request, img2img=True)

    async def _generate(self, request: Request, *, img2img: bool) -> Response:
        body, owner = await read_object(request), owner_of(request)
        wanted = await run_in_threadpool(asked, body, self._context, img2img=img2img)
        job = await self._submit(wanted.body, owner)
        if wanted.model is not None:
            await run_in_threadpool(self._context.models.use, wanted.model)
        if wanted.task:
            self._tasks[job.id] = wanted.task
        try:
            (job,) = await self._settled(request, [job], owner)
        finally:
            self._tasks.pop(job.id, None)
        return await run_in_threadpool(self._reply, job, wanted, Fields(body).whole("batch_size") or 1, owner)

    async def _settled(self, request: Request, jobs: Sequence[JobRecord], owner: str) -> list[JobRecord]:
        """Jobs that are over. If the client leaves, those that still wait are cancelled; those whose drawing
        has begun are finished and kept.
        """
        try:
            return await settled(request, [job.id for job in jobs], queue=self._queue, owner=owner)
        except Left:
            for job in jobs:
                await run_in_threadpool(self._queue.withdraw, job.id, owner=owner)
            raise

    async def _submit(self, body: Mapping[str, Any], owner: str) -> JobRecord:
        ready = await run_in_threadpool(read_request, body, self._context, owner=owner)
        return await run_in_threadpool(self._queue.submit, ready, owner=owner)

    def _reply(self, job: JobRecord, wanted: Asked, batch_size: int, owner: str) -> Response:
        pictures = self._pictures(job, owner)
        entry = self._context.models.entry(job.request.model)
        return JSONResponse(generated(job, pictures, asked=wanted, entry=entry, batch_size=batch_size))

    def _pictures(self, job: JobRecord, owner: str) -> list[tuple[PictureRecord, bytes]]:
        """The pictures of a job that are shown; one that was stopped has those that were finished.

        Raises:
            SdjpError: If it failed, or if all of them are withheld.
        """
        if job.state not in ("done", "cancelled"):
            code, ja, en = ((job.error or _FAILED)[name] for name in ("code", "ja", "en"))
            raise SdjpError(code, ja=ja, en=en)
        shown = [picture for picture in job.pictures if not picture.withheld]
        if job.pictures and not shown:
            raise WithheldError.of(len(job.pictures))
        return [(one, self._queue.read_picture(job.id, one.index, owner=owner)) for one in shown]

    async def single(self, request: Request) -> Response:
        body = await read_object(request)
        (data,) = await self._enlarge(request, body, {"image": body.get("image")})
        return JSONResponse({"html_info": replies.text_of(data), "image": replies.base64_of(data)})

    async def several(self, request: Request) -> Response:
        body = await read_object(request)
        rows = Fields(body).items("imageList")
        await run_in_threadpool(self._context.limits.check_pictures, len(rows))
        images = {
            f"imageList[{i}]": row.get("data") if isinstance(row, Mapping) else None
            for i, row in enumerate(rows)
        }
        found = await self._enlarge(request, body, images)
        text = "\n\n".join(filter(None, map(replies.text_of, found)))
        return JSONResponse({"html_info": text, "images": [replies.base64_of(data) for data in found]})

    async def _enlarge(
        self, request: Request, body: Mapping[str, Any], images: Mapping[str, object]
    ) -> list[bytes]:
        """Enlarge pictures: by jobs, or at once where no network does it."""
        owner, limits = owner_of(request), self._context.limits
        wanted: list[Enlargement] = []
        for name, image in images.items():
            wanted.append(await run_in_threadpool(enlargement, body, image, name=name, limits=limits))
        jobs: list[JobRecord] = []
        try:
            for one in wanted:
                if one.body is not None:
                    jobs.append(await self._submit(one.body, owner))
        except SdjpError:
            for job in jobs:  # all or none
                await run_in_threadpool(self._queue.cancel, job.id, owner=owner)
            raise
        over = iter(await self._settled(request, jobs, owner))

        def finish() -> list[bytes]:
            return [
                one.plain() if one.body is None else one.cut(self._enlarged(next(over), owner))
                for one in wanted
            ]

        return await run_in_threadpool(finish)

    def _enlarged(self, job: JobRecord, owner: str) -> bytes:
        pictures = self._pictures(job, owner)
        if not pictures:
            raise InputError(
                "job.cancelled", ja="拡大は中止されました。", en="the enlargement was cancelled."
            )
        return pictures[0][1]

    async def png_info(self, request: Request) -> Response:
        image = Fields(await read_object(request)).text("image") or ""
        if not image.strip():
            return JSONResponse({"info": "", "items": {}, "parameters": {}})
        data = await run_in_threadpool(decoded, "image", image, self._context.limits)
        return JSONResponse(await run_in_threadpool(picture_info, data))

    async def interrogate(self, request: Request) -> Response:
        error = SdjpError(
            "interrogate.lacking",
            ja="sdjp には、絵から言葉を作る機能（interrogate）がありません。",
            en="sdjp cannot tell what is in a picture (interrogate).",
        )
        return error_response(error, status=501)

    async def post_only(self, request: Request) -> Response:
        raise HTTPException(405, headers={"Allow": "POST"})

    async def progress(self, request: Request) -> Response:
        skip = request.query_params.get("skip_current_image", "").lower() in ("true", "1", "yes", "on")
        return JSONResponse(await run_in_threadpool(self._progress, owner_of(request), skip))

    def _progress(self, owner: str, skip_image: bool) -> dict[str, Any]:
        job = self._queue.drawing(owner=owner)
        ahead = None
        if job is None:
            waiting, _ = self._queue.find(owner=owner, states=("queued",), limit=1)
            job = waiting[0] if waiting else None
            ahead = None if job is None else self._queue.position(job)
        drawn = job is not None and ahead is None
        return progress(
            job,
            self._queue.progress(job.id) if job is not None and drawn else None,
            task=None if job is None else self._tasks.get(job.id),
            preview=self._queue.preview(job.id) if job is not None and drawn and not skip_image else None,
            batch=self._context.settings.batch,
            ahead=ahead,
        )

    async def interrupt(self, request: Request) -> Response:
        await run_in_threadpool(self._interrupt, owner_of(request))
        return JSONResponse({})

    def _interrupt(self, owner: str) -> None:
        """Stop what is drawn for this owner; what waits, and what is others', stays."""
        job = self._queue.drawing(owner=owner)
        if job is not None:
            self._queue.cancel(job.id, owner=owner)

    async def skip(self, request: Request) -> Response:
        owner = owner_of(request)
        job = await run_in_threadpool(lambda: self._queue.drawing(owner=owner))
        if job is not None and job.request.count > 1:
            note = {
                "ja": "何枚かを描いているときは、1 枚だけを飛ばすことはできません。"
                "すべて止めるには interrupt をお使いください。",
                "en": "one of several pictures cannot be skipped. Use interrupt to stop all of them.",
            }
            return JSONResponse({"sdjp": note})
        return await self.interrupt(request)

    async def change_options(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(change, await read_json(request), self._context))

    async def nothing_to_do(self, request: Request) -> Response:
        return JSONResponse({})
