"""``sdjp serve`` under load: hundreds of clients at once, some slow, some that vanish.

    python examples/bench/server.py
    python examples/bench/server.py --clients 20 --requests 60 --batch 1 4

The server is a process of its own with a new folder; the clients are on this machine, too. Each request has a
seed of its own, so that each of them is found again among the jobs of the server: none lost, none twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from loopback import Answer, Client, request

OVER: Final = ("done", "failed", "cancelled", "set_aside")
PATIENCE: Final = 600.0  # seconds for the server to start, or for one request
SAMPLE_EVERY: Final = 0.5  # seconds, of its memory
SLOW: Final = 0.2  # seconds before each event, for a slow reader
PROMPTS: Final = ("赤い猫", "青い鳥", "山と湖", "a small house", "夜の東京、ネオン")


@dataclass(kw_only=True)
class Load:
    """What the clients saw.

    Attributes:
        client: Of the server.
        body: What all requests have in common.
        seconds: From the first attempt of a request to its finished picture.
        answers: From the sending of a request to its being accepted.
        asked: The seed of each request that was accepted, with how it was asked.
        left: Seeds of requests whose client did not wait: they may be there, or not.
        refused: Answers of 429.
        problems: What should not have been.
        memory: Seconds since the start, requests that were over, and bytes of the server.
    """

    client: Client
    body: Mapping[str, Any]
    seconds: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    asked: dict[int, str] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    memory: list[tuple[float, int, float]] = field(default_factory=list)

    async def insist(self, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """Send a request, again for as long as the queue is full, when the server says."""
        while True:
            answer = await send()
            if answer.status != 429:
                return answer
            self.refused += 1
            if not 1 <= int(answer.headers.get("retry-after", 0)) <= 120:
                self.problems.append(f"429 without Retry-After: {answer.headers}")
            await asyncio.sleep(int(answer.headers.get("retry-after", 1)))

    async def submit(self, seed: int, *, times: int = 1) -> str | None:
        """Ask for a job, ``times`` times with one key; its id."""
        body = {**self.body, "prompt": PROMPTS[seed % len(PROMPTS)], "seed": seed}
        begin = time.perf_counter()

        async def send() -> Answer:
            nonlocal begin
            begin = time.perf_counter()
            return await self.client.ask("POST", "/v1/jobs", body, {"Idempotency-Key": f"seed {seed}"})

        answers = await asyncio.gather(*(self.insist(send) for _ in range(times)))
        self.answers.append(time.perf_counter() - begin)
        ids = {answer.json().get("id") for answer in answers}
        if len(ids) != 1 or any(answer.status not in (200, 202) for answer in answers):
            self.problems.append(f"seed {seed}: {[(one.status, one.body[:200]) for one in answers]}")
            return None
        return str(ids.pop())

    async def picture(self, job: Mapping[str, Any], seed: int) -> None:
        """See that a job is done, and that its picture is there."""
        if job["state"] != "done" or [one["seed"] for one in job["pictures"]] != [seed]:
            self.problems.append(f"seed {seed}: {job['state']}, {job['error']}, {job['pictures']}")
            return
        found = await self.client.ask("GET", job["pictures"][0]["url"])
        if found.status != 200 or not found.body.startswith(b"\x89PNG"):
            self.problems.append(f"seed {seed}: its picture answers {found.status}")


# The kinds of clients. Each makes one request, and returns when it has what it wants.


async def watch(load: Load, seed: int, *, pause: float = 0.0) -> None:
    """Listens to the events of its job, then fetches the picture."""
    job = await load.submit(seed, times=2 if seed % 10 == 0 else 1)
    if job is not None:
        load.asked[seed] = "watch"
        last: Mapping[str, Any] = {}
        async for event in load.client.events(job, query="?previews=1" if seed % 3 == 0 else "", pause=pause):
            last = event.data if event.kind == "job" else last
        await load.picture(last, seed)


async def slow(load: Load, seed: int) -> None:
    """The same, and takes its time to read."""
    await watch(load, seed, pause=SLOW)


async def poll(load: Load, seed: int) -> None:
    """Asks again and again how its job is."""
    job = await load.submit(seed)
    if job is not None:
        load.asked[seed] = "poll"
        while True:
            found = (await load.client.ask("GET", f"/v1/jobs/{job}")).json()
            if found["state"] in OVER:
                break
            await asyncio.sleep(0.5)
        await load.picture(found, seed)


async def vanish(load: Load, seed: int) -> None:
    """Leaves in the middle of its request, or right after it, or in the middle of the events."""
    whole = request("POST", "/v1/jobs", {**load.body, "prompt": "猫", "seed": seed})
    if seed % 3 == 0:
        await load.client.leave(whole[: -len(whole) // 8])
    elif seed % 3 == 1:
        load.left.add(seed)
        await load.client.leave(whole)
    else:
        job = await load.submit(seed)
        if job is not None:
            load.asked[seed] = "vanish"
            async with contextlib.aclosing(load.client.events(job)) as events:
                async for _ in events:
                    break


async def openai(load: Load, seed: int) -> None:
    """Asks as OpenAI's clients do, and waits for the answer."""
    body = {**load.body, "prompt": "猫", "seed": seed, "response_format": "b64_json"}
    del body["width"], body["height"]
    body["size"] = f"{load.body['width']}x{load.body['height']}"
    answer = await load.insist(lambda: load.client.ask("POST", "/v1/images/generations", body))
    if answer.status != 200 or len(answer.json()["data"]) != 1:
        load.problems.append(f"seed {seed}, openai: {answer.status} {answer.body[:300]!r}")
        return
    load.asked[seed] = "openai"


async def a1111(load: Load, seed: int) -> None:
    """Asks as clients of AUTOMATIC1111's web UI do, and waits for the answer."""
    body = {"prompt": "猫", "seed": seed, "steps": load.body["num_inference_steps"]}
    body |= {"width": load.body["width"], "height": load.body["height"]}
    answer = await load.insist(lambda: load.client.ask("POST", "/sdapi/v1/txt2img", body))
    if answer.status != 200 or len(answer.json()["images"]) != 1:
        load.problems.append(f"seed {seed}, a1111: {answer.status} {answer.body[:300]!r}")
        return
    load.asked[seed] = "a1111"


KINDS: Final = (watch, watch, watch, watch, slow, poll, poll, vanish, openai, a1111)
"""Of ten requests; their order is left to chance."""


async def burden(port: int, *, clients: int, requests: int, body: Mapping[str, Any]) -> Load:
    """Let so many clients make so many requests in all, and see that the server kept every one."""
    load = Load(client=Client(port), body=body)
    kinds = [KINDS[i % len(KINDS)] for i in range(requests)]
    random.Random(1).shuffle(kinds)
    waiting = list(enumerate(kinds, 1))[::-1]
    old, drawn = {job["id"] for job in await all_jobs(load.client)}, await pictures(load.client)
    over = 0

    async def client() -> None:
        nonlocal over
        while waiting:
            seed, kind = waiting.pop()
            begin = time.perf_counter()
            await asyncio.wait_for(kind(load, seed), PATIENCE)
            if kind is not vanish:
                load.seconds.append(time.perf_counter() - begin)
            over += 1

    async def watch_memory() -> None:
        begin = time.perf_counter()
        while True:
            load.memory.append((time.perf_counter() - begin, over, await resident(load.client)))
            await asyncio.sleep(SAMPLE_EVERY)

    watching = asyncio.create_task(watch_memory())
    await asyncio.gather(*(client() for _ in range(clients)))
    while (await load.client.ask("GET", "/v1/jobs?state=queued,drawing")).json()["jobs"]:
        await asyncio.sleep(0.2)
    watching.cancel()
    load.memory.append((load.memory[-1][0], over, await resident(load.client)))
    new = [job for job in await all_jobs(load.client) if job["id"] not in old]
    load.problems += check(load, new, await pictures(load.client) - drawn)
    return load


def check(load: Load, jobs: Sequence[Mapping[str, Any]], drawn: float) -> list[str]:
    """What of the server's jobs, and of the pictures that it drew, does not agree with what was asked."""
    problems = []
    seeds = Counter(job["options"]["seed"] for job in jobs)
    lost = set(load.asked) - set(seeds)
    if lost:
        problems.append(f"lost: {sorted(lost)}")
    if twice := [seed for seed, times in seeds.items() if times > 1]:
        problems.append(f"twice: {sorted(twice)}")
    if strange := set(seeds) - set(load.asked) - load.left:
        problems.append(f"never asked for: {sorted(strange)}")
    for job in jobs:
        there = [picture["index"] for picture in job["pictures"]]
        if (job["state"], job["attempts"], there) != ("done", 1, [0]):
            problems.append(f"job {job['id']}: {job['state']}, attempts {job['attempts']}, pictures {there}")
    if drawn != len(jobs):
        problems.append(f"{drawn:g} pictures were drawn for {len(jobs)} jobs")
    return problems


async def all_jobs(client: Client) -> list[dict[str, Any]]:
    """Every job that the server knows."""
    jobs: list[dict[str, Any]] = []
    after = ""
    while True:
        page = (await client.ask("GET", f"/v1/jobs?limit=200{after}")).json()
        jobs += page["jobs"]
        if page["next"] is None:
            return jobs
        after = f"&before={page['next']}"


async def figures(client: Client) -> dict[str, float]:
    """The metrics of the server that have no labels."""
    text = (await client.ask("GET", "/metrics")).body.decode()
    pairs = (line.split() for line in text.splitlines() if line[:1] != "#" and "{" not in line)
    return {name: float(value) for name, value in pairs}


async def pictures(client: Client) -> float:
    """Pictures that the server has drawn."""
    return (await figures(client))["sdjp_pictures_total"]


async def resident(client: Client) -> float:
    """Bytes of memory that the server has."""
    return (await figures(client)).get("process_resident_memory_bytes", 0.0)


@contextlib.contextmanager
def serving(command: Sequence[str], data: Path, log: Path) -> Iterator[int]:
    """Run a server over a folder until the block ends; its port.

    Args:
        command: Starts it; it must write its address as ``sdjp serve`` does.
        data: Its folder.
        log: What it says.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield asyncio.run(ready(data, process))
    finally:
        process.terminate()
        process.wait()


async def ready(data: Path, process: subprocess.Popen[bytes]) -> int:
    """The port of a server that can draw.

    Raises:
        RuntimeError: If it ends, or takes too long.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            url = json.loads((data / "address.json").read_text(encoding="utf-8"))["url"]
            port = int(url.rstrip("/").rpartition(":")[2])
            if (await Client(port).ask("GET", "/readyz")).status == 200:
                return port
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the server did not start (exit status {process.poll()})")


def summary(load: Load, seconds: float) -> dict[str, Any]:
    """The figures of a run, as JSON data."""
    megabytes = [(over, size / 1e6) for _, over, size in load.memory]
    half = [one for one in megabytes if one[0] >= megabytes[-1][0] / 2]
    slope = 0.0
    if len({over for over, _ in half}) > 1:
        slope = statistics.linear_regression(*zip(*half, strict=True)).slope * 1000
    return {
        "requests": megabytes[-1][0],
        "pictures_a_second": len(load.asked) / seconds,
        "seconds": quantiles(load.seconds),
        "accepted_after": quantiles(load.answers),
        "refused": load.refused,
        "memory_mb": {
            "first": megabytes[0][1],
            "most": max(m for _, m in megabytes),
            "last": megabytes[-1][1],
        },
        "mb_per_1000_requests_in_the_second_half": slope,
        "problems": load.problems,
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Median, 90 % and 99 %."""
    ordered = sorted(values) or [0.0]
    return {f"p{q}": ordered[min(len(ordered) * q // 100, len(ordered) - 1)] for q in (50, 90, 99)}


COLUMNS: Final = (
    *("batch", "pictures/s", "request: median", "90 %", "99 %", "accepted: median", "99 %", "429"),
    *("MB at first", "most", "last", "MB per 1,000"),
)
"""Seconds, unless they say otherwise."""


def row(batch: int, found: Mapping[str, Any]) -> str:
    """A row of the table."""
    whole, accepted, memory = found["seconds"], found["accepted_after"], found["memory_mb"]
    cells = (
        f"{batch}",
        f"{found['pictures_a_second']:.2f}",
        *(f"{whole[q]:.2f}" for q in ("p50", "p90", "p99")),
        *(f"{accepted[q]:.3f}" for q in ("p50", "p99")),
        f"{found['refused']}",
        *(f"{memory[name]:.0f}" for name in ("first", "most", "last")),
        f"{found['mb_per_1000_requests_in_the_second_half']:+.1f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("server.json"))
    args = parser.parse_args()
    from machine import describe, machine, neighbours_now, versions

    print(describe(machine()))
    share = neighbours_now()
    print("others:", "?" if share is None else f"{share:.0%} of the processors")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    body = {"width": args.side, "height": args.side, "num_inference_steps": args.steps}
    runs = {}
    for batch in args.batch:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            command = [sys.executable, "-m", "sdjp", "serve", "--port", "0", "--data", str(data)]
            with serving([*command, "--batch", str(batch)], data, Path(folder) / "log") as port:
                begin = time.perf_counter()
                load = asyncio.run(burden(port, clients=args.clients, requests=args.requests, body=body))
                runs[str(batch)] = summary(load, time.perf_counter() - begin)
        print(row(batch, runs[str(batch)]), flush=True)
        for problem in load.problems:
            print("!", problem, file=sys.stderr)
    found = {"machine": machine(), "versions": versions(), **vars(args), "out": str(args.out), "runs": runs}
    args.out.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if any(one["problems"] for one in runs.values()) else 0)


if __name__ == "__main__":
    main()
