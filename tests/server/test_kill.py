"""``kill -9`` under load: what was told as finished stays, and everything else is drawn, once."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import uncounted
from tests.server.mortal import DEADLY, STATUS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="its lives are forked")


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The client of the bench."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "bench"))
    return importlib.import_module("loopback")


@contextmanager
def mortal(data: Path) -> Iterator[Path]:
    """The server that begins anew whenever it dies; its log, with how each of its lives ended."""
    environment = {**uncounted(), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
    log = data.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.mortal", str(data)], env=environment, stdout=out, stderr=out
        )
    try:
        yield log
    finally:
        process.terminate()
        process.wait()


@dataclass(kw_only=True)
class Seen:
    """What clients were told.

    Attributes:
        jobs: The id of each key that was accepted.
        pictures: What was told of a picture as finished, and the digest of its bytes once they came.
        done: What was told of a job as done.
    """

    jobs: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, tuple[dict[str, Any], str | None]] = field(default_factory=dict)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)

    def job(self, job: dict[str, Any]) -> None:
        for picture in job["pictures"]:
            self.picture(picture)
        if job["state"] == "done":
            told = self.done.setdefault(job["id"], job)
            assert told == job, "what is done does not change"

    def picture(self, picture: dict[str, Any], data: bytes | None = None) -> None:
        digest = None if data is None else hashlib.sha256(data).hexdigest()
        known, before = self.pictures.get(picture["url"], (picture, None))
        assert known == picture, "drawn a second time"
        assert digest is None or before in (None, digest), "the bytes have changed"
        self.pictures[picture["url"]] = known, digest or before


@dataclass(kw_only=True)
class Trial:
    """Clients that ask without pause of a server that is killed again and again."""

    data: Path
    log: Path
    loopback: ModuleType
    seen: Seen = field(default_factory=Seen)
    over: bool = False

    @property
    def client(self) -> Any:
        """Of the life of now; where it listens changes."""
        url = json.loads((self.data / "address.json").read_text(encoding="utf-8"))["url"]
        return self.loopback.Client(int(url.rstrip("/").rpartition(":")[2]))

    async def insist(self, *request: Any, statuses: tuple[int, ...] = (200, 202)) -> Any:
        """Ask until there is an answer."""
        while True:
            with suppress(OSError, ValueError):
                answer = await self.client.ask(*request)
                if answer.status in statuses:
                    return answer
                assert answer.status in (429, 503), answer
            await asyncio.sleep(0.05)

    async def ask(self, key: str, **more: Any) -> str:
        """Ask for a job with a key, again and again until the server has it."""
        body = {"prompt": "赤い猫", "num_inference_steps": 1, "seed": 1, **more}
        answer = await self.insist("POST", "/v1/jobs", body, {"Idempotency-Key": key})
        job = str(answer.json()["id"])
        assert self.seen.jobs.setdefault(key, job) == job, "a key has led to two jobs"
        return job

    async def customer(self, name: str) -> None:
        """One job after the other; of each it sees as much as it can."""
        number = 0
        while not self.over:
            number += 1
            job = await self.ask(f"{name} {number}", seed=number, num_images_per_prompt=1 + number % 3)
            with suppress(OSError, ValueError):
                async for event in self.client.events(job):
                    if event.kind == "picture":
                        self.seen.picture(event.data)
                        found = await self.client.ask("GET", event.data["url"])
                        assert found.status == 200
                        self.seen.picture(event.data, found.body)
                    elif event.kind == "job":
                        self.seen.job(event.data)

    async def lives(self) -> list[int]:
        """How the lives so far have ended."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [int(line) for line in text.splitlines() if line.lstrip("-").isdigit()]

    async def reaper(self, kills: int, chance: random.Random) -> None:
        """Kill the server so many times, each time after it has answered for a while."""
        for _ in range(kills):
            await self.insist("GET", "/readyz")
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            ended = len(await self.lives())
            os.kill(int(self.data.with_suffix(".pid").read_text(encoding="ascii")), signal.SIGKILL)
            while len(await self.lives()) == ended:
                await asyncio.sleep(0.02)

    async def run(self, kills: int) -> None:
        """All of it, until nothing waits any more."""
        await self.insist("GET", "/readyz")
        customers = [asyncio.create_task(self.customer(name)) for name in "abcd"]
        try:
            await self.reaper(kills, random.Random(kills))
            deadly = await self.ask("deadly", width=DEADLY[0], height=DEADLY[1])
            while (await self.state(deadly))["state"] != "set_aside":
                await asyncio.sleep(0.1)
        finally:
            self.over = True
        await asyncio.gather(*customers)
        while (await self.insist("GET", "/v1/jobs?state=queued,drawing")).json()["jobs"]:
            await asyncio.sleep(0.1)
        await self.judge(kills)

    async def state(self, job: str) -> Any:
        return (await self.insist("GET", f"/v1/jobs/{job}")).json()

    async def judge(self, kills: int) -> None:
        """Whether everything is as it was told."""
        lives = await self.lives()
        assert lives == [-signal.SIGKILL] * kills + [STATUS] * 2
        for key, job in self.seen.jobs.items():
            assert await self.ask(key) == job
            now = await self.state(job)
            indexes = [picture["index"] for picture in now["pictures"]]
            if now["state"] == "done":
                assert indexes == list(range(now["options"]["num_images_per_prompt"]))
                assert len(now["prompts"]) == 1
                self.seen.job(now)
            else:  # it died twice over this one
                assert (now["state"], now["attempts"]) == ("set_aside", 2), now
                assert now["error"]["code"] == "job.crashed"
        for url, (told, digest) in self.seen.pictures.items():
            answer = await self.insist("GET", url)
            assert digest in (None, hashlib.sha256(answer.body).hexdigest())
            job = await self.state(told["job"])
            assert told in job["pictures"]
        kept = {f"{told['job']}-{told['index']}" for told, _ in self.seen.pictures.values()}
        files = {path.name for path in (self.data / "pictures").glob("*/*")}
        assert kept <= files
        assert len(files) == len(kept | files)


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_under_load(kills: int, tmp_path: Path, loopback: ModuleType) -> None:
    with mortal(tmp_path / "data") as log:
        trial = Trial(data=tmp_path / "data", log=log, loopback=loopback)
        asyncio.run(asyncio.wait_for(trial.run(kills), 60 * (kills + 3)))
    assert len(trial.seen.done) >= kills
