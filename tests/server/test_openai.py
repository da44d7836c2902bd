"""OpenAI's images API from outside: what its clients do not show, and what they do when all is not well."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from sdjp.errors import InputError, WeightsError
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from sdjp.server.app import create_app
from sdjp.server.context import Context
from sdjp.server.jobs.queue import JobQueue
from sdjp.server.jobs.record import JobRecord, JobRequest, PictureRecord
from sdjp.server.limits import Limits
from sdjp.server.models.shelf import ModelShelf
from sdjp.server.openai.answer import Content, answer
from sdjp.server.openai.attempts import KEPT, MOST, Attempts
from sdjp.server.openai.errors import outcome
from sdjp.server.openai.fields import ImageCall, read_call
from sdjp.server.openai.form import given_pictures
from sdjp.server.openai.stream import PartialImages
from sdjp.server.settings import Settings
from tests.safety_files import save_checker, with_thresholds
from tests.server.conftest import make_context

GENERATIONS = "/v1/images/generations"
BASE = "http://127.0.0.1:7860"
ASKED: dict[str, Any] = {"prompt": "赤い猫", "num_inference_steps": 2}
PATIENCE = 300  # seconds, after which a test has failed
RETRY = {"x-stainless-retry-count": "1"}


class Held:
    """A server whose worker waits until it is let go."""

    def __init__(self, folder: Path, pipe: Pipeline | Exception, *, max_queue: int = 100) -> None:
        self.free = threading.Event()

        def load(_: object) -> Pipeline:
            self.free.wait(PATIENCE)
            if isinstance(pipe, Exception):
                raise pipe
            return pipe

        models = ModelShelf(None, load=load)
        self.queue = JobQueue(folder, models, max_queue=max_queue)
        self.app = create_app(
            Context(
                queue=self.queue, models=models, limits=Limits(), settings=Settings(data=folder, port=7860)
            )
        )

    def jobs(self) -> list[JobRecord]:
        """All of them, newest first."""
        return self.queue.find(owner="local")[0]

    def wait_for(self, *states: str) -> None:
        """Return when the jobs are in these states, newest first."""
        end = time.monotonic() + PATIENCE
        while [job.state for job in self.jobs()] != list(states):
            assert time.monotonic() < end, [job.state for job in self.jobs()]
            time.sleep(0.01)


@pytest.fixture
def hold(tmp_path: Path, tiny: Pipeline) -> Iterator[Callable[..., Held]]:
    """Makes a held server; at the end it is let go."""
    made: list[Held] = []

    def one(pipe: Pipeline | Exception = tiny, **settings: Any) -> Held:
        made.append(Held(tmp_path, pipe, **settings))
        return made[-1]

    yield one
    for held in made:
        held.free.set()


class Caller:
    """A client that can leave before there is an answer, as a browser does whose page is closed."""

    def __init__(self, app: Starlette, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.sent: list[MutableMapping[str, Any]] = []
        self.waits = asyncio.Event()
        """Set when the server has a job for it: only then it listens whether the client leaves."""
        self._gone = asyncio.Event()
        self._body: bytes | None = json.dumps(body).encode()
        named = {"host": "127.0.0.1:7860", "content-type": "application/json", **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "path": GENERATIONS,
            "raw_path": GENERATIONS.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [
                (name.encode(), value.encode())
                for name, value in {**named, "content-length": str(len(self._body or b""))}.items()
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 7860),
            "state": {},
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        self.waits.set()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)

    async def leave(self) -> None:
        self._gone.set()
        await self.task

    async def answer(self) -> dict[str, Any]:
        await self.task
        body = b"".join(message.get("body", b"") for message in self.sent)
        return dict(json.loads(body))


def run(held: Held, act: Callable[[], Awaitable[None]]) -> None:
    """Do something while the server runs."""

    async def whole() -> None:
        async with held.app.router.lifespan_context(held.app):
            try:
                await asyncio.wait_for(act(), PATIENCE)
            finally:
                held.free.set()

    asyncio.run(whole())


def later(call: Callable[..., None], *arguments: Any) -> Awaitable[None]:
    return asyncio.to_thread(call, *arguments)


def test_who_leaves_before_it_is_drawn_cancels_it(hold: Callable[..., Held]) -> None:
    held = hold()

    async def act() -> None:
        for stream in (False, True):
            caller = Caller(held.app, {**ASKED, "stream": stream})
            await later(held.wait_for, "queued", *["cancelled"] * stream)
            await caller.leave()
            await later(held.wait_for, "cancelled", *["cancelled"] * stream)

    run(held, act)


def test_who_leaves_later_finds_it_finished(hold: Callable[..., Held]) -> None:
    held = hold()

    async def act() -> None:
        caller = Caller(held.app, {**ASKED, "num_inference_steps": 8})
        await later(held.wait_for, "queued")
        [job] = held.jobs()
        held.free.set()
        async for event in held.queue.events(job.id, owner="local"):
            if event is not None and event.kind == "job" and event.data["state"] == "drawing":
                await caller.leave()
        assert held.queue.get(job.id, owner="local").state == "done"
        again = Caller(held.app, {**ASKED, "num_inference_steps": 8}, RETRY)
        assert (await again.answer())["sdjp"]["job"] == job.id

    run(held, act)


def test_a_retry_keeps_the_job_that_its_first_attempt_leaves(hold: Callable[..., Held]) -> None:
    held = hold()

    async def act() -> None:
        first = Caller(held.app, ASKED)
        await later(held.wait_for, "queued")
        second = Caller(held.app, ASKED, RETRY)
        other = Caller(held.app, {**ASKED, "seed": 5}, RETRY)  # nobody asked for this before
        await second.waits.wait()
        await later(held.wait_for, "queued", "queued")
        await first.leave()
        held.free.set()
        assert (await second.answer())["sdjp"]["job"] == held.jobs()[1].id
        assert (await other.answer())["sdjp"]["seeds"] == [5]
        assert [job.state for job in held.jobs()] == ["done", "done"]

    run(held, act)


@pytest.mark.parametrize(("slow", "jobs"), [("get", 1), ("withdraw", 2)])
def test_a_retry_that_comes_while_its_first_attempt_leaves(
    hold: Callable[..., Held], monkeypatch: pytest.MonkeyPatch, slow: str, jobs: int
) -> None:
    """Whichever of them is first: the retry joins the job before it is withdrawn, or has one of its own."""
    held, reached, go = hold(), threading.Event(), threading.Event()
    whole = getattr(held.queue, slow)

    def gated(*arguments: Any, **named: Any) -> Any:
        found = whole(*arguments, **named) if slow == "get" else None  # seen before, told after
        reached.set()
        assert go.wait(PATIENCE)
        return found if slow == "get" else whole(*arguments, **named)

    async def act() -> None:
        first = Caller(held.app, ASKED)
        await first.waits.wait()
        monkeypatch.setattr(held.queue, slow, gated)
        # the one that comes first is held in the middle of it, the other has all the time to go on
        if slow == "get":
            second = Caller(held.app, ASKED, RETRY)
            await asyncio.to_thread(reached.wait, PATIENCE)
            leaving = asyncio.ensure_future(first.leave())
        else:
            leaving = asyncio.ensure_future(first.leave())
            await asyncio.to_thread(reached.wait, PATIENCE)
            second = Caller(held.app, ASKED, RETRY)
        await asyncio.sleep(0.3)
        go.set()
        await leaving
        await second.waits.wait()
        held.free.set()
        assert (await second.answer())["data"][0]["b64_json"]
        assert [job.state for job in held.jobs()] == ["done", "cancelled"][:jobs]

    run(held, act)


def test_a_retry_of_what_was_cancelled_is_drawn(hold: Callable[..., Held]) -> None:
    held = hold()

    async def act() -> None:
        first = Caller(held.app, ASKED)
        await later(held.wait_for, "queued")
        await first.leave()
        await later(held.wait_for, "cancelled")
        second = Caller(held.app, ASKED, RETRY)
        await later(held.wait_for, "queued", "cancelled")
        held.free.set()
        assert (await second.answer())["data"][0]["b64_json"]

    run(held, act)


def test_a_job_with_a_key_is_not_cancelled(hold: Callable[..., Held]) -> None:
    held = hold()

    async def act() -> None:
        caller = Caller(held.app, ASKED, {"idempotency-key": "mine"})
        await later(held.wait_for, "queued")
        await caller.leave()
        again = Caller(held.app, ASKED, {"idempotency-key": "mine"})
        held.free.set()
        await again.answer()
        assert [job.state for job in held.jobs()] == ["done"]

    run(held, act)


def test_a_full_queue(hold: Callable[..., Held]) -> None:
    held = hold(max_queue=1)

    async def act() -> None:
        first = Caller(held.app, ASKED)
        await later(held.wait_for, "queued")
        second = Caller(held.app, ASKED)
        error = (await second.answer())["error"]
        assert (error["type"], error["code"], error["param"]) == ("rate_limit_error", "queue.full", None)
        start = second.sent[0]
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert start["status"] == 429
        assert headers["x-should-retry"] == "true"
        assert 1 <= int(headers["retry-after"]) <= 120
        await first.leave()

    run(held, act)


def test_the_client_asks_a_full_queue_again(hold: Callable[..., Held]) -> None:
    openai = pytest.importorskip("openai")
    httpx2 = pytest.importorskip("httpx2")  # what it sends requests with
    held = hold(max_queue=1)
    asked = {"prompt": "犬", "model": "mini", "extra_body": {"num_inference_steps": 1}}

    async def act() -> None:
        transport = httpx2.ASGITransport(app=held.app)
        async with openai.AsyncOpenAI(
            base_url=f"{BASE}/v1", api_key="unused", http_client=httpx2.AsyncClient(transport=transport)
        ) as client:
            first = Caller(held.app, ASKED)
            await later(held.wait_for, "queued")
            with pytest.raises(openai.RateLimitError) as caught:
                await client.with_options(max_retries=0).images.generate(**asked)
            assert caught.value.code == "queue.full"
            patient = asyncio.ensure_future(client.images.generate(**asked))
            await asyncio.sleep(0.5)
            held.free.set()
            assert (await patient).data[0].b64_json
            await first.answer()
            assert [job.state for job in held.jobs()] == ["done", "done"]

    run(held, act)


def test_the_client_gives_the_token_as_its_key(tmp_path: Path, tiny: Pipeline) -> None:
    openai = pytest.importorskip("openai")
    httpx2 = pytest.importorskip("httpx2")
    token = "k9Zr2Qw7Lx4Vb1Nm"
    settings = Settings(data=tmp_path, tokens={"me": token})
    context = dataclasses.replace(make_context(tmp_path, tiny), settings=settings)
    transport = httpx2.ASGITransport(app=create_app(context))

    async def list_models(key: str) -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=f"{BASE}/v1", api_key=key, http_client=httpx2.AsyncClient(transport=transport)
        ) as client:
            return [model.id async for model in client.models.list()]

    try:
        assert asyncio.run(list_models(token)) == ["mini"]
        with pytest.raises(openai.AuthenticationError) as caught:
            asyncio.run(list_models("wrong"))
        assert caught.value.code == "token.wrong"
    finally:
        context.queue.stop()


def test_an_error_in_drawing_is_not_to_be_tried_again(hold: Callable[..., Held]) -> None:
    held = hold(WeightsError("weights.broken", ja="壊れています。", en="it is broken."))

    async def act() -> None:
        caller = Caller(held.app, ASKED, {"accept-language": "ja"})
        await later(held.wait_for, "queued")
        held.free.set()
        assert (await caller.answer())["error"]["message"] == "壊れています。"
        assert caller.sent[0]["status"] == 400
        assert (b"x-should-retry", b"false") in caller.sent[0]["headers"]

        streaming = Caller(held.app, {**ASKED, "stream": True})
        await streaming.task
        text = b"".join(message.get("body", b"") for message in streaming.sent).decode()
        name, data = text.strip().split("\n")
        assert name == "event: error"
        assert json.loads(data.removeprefix("data: "))["error"]["code"] == "weights.broken"

    run(held, act)


def test_cancelled_by_somebody_else(hold: Callable[..., Held]) -> None:
    held = hold()

    async def act() -> None:
        caller = Caller(held.app, ASKED)
        await later(held.wait_for, "queued")
        held.queue.cancel(held.jobs()[0].id, owner="local")
        assert (await caller.answer())["error"]["code"] == "job.cancelled"
        assert caller.sent[0]["status"] == 409
        assert (b"x-should-retry", b"false") in caller.sent[0]["headers"]

    run(held, act)


def test_a_refusal_is_an_error_and_no_empty_list(tmp_path: Path) -> None:
    save_checker(tmp_path / "strict", with_thresholds(-2.0))
    pipe = Pipeline.from_pretrained(
        dtype="float32", watermark=False, safety="blur", safety_checker=tmp_path / "strict"
    )
    held = Held(tmp_path / "data", pipe)
    held.free.set()

    async def act() -> None:
        body = {**ASKED, "size": "64x64", "n": 2}
        error = (await Caller(held.app, body).answer())["error"]
        assert (error["code"], error["type"]) == ("moderation_blocked", "invalid_request_error")
        assert "data" not in error

    run(held, act)


def job(*withheld: bool, **more: Any) -> JobRecord:
    """A job that is over, with one picture for each."""
    pictures = tuple(
        PictureRecord(
            job="j",
            index=i,
            seed=i,
            width=64,
            height=64,
            bytes=1,
            withheld=flag,
            created=1.0,
            prompt="猫",
            english="a cat",
            model="mini",
        )
        for i, flag in enumerate(withheld)
    )
    request = JobRequest(model="mini", options=GenerationOptions(prompt="猫"))
    values = {"state": "done", "created": 1.5, "pictures": pictures, "prompts": ({"tokens": 2},), **more}
    return JobRecord(id="j", number=1, owner="local", request=request, **values)


def call(**fields: Any) -> ImageCall:
    return read_call({"prompt": "猫", **fields}, resolve={"mini": "mini"}.get, max_pictures=4)


def test_what_is_not_withheld_is_given() -> None:
    said = answer(call(n=3), job(True, False, False), [Content("b64_json", "x")] * 2, notes=[])
    assert [one["b64_json"] for one in said["data"]] == ["x", "x"]
    assert (said["sdjp"]["withheld"], said["sdjp"]["seeds"]) == (1, [1, 2])
    assert outcome(job(True, False)) is None
    error = outcome(job(True, True))
    assert error is not None
    assert error.code == "moderation_blocked"


@pytest.mark.parametrize(
    ("code", "kind"), [("job.crashed", Exception), ("nan.latents", Exception), ("size.multiple", InputError)]
)
def test_what_was_asked_for_is_told_from_what_went_wrong(code: str, kind: type) -> None:
    error = outcome(job(state="failed", error={"code": code, "ja": "あ", "en": "a"}))
    assert isinstance(error, kind)
    assert isinstance(error, InputError) == (kind is InputError)


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (None, {}, "b64_json"),
        ("gpt-image-1", {}, "b64_json"),
        ("dall-e-2", {}, "url"),
        ("dall-e-3", {"response_format": "b64_json"}, "b64_json"),
        ("mini", {"response_format": "url"}, "url"),
        ("dall-e-3", {"stream": True}, "b64_json"),
        ("dall-e-3", {"response_format": None}, "url"),
    ],
)
def test_pictures_or_addresses(model: str | None, given: dict[str, Any], expected: str) -> None:
    assert call(model=model, **given).answer == expected


def test_the_body_of_the_job() -> None:
    made = call(
        model="mini",
        n=2,
        size=" 512X768 ",
        style="vivid",
        quality="hd",
        seed=3,
        loras={"a": 0.5},
        partial_images=2,
        input_fidelity="high",
        mask=None,
    )
    assert made.body == {
        "prompt": "猫",
        "model": "mini",
        "num_images_per_prompt": 2,
        "width": 512,
        "height": 768,
        "seed": 3,
        "loras": {"a": 0.5},
    }
    assert made.unused == ("style", "quality", "partial_images", "input_fidelity")
    other = call(model="gpt-image-1", size="auto", background="opaque")
    assert (other.body, other.model, other.unused) == ({"prompt": "猫"}, "gpt-image-1", ())
    assert call(output_compression=50).unused == ("output_compression",)
    assert call(output_compression=50, output_format="webp").quality == 50


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"prompt": None}, "prompt.missing"),
        ({"prompt": ["a", "b"]}, "prompt.type"),
        ({"model": 3}, "model.type"),
        ({"n": 0}, "n.range"),
        ({"n": True}, "n.range"),
        ({"n": 2, "num_images_per_prompt": 2}, "n.twice"),
        ({"size": 512}, "size.form"),
        ({"stream": "yes"}, "stream.unknown"),
        ({"partial_images": 4}, "partial_images.range"),
        ({"output_compression": 101}, "output_compression.range"),
        ({"output_format": "gif"}, "output_format.unknown"),
        ({"response_format": "bytes"}, "response_format.unknown"),
    ],
)
def test_fields_that_cannot_be_used(given: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        call(**given)
    assert caught.value.code == code


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_attempts() -> None:
    clock = Clock()
    attempts, key = Attempts(clock), ("local", "digest")
    assert attempts.again(key) is None
    attempts.begin(key)
    first = attempts.add(key, "1")
    assert attempts.again(key) is first
    assert attempts.again(("other", "digest")) is None

    attempts.begin(key)  # the same at the same time
    second = attempts.add(key, "2")
    second.waiting = 1
    assert attempts.again(key) is first  # the other one is waited for
    first.waiting = 1
    assert attempts.again(key) is second

    first.answered = second.answered = True
    assert attempts.again(key) is second  # the answer may have been lost on its way
    attempts.begin(key)  # who asks again has got it
    assert attempts.again(key) is None

    third = attempts.add(key, "3")
    assert attempts.add(key, "3") is third
    attempts.forget(key, third)
    assert attempts.again(key) is None

    attempts.add(key, "4")
    clock.now += KEPT + 1
    assert attempts.again(key) is None
    for i in range(MOST + 1):
        attempts.add(("local", str(i)), "5")
    assert attempts.again(("local", "0")) is None
    assert attempts.again(("local", "1")) is not None


def test_previews_are_spread_over_the_run() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    partial_images = PartialImages("image_edit", call(stream=True, partial_images=2), size="64x64")
    sent = []
    for step in range(1, 13):
        partial_images.progress(step, 12)
        sent.append(partial_images.preview(0, uri) is not None)
    assert [step for step, was in enumerate(sent, 1) if was] == [4, 8]
    assert partial_images.preview(1, uri) is not None  # another picture has its own


def png(mode: str = "RGBA", color: Any = (0, 0, 0, 0)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (8, 8), color).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("files", "fields", "code"),
    [
        ({}, {}, "image.missing"),
        ({"image": [png(), png()]}, {}, "image.count"),
        ({"image": [png()]}, {"mask": "x"}, "mask.file"),
        ({"image": [png()], "mask": [b"no picture"]}, {}, "mask.unreadable"),
        ({"image": [png()], "mask": [png("RGB", "red")]}, {}, "mask.opaque"),
        ({"image": [png()], "mask": [png("RGBA", "red")]}, {}, "mask.opaque"),
        ({"image": [png()], "mask": [png()]}, {"large": True}, "limit.picture_pixels"),
    ],
)
def test_forms_that_cannot_be_used(files: dict[str, list[bytes]], fields: dict[str, Any], code: str) -> None:
    limits = Limits(max_picture_pixels=63) if fields.pop("large", False) else Limits()
    with pytest.raises(InputError) as caught:
        given_pictures(fields, files, limits=limits)
    assert caught.value.code == code


def test_forms(client: TestClient, context: Context) -> None:
    answer = client.post(
        "/v1/images/edits",
        data={
            "prompt": "猫",
            "n": "2",
            "num_inference_steps": "2",
            "strength": "0.5",
            "seed[]": ["4", "9"],
            "guidance_interval[]": ["0", "0.5"],
            "paste_back": "false",
            "quality": "auto",
        },
        files={"image[]": ("a.png", png("RGB", "red"), "image/png"), "more": ("b.png", b"x", "image/png")},
    )
    assert answer.status_code == 200, answer.text
    about = answer.json()["sdjp"]
    assert about["seeds"] == [4, 9]
    assert about["unused"] == ["quality", "more"]
    options = context.queue.get(about["job"], owner="local").request.options
    assert (options.strength, options.guidance_interval, options.paste_back) == (0.5, (0, 0.5), False)
    for data, code in (
        ({"prompt": "猫", "n": ["1", "2"]}, "n.twice"),
        ({"prompt": "猫", "loras[a]": "1", "loras": "2"}, "loras.twice"),
    ):
        answer = client.post("/v1/images/edits", data=data, files={"image": ("a.png", png(), "image/png")})
        assert answer.json()["error"]["code"] == code
    answer = client.post(
        "/v1/images/edits", content=b"broken", headers={"content-type": "multipart/form-data"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "body.form")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "body.json"),
        (b"[]", 400, "body.object"),
        (b'{"prompt": "\\ud800"}', 400, "body.json"),  # half a character
    ],
)
def test_bodies_that_are_none(client: TestClient, content: bytes, status: int, code: str) -> None:
    answer = client.post(GENERATIONS, content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_address_says_that_it_needs_the_token(context: Context) -> None:
    from sdjp.server.openai.images import Images

    locked = dataclasses.replace(context, settings=Settings(tokens={"me": "s" * 40}))
    notes = Images(locked)._notes(call(model="mini", response_format="url"), job(False))
    assert "Bearer" in notes[0]["en"]
    assert Images(locked)._notes(call(model="mini"), job(False)) == []
