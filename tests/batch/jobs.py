"""Jobs of ``sdjp batch`` in processes of their own: how they are run and ended, and what is there then."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sdjp.batch.entries import chunks, read_chunk
from sdjp.batch.item import Item
from sdjp.batch.places import PICTURES, RECORDS, TRIES, folder
from sdjp.batch.record import PictureRecord, read_record
from sdjp.batch.spec import Job
from sdjp.batch.stores.base import Store
from sdjp.batch.stores.opening import open_store

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds for what must happen; a machine that shares its cores takes as long as it takes
SMALL = ("-W", "64", "-H", "64", "--steps", "1", "--seed", "7")
"""Flags of a job of small pictures."""

_MARK = "SDJP_TEST_JOB"  # all processes of a job have it in their environment, whoever their parents are


class Processes:
    """All processes of a job: those that were started with its environment, and theirs.

    Attributes:
        environment: What a process of the job is started with.
    """

    def __init__(self, name: str, **environment: str) -> None:
        self._mark = f"{_MARK}={name}".encode()
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "OMP_NUM_THREADS": "2",
            **environment,
            _MARK: name,
        }

    def all(self) -> dict[int, str]:
        """Their numbers, and what they are: driver, nursery, worker, or other."""
        found: dict[int, tuple[int, str]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                if self._mark not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if state not in ("Z", "X"):
                    found[int(entry.name)] = (int(parent), _kind(command))
        forked = {"nursery": "worker"}  # they have the command of the process that they are forked from
        return {
            pid: forked.get(kind, kind) if found.get(parent, (0, ""))[1] in ("nursery", "") else kind
            for pid, (parent, kind) in found.items()
        }

    def gone(self, seconds: float = PATIENCE) -> bool:
        """Wait until there is none; whether that came."""
        return wait_for(lambda: not self.all(), seconds)

    def end(self) -> None:
        """End all of them."""
        for pid in self.all():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _kind(command: list[bytes]) -> str:
    text = b" ".join(command)
    if b"resource_tracker" in text or b"moto" in text:
        return "other"
    return "nursery" if b"--multiprocessing-fork" in text else "driver"


@contextmanager
def processes(name: str, **environment: str) -> Iterator[Processes]:
    """Processes of a job; none is left afterwards, and that any was is an error."""
    found = Processes(name, **environment)
    try:
        yield found
        assert found.gone(), f"left behind: {found.all()}"
    finally:
        found.end()


def start(command: list[str], job: Processes, log: Path) -> subprocess.Popen[bytes]:
    """Start a command of a job in a group of its own, as a terminal does; what it says goes to a file.

    It listens to Ctrl-C, even if these tests do not: what a shell starts in the background is told to pass
    over it, and so is all that this starts.
    """
    with log.open("ab") as out, no_longer_ignored(signal.SIGINT):
        return subprocess.Popen(
            command, env=job.environment, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
        )


@contextmanager
def no_longer_ignored(number: signal.Signals) -> Iterator[None]:
    """Have a signal do what it does by itself, in what is started meanwhile, if it was ignored."""
    before = signal.getsignal(number)
    if before == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def batch(source: Path, out: Path | str, *flags: str) -> list[str]:
    """The command that draws a file."""
    return [sys.executable, "-m", "sdjp", "batch", str(source), "--out", str(out), *flags]


def drive(source: Path, out: Path | str, **arguments: Any) -> list[str]:
    """The command that calls ``run_batch`` with arguments that the command line does not have."""
    return [sys.executable, "-m", "tests.batch.drive", str(source), str(out), json.dumps(arguments)]


def wait_for(event: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + seconds
    while not event():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def prompts(count: int) -> list[str]:
    """So many prompts, no two of them alike; some words are not known."""
    things, places = (
        ("猫", "赤い車", "富士山", "女の子", "ロボット", "りんご"),
        ("海辺", "森", "夜の街", "雪"),
    )
    return [f"{places[i % 4]}の{things[i % 6]}、{i} 番" for i in range(count)]


def prompt_rows(count: int) -> list[dict[str, object]]:
    """The same as rows."""
    return [{"prompt": prompt} for prompt in prompts(count)]


def names(store: Store, kind: str) -> list[str]:
    """The files of one kind of a job, whatever they are."""
    return [
        f"{folder(kind, chunk)}/{entry.name}"
        for chunk in chunks(Job.read(store))
        for entry in store.files(folder(kind, chunk))
    ]


def records(store: Store) -> dict[int, PictureRecord]:
    """The records of a job by number; each number has one."""
    found = [
        read_record(PictureRecord, store.read(name), name)
        for name in names(store, RECORDS)
        if not name.endswith(".part")
    ]
    by_number = {record.number: record for record in found}
    assert len(by_number) == len(found), "a picture has two records"
    return by_number


def checksums(store: Store) -> dict[int, str]:
    """The SHA-256 of the picture of each item, from the files themselves.

    Everything that is promised of a job that is done is seen to on the way: each item has one record, each
    record a picture that is what it says, and nothing is being drawn.
    """
    job = Job.read(store)
    planned = [item for chunk in chunks(job) for item in read_chunk(store, job, chunk)]
    found = records(store)
    assert {item.number: item.id for item in planned if isinstance(item, Item)} == {
        n: record.id for n, record in found.items()
    }
    sums = {}
    for number, record in sorted(found.items()):
        data = store.read(record.file)
        sums[number] = hashlib.sha256(data).hexdigest()
        assert (sums[number], len(data)) == (record.sha256, record.bytes), record.file
    assert names(store, TRIES) == []
    return sums


def orphans(store: Store) -> set[str]:
    """Files of pictures that no record names, and what was being written."""
    named = {record.file for record in records(store).values()}
    there = {name for kind in (PICTURES, RECORDS) for name in names(store, kind)}
    return {name for name in there if name.endswith(".part") or (".png" in name and name not in named)}


def job_at(out: Path | str) -> Store:
    """The place of a job."""
    return open_store(str(out))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any] | str]) -> Path:
    """Write an input: lines of text, or of JSON."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
