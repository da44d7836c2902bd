"""A job over which processes are killed at random, again and again, until it is done.

``python -m tests.batch.killing --pictures 2000 --kills 200`` prints the figures of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sdjp.batch.checking.verify import verify
from sdjp.batch.places import FAILURES, RECORDS
from sdjp.batch.stores.base import Store, StoreError
from tests.batch import faulty, jobs

WEIGHTS = {"worker": 6, "nursery": 2, "driver": 2}
"""How often each kind of process is killed, of ten times."""

_RUNS = 5  # at the end: what has failed is tried again by the next one
_SOON = 0.25  # of the kills come whatever has been drawn: while a run begins or ends
_MOMENT = 3.0  # seconds


@dataclass(kw_only=True)
class Figures:
    """What happened.

    Attributes:
        kills: By kind of process.
        starts: Of the driver.
        drawn: Pictures that were drawn by anybody, those among them that were lost with their worker.
        failed: Pictures that were given up for a while.
        orphans: Files that no record named in the end.
        seconds: In all.
    """

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    drawn: int = 0
    failed: int = 0
    orphans: int = 0
    seconds: float = 0.0


def kill_until_done(
    source: Path,
    out: str,
    own: jobs.Processes,
    log: Path,
    *,
    pictures: int,
    kills: int,
    seed: int,
    arguments: dict[str, object],
) -> Figures:
    """Draw a job while its processes are killed, as often as asked for; then let it end.

    Args:
        source: Its input.
        out: Its place.
        own: Its processes.
        log: What it says.
        pictures: How many it has.
        kills: How often.
        seed: Of what is random.
        arguments: Of ``run_batch``.
    """
    chance, figures, began = random.Random(seed), Figures(), time.monotonic()
    store = jobs.job_at(out)
    command = jobs.drive(source, out, **arguments)
    driver = None
    while figures.kills.total() < kills:
        if driver is None or driver.poll() is not None:
            driver = jobs.start(command, own, log)
            figures.starts += 1
        done = _done(store)
        if chance.random() < _SOON:
            time.sleep(chance.random() * _MOMENT)
        else:
            left = kills - figures.kills.total()
            goal = done + chance.randint(0, 2 * (pictures - done) // (left + 1))
            running = driver.poll
            jobs.wait_for(lambda: running() is not None or _done(store) >= goal)  # noqa: B023
        there = own.all()
        kinds = [kind for kind in WEIGHTS if kind in there.values()]
        if kinds:
            kind = chance.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
            with suppress(ProcessLookupError):
                os.kill(chance.choice([pid for pid, its in there.items() if its == kind]), signal.SIGKILL)
                figures.kills[kind] += 1
    for _ in range(_RUNS):
        if driver is None or driver.wait(jobs.PATIENCE) != 0:
            figures.failed += len(jobs.names(store, FAILURES))
            driver = jobs.start(command, own, log)
            figures.starts += 1
    assert driver is not None
    assert driver.wait(jobs.PATIENCE) == 0, log.read_text("utf-8")
    lines = (Path(own.environment[faulty.FOLDER]) / faulty.DRAWN).read_text().splitlines()
    found = verify(store)
    assert (found.pictures, found.damaged, found.missing) == (pictures, 0, 0), found
    figures.drawn, figures.orphans = len(lines), found.orphans
    assert jobs.orphans(store) == set()
    figures.seconds = time.monotonic() - began
    return figures


def _done(store: Store) -> int:
    with suppress(StoreError, FileNotFoundError):
        return len(jobs.names(store, RECORDS))
    return 0


def arguments(engine: str, load: str = "tests.batch.faulty:load") -> dict[str, object]:
    """Those of ``run_batch``, for pictures as small as can be."""
    return {
        "options": {"width": 64, "height": 64, "num_inference_steps": 1},
        "seed": 7,
        "load": load,
        "engine": {"name": engine, "workers": 2, "threads": 1},
    }


def main() -> int:
    """Draw a job twice, once undisturbed, and tell how they compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--out", help="where jobs are; a folder, or s3://…")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = args.out or name
        source = jobs.write_rows(folder / "in.txt", jobs.prompts(args.pictures))
        log, given = folder / "log", arguments(args.engine)
        with jobs.processes(f"{name} calm", **{faulty.FOLDER: f"{name}/calm faults"}) as own:
            began = time.monotonic()
            calm = jobs.start(jobs.drive(source, f"{place}/calm", **given), own, log)
            if calm.wait() != 0:
                print(log.read_text("utf-8"))
                return 1
            seconds = time.monotonic() - began
        with jobs.processes(f"{name} wild", **{faulty.FOLDER: f"{name}/wild faults"}) as own:
            figures = kill_until_done(
                source,
                f"{place}/wild",
                own,
                log,
                pictures=args.pictures,
                kills=args.kills,
                seed=args.seed,
                arguments=given,
            )
        expected, found = (jobs.checksums(jobs.job_at(f"{place}/{kind}")) for kind in ("calm", "wild"))
        print(
            json.dumps(
                {
                    **vars(figures),
                    "drawn_twice": figures.drawn - args.pictures,
                    "undisturbed_seconds": seconds,
                    "pictures": len(found),
                    "same_bytes": found == expected,
                }
            )
        )
        return 0 if found == expected and len(found) == args.pictures else 1


if __name__ == "__main__":
    sys.exit(main())
