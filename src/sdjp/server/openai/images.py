"""``POST /v1/images/generations`` and ``/edits``: a request becomes a job, and the job an answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sdjp.errors import SdjpError
from sdjp.server.context import Context
from sdjp.server.incoming import owner_of, read_object
from sdjp.server.jobs.errors import JobExpiredError, JobUnknownError
from sdjp.server.jobs.record import JobRecord
from sdjp.server.openai.answer import Content, answer, content, given, size_of
from sdjp.server.openai.attempts import Attempt, Attempts, Key
from sdjp.server.openai.errors import error_body, error_response, outcome
from sdjp.server.openai.fields import ImageCall, read_call
from sdjp.server.openai.form import given_pictures, read_form
from sdjp.server.openai.stream import BEAT, Kind, PartialImages, completed, event
from sdjp.server.request import read_request
from sdjp.server.waiting import Left, settled

_LEFT: Final = 499  # what proxies log for a client that is gone; nobody reads it
_STREAM: Final = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}  # each event at once, through proxies too


class Images:
    """The routes of pictures.

    Args:
        context: The server's parts.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._attempts = Attempts()

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/images/generations", self.generations, methods=["POST"]),
            Route("/v1/images/edits", self.edits, methods=["POST"]),
            Route("/v1/images/variations", self.variations, methods=["POST"]),
        ]

    async def generations(self, request: Request) -> Response:
        """Draw what a JSON body asks for."""

        async def draw() -> Response:
            fields = await read_object(request)
            return await self._draw(request, "image_generation", fields)

        return await _told(request, draw)

    async def edits(self, request: Request) -> Response:
        """Redraw the picture of a form, where its mask is transparent if it has one."""

        async def draw() -> Response:
            fields, files = await read_form(request)
            pictures = await run_in_threadpool(given_pictures, fields, files, limits=self._context.limits)
            others = {name: "" for name in files if name not in pictures}  # told as without effect
            return await self._draw(request, "image_edit", {**fields, **others, **pictures})

        return await _told(request, draw)

    async def variations(self, request: Request) -> Response:
        """Say what to use instead: OpenAI takes no such requests any more."""
        error = SdjpError(
            "route.unknown",
            ja="/v1/images/variations はありません。元の絵を /v1/images/edits に送ってください"
            "（mask なしなら全体を描き直し、strength で変える強さを選べます）。",
            en="there is no /v1/images/variations: send the picture to /v1/images/edits (without a mask all "
            "of it is redrawn; strength says how much).",
        )
        return error_response(request, error)

    async def _draw(self, request: Request, kind: Kind, fields: Mapping[str, Any]) -> Response:
        context, owner = self._context, owner_of(request)
        call = await run_in_threadpool(
            read_call, fields, resolve=context.models.resolve, max_pictures=context.limits.max_pictures
        )
        attempt = await self._joined(request, call, (owner, await run_in_threadpool(_digest, kind, fields)))
        if call.stream:
            return StreamingResponse(
                self._events(request, kind, call, attempt),
                media_type="text/event-stream",
                headers=_STREAM,
                background=BackgroundTask(self._leave, attempt, owner=owner),
            )
        try:
            (job,) = await settled(request, [attempt.job], queue=context.queue, owner=owner)
            error = outcome(job)
            contents = []
            if error is None:
                contents = await run_in_threadpool(self._contents, request, call, job)
            attempt.answered = True
        except Left:
            return Response(status_code=_LEFT)
        finally:
            await self._leave(attempt, owner=owner)
        if error is not None:
            return error_response(request, error, begun=job.attempts > 0)
        return JSONResponse(answer(call, job, contents, notes=self._notes(call, job)))

    async def _joined(self, request: Request, call: ImageCall, key: Key) -> Attempt:
        """The job of an earlier attempt, if this is a retry; else a new one. The request waits for it now."""
        owner, _ = key
        if _is_retry(request):
            while (attempt := self._attempts.again(key)) is not None:
                async with attempt.turn:
                    if await run_in_threadpool(self._is_there, attempt, owner=owner):
                        attempt.waiting += 1
                        return attempt
                self._attempts.forget(key, attempt)
        else:
            self._attempts.begin(key)
        own_key = request.headers.get("idempotency-key")

        def submit() -> JobRecord:
            known = None if own_key is None else self._context.queue.by_key(own_key, owner=owner)
            if known is not None:
                return known
            job = read_request(call.body, self._context, owner=owner)
            return self._context.queue.submit(job, owner=owner, key=own_key)

        job = await run_in_threadpool(submit)
        attempt = self._attempts.add(key, job.id, keyed=own_key is not None)
        attempt.waiting += 1
        return attempt

    def _is_there(self, attempt: Attempt, *, owner: str) -> bool:
        """Whether the job of an attempt has pictures, or will have them, or will never."""
        try:
            return self._context.queue.get(attempt.job, owner=owner).state != "cancelled"
        except (JobUnknownError, JobExpiredError):
            return False

    async def _leave(self, attempt: Attempt, *, owner: str) -> None:
        """Note that a connection is over. A job that nobody waits for is not begun; if begun, it is kept."""
        attempt.waiting -= 1
        async with attempt.turn:
            if attempt.waiting or attempt.answered or attempt.keyed:
                return
            with suppress(JobUnknownError, JobExpiredError):
                await run_in_threadpool(self._context.queue.withdraw, attempt.job, owner=owner)

    async def _events(
        self, request: Request, kind: Kind, call: ImageCall, attempt: Attempt
    ) -> AsyncIterator[bytes]:
        queue, owner = self._context.queue, owner_of(request)
        try:
            asked = (await run_in_threadpool(queue.get, attempt.job, owner=owner)).request.options
            size = size_of(asked.width, asked.height) if asked.width and asked.height else "auto"
            partial_images = PartialImages(kind, call, size=size)
            previews = call.partial_images > 0
            async for one in queue.events(attempt.job, owner=owner, previews=previews):
                if one is None:
                    yield BEAT
                elif one.kind == "progress":
                    partial_images.progress(one.data["step"], one.data["total"])
                elif one.kind == "preview":
                    preview = partial_images.preview(one.data["index"], one.data["image"])
                    if preview is not None:
                        yield preview
            job = await queue.settled(attempt.job, owner=owner)
            error = outcome(job)
            attempt.answered = True
            if error is not None:
                raise error
            contents = await run_in_threadpool(self._contents, request, call, job)
            for last in completed(kind, call, job, contents, notes=self._notes(call, job)):
                yield last
        except SdjpError as error:  # the status was sent long ago
            yield event("error", {"type": "error", **error_body(request, error)})

    def _contents(self, request: Request, call: ImageCall, job: JobRecord) -> list[Content]:
        """The pictures of a job as they are sent."""
        base = str(request.base_url).rstrip("/")
        read = self._context.queue.read_picture
        return [
            content(call, one, read=lambda one: read(one.job, one.index, owner=job.owner), base=base)
            for one in given(job)
        ]

    def _notes(self, call: ImageCall, job: JobRecord) -> list[dict[str, str]]:
        """What the caller should know of how the request was understood."""
        notes = []
        if call.model is not None:
            notes.append(
                {
                    "ja": f"モデル {call.model} はないので、{job.request.model} で描きました。",
                    "en": f"there is no model {call.model}: {job.request.model} drew this.",
                }
            )
        if call.answer == "url" and self._context.settings.tokens:
            notes.append(
                {
                    "ja": "絵のアドレスを開くにも、同じトークンが要ります（Authorization: Bearer）。",
                    "en": "the address of a picture needs the same token (Authorization: Bearer).",
                }
            )
        return notes


async def _told(request: Request, draw: Callable[[], Awaitable[Response]]) -> Response:
    """The answer, or the error in OpenAI's form."""
    try:
        return await draw()
    except SdjpError as error:
        return error_response(request, error)


def _digest(kind: Kind, fields: Mapping[str, Any]) -> str:
    """What a request asks for, as a short text."""
    return hashlib.sha256(json.dumps([kind, fields], sort_keys=True).encode()).hexdigest()


def _is_retry(request: Request) -> bool:
    """Whether a client asks again by itself, as OpenAI's clients say."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return count.isascii() and count.isdigit() and int(count[:9]) > 0
