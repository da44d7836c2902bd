"""The server under load: many clients at once, slow ones, and those that leave."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sdjp.server.jobs.events import Events

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the server is forked")
LISTENERS = 100
BODY = {"width": 64, "height": 64, "num_inference_steps": 1}


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """``examples/bench/server.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "examples" / "bench"))
        import server  # type: ignore[import-not-found]

        yield server


@pytest.fixture(scope="module")
def port(bench: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real server with a small model."""
    data = tmp_path_factory.mktemp("load") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "src"))))
        command = [sys.executable, "-m", "tests.server.mortal", str(data)]
        with bench.serving(command, data, data.with_suffix(".log")) as port:
            yield port


def test_none_is_lost_and_none_is_drawn_twice(bench: ModuleType, port: int) -> None:
    load = asyncio.run(bench.burden(port, clients=10, requests=30, body=BODY))
    assert load.problems == []
    assert {"watch", "poll", "openai", "a1111"} <= set(load.asked.values())
    found = bench.summary(load, 1.0)
    assert found["requests"] == 30
    assert found["memory_mb"]["last"] > 0
    assert bench.row(2, found).count("|") == len(bench.COLUMNS) + 1


def test_a_full_queue_is_told_and_asked_again(bench: ModuleType, port: int) -> None:
    """The server lets 20 jobs wait; 30 clients ask at once."""

    async def ask() -> list[Any]:
        client = bench.Client(port)
        body = {**BODY, "prompt": "猫", "num_inference_steps": 20}
        return list(await asyncio.gather(*(client.ask("POST", "/v1/jobs", body) for _ in range(30))))

    answers = asyncio.run(ask())
    assert {answer.status for answer in answers} == {202, 429}
    for answer in answers:
        if answer.status == 429:
            assert answer.json()["error"]["code"] == "queue.full"
            assert 1 <= int(answer.headers["retry-after"]) <= 120
    accepted = [answer.json()["id"] for answer in answers if answer.status == 202]

    async def stop() -> None:
        client = bench.Client(port)
        for job in accepted:
            assert (await client.ask("DELETE", f"/v1/jobs/{job}")).status == 204

    asyncio.run(stop())


def test_listeners_who_never_read_cost_nothing(bench: ModuleType, port: int) -> None:
    client = bench.Client(port)

    async def ask(steps: int) -> str:
        body = {**BODY, "prompt": "猫", "num_inference_steps": steps}
        return str((await client.ask("POST", "/v1/jobs", body)).json()["id"])

    async def last(job: str) -> Any:
        return [event async for event in client.events(job, query="?previews=1")][-1]

    asyncio.run(last(asyncio.run(ask(3))))  # so that all that is loaded late is loaded
    before = asyncio.run(bench.resident(client))
    job = asyncio.run(ask(30))
    with ExitStack() as stack:
        for _ in range(LISTENERS):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.connect(("127.0.0.1", port))
            one.sendall(bench.request("GET", f"/v1/jobs/{job}/events?previews=1"))
        assert asyncio.run(last(job)).data["state"] == "done"
        grown = asyncio.run(bench.resident(client)) - before
        assert grown < LISTENERS * 300_000

    async def none_are_left() -> None:
        while (await bench.figures(client))["sdjp_http_requests_in_progress"] > 1:
            await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(none_are_left(), 60))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sdapi/v1/txt2img", {"prompt": "猫", "steps": 1, "width": 64, "height": 64}),
        ("/v1/images/generations", {"prompt": "猫", "size": "64x64"}),
    ],
)
def test_who_leaves_before_the_drawing_began_gets_no_picture(
    bench: ModuleType, port: int, path: str, body: dict[str, Any]
) -> None:
    client = bench.Client(port)

    async def leave() -> list[Any]:
        first = {**BODY, "prompt": "犬", "num_inference_steps": 150, "num_images_per_prompt": 2}
        held = (await client.ask("POST", "/v1/jobs", first)).json()["id"]
        asking = asyncio.create_task(client.leave(bench.request("POST", path, body), after=60))
        waiting = held
        while waiting == held:
            await asyncio.sleep(0.02)
            waiting = (await client.ask("GET", "/v1/jobs?limit=1")).json()["jobs"][0]["id"]
        asking.cancel()
        while (job := (await client.ask("GET", f"/v1/jobs/{waiting}")).json())["state"] == "queued":
            await asyncio.sleep(0.02)
        await client.ask("DELETE", f"/v1/jobs/{held}")
        return [job["state"], job["attempts"]]

    assert asyncio.run(asyncio.wait_for(leave(), 120)) == ["cancelled", 0]


def test_a_log_does_not_grow_with_the_steps() -> None:
    events = Events()
    for step in range(1000):
        events.publish("job", "progress", {"step": step})
        events.publish("job", "preview", {"image": "x" * 1000})
    told = events.after("job", 0)
    assert told is not None
    assert [event.kind for event in told] == ["progress", "preview"]
    assert told[0].data == {"step": 999}
