"""``--engine ray`` on a real cluster: one of a machine's own, started as ``ray start`` does."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdjp.batch.pending import tasks
from sdjp.batch.pipelines import checksum
from sdjp.batch.ray_engine.cluster import draw_all
from sdjp.batch.ray_engine.messages import portable
from sdjp.batch.ray_engine.weights import at_hand
from sdjp.batch.run import BatchSummary, Engine, Watch, run_batch
from sdjp.batch.sinks import Event
from sdjp.batch.spec import Job, JobSpec, RunSettings
from sdjp.batch.stores.base import StoreError
from sdjp.batch.stores.opening import open_store
from sdjp.batch.worker import Worker
from sdjp.errors import InputError, SdjpError, WeightsError
from tests.batch.ray_loads import POISON
from tests.serving import PATIENCE, free_port

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or sys.platform == "win32", reason="no Ray here"
)
SMALL = {"width": 64, "height": 64, "num_inference_steps": 1}
COUNT = 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster with two processors."""
    port = free_port()
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder,
    ):
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
        flags = [f"--port={port}", "--num-cpus=2", "--include-dashboard=false", f"--temp-dir={folder}"]
        room = [f"--object-store-memory={100 << 20}", "--disable-usage-stats"]
        process = subprocess.Popen(
            [*command, *flags, *room],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            # Ray's workers are nice to everyone; where all processors are busy they would never come to it.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RAY_worker_niceness": "0"},
        )
        assert process.stdout is not None
        if not any("Ray runtime started" in line for line in process.stdout):
            pytest.fail("the cluster did not start")
        rest = threading.Thread(target=process.stdout.read)
        rest.start()
        yield f"127.0.0.1:{port}"
        os.killpg(process.pid, signal.SIGKILL)  # SIGTERM would wait half a minute for work that is done
        process.wait()
        rest.join()
        process.stdout.close()


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.txt"
    file.write_text("".join(f"猫が {i} 匹\n" for i in range(COUNT)), encoding="utf-8")
    return file


def drawn(
    prompts: Path, address: str | None, watch: Callable[[Event], None] | None = None, **arguments: Any
) -> BatchSummary:
    engine = Engine(name="ray", workers=2, address=address, ship_weights=arguments.pop("ship_weights", False))
    return run_batch(
        prompts,
        prompts.with_name("out"),
        options=SMALL,
        seed=1,
        engine=engine,
        watch=Watch(event=watch or (lambda event: None)),
        **arguments,
    )


def planned(prompts: Path, **arguments: Any) -> str:
    """A job whose drawing was interrupted before it began."""

    def interrupted(job: Job, done: int) -> None:
        raise KeyboardInterrupt

    out = prompts.with_name("planned")
    with pytest.raises(KeyboardInterrupt):
        run_batch(prompts, out, options=SMALL, seed=1, watch=Watch(planned=interrupted), **arguments)
    return str(out)


def checksums(out: Path) -> dict[int, str]:
    """The SHA-256 of each picture by its number; every file is looked into."""
    found = {}
    records = sorted((out / "records").rglob("*.json"))
    for record in map(json.loads, (file.read_text("utf-8") for file in records)):
        assert record["number"] not in found
        png = (out / record["file"]).read_bytes()
        assert hashlib.sha256(png).hexdigest() == record["sha256"]
        found[record["number"]] = record["sha256"]
    return found


def processes() -> list[tuple[int, int, str]]:
    """All that run on this machine: id, parent and command."""
    found = subprocess.run(
        ["ps", "-wweo", "pid=,ppid=,stat=,args="], stdout=subprocess.PIPE, text=True, check=True
    )
    rows = (line.split(None, 3) for line in found.stdout.splitlines())
    return [(int(pid), int(parent), args) for pid, parent, state, args in rows if "Z" not in state]


def offspring(parent: int) -> dict[int, str]:
    """The processes of Ray below one, with their commands."""
    below, everything = {parent}, processes()
    for _ in range(5):
        below |= {pid for pid, its_parent, _ in everything if its_parent in below}
    return {pid: args for pid, _, args in everything if pid in below and "ray" in args and pid != parent}


def test_every_item_is_drawn_and_told(prompts: Path, cluster: str) -> None:
    told: list[Event] = []
    summary = drawn(prompts, cluster, told.append)
    assert (summary.drawn, summary.failed, summary.missing) == (COUNT, 0, 0)
    assert sorted(event.number for event in told) == list(range(COUNT))
    assert {event.kind for event in told} == {"drawn"}
    assert all(event.seconds > 0 and event.bytes > 0 for event in told)
    # The worker alone draws the same pictures.
    out = planned(prompts)
    store = open_store(out)
    settings = RunSettings(threads=1, device="cpu")
    job = Job.read(store)
    first = next(tasks(store, job, 4))
    Worker(out, settings).draw(first, lambda event: None)
    own = checksums(Path(out))
    assert len(own) == 4
    assert own.items() <= checksums(Path(summary.out)).items()


def test_an_error_of_the_model_comes_back_as_it_is(prompts: Path, cluster: str) -> None:
    with pytest.raises(WeightsError) as raised:
        drawn(prompts, cluster, load="tests.batch.ray_loads:refused")
    assert raised.value.code == "weights.test"
    assert raised.value.ja == "この重みは使えません。"
    assert raised.value.en == "these weights cannot be used."


def test_a_store_that_cannot_be_used_stops_the_job(prompts: Path, cluster: str) -> None:
    out = planned(prompts)
    store = open_store(out)
    todo = list(tasks(store, Job.read(store), 4))
    Path(out, "records").write_text("no folder")
    with pytest.raises(StoreError) as raised:
        draw_all(out, iter(todo), RunSettings(), workers=2, address=cluster, tell=lambda event: None)
    assert raised.value.code == "batch.store"
    assert out in raised.value.ja


def test_the_cluster_must_be_reached_from_within() -> None:
    with pytest.raises(InputError) as raised:
        draw_all("out", iter(()), RunSettings(), workers=1, address="ray://x:10001", tell=print)
    assert raised.value.code == "batch.ray_address"


def test_what_is_no_error_of_ours_keeps_its_traceback() -> None:
    failed = portable(ValueError("3 is no picture"), "Traceback …")
    failed = pickle.loads(pickle.dumps(failed))
    assert isinstance(failed.error, RuntimeError)
    assert "ValueError: 3 is no picture" in str(failed.error)
    assert "Traceback …" in str(failed.cause)


def test_a_node_without_the_weights_says_what_to_do(tmp_path: Path) -> None:
    words = tmp_path / "words.tsv"
    spec = JobSpec(input={}, model={"user_lexicon": str(words)}, weights={"user_lexicon": "0"}, seed=1)
    with pytest.raises(InputError) as raised:
        at_hand(spec, ("user_lexicon",), {})
    assert raised.value.code == "batch.node_weights"
    assert str(words) in raised.value.ja
    assert "--ship-weights" in raised.value.ja


@pytest.mark.slow
def test_weights_are_sent_once_and_kept(prompts: Path, cluster: str) -> None:
    words = prompts.with_name("words.tsv")
    words.write_text(f"猫\tcat {os.getpid()}\n", encoding="utf-8")  # its checksum is no other's
    arguments: dict[str, Any] = {
        "load": "tests.batch.ray_loads:shipped",
        "model": {"user_lexicon": str(words)},
    }
    assert drawn(prompts, cluster, ship_weights=True, **arguments).drawn == COUNT
    place = Path(tempfile.gettempdir(), f"sdjp-weights-{os.getuid()}", checksum(words))
    assert (place / words.name).read_bytes() == words.read_bytes()
    shutil.rmtree(place)


@pytest.mark.slow
def test_a_cluster_of_its_own_is_silent_and_goes(
    prompts: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # counts with --address auto only
    others = offspring(os.getpid())  # of the cluster that tests share
    summary = drawn(prompts, None)
    assert summary.drawn == COUNT
    assert capfd.readouterr() == ("", "")
    assert offspring(os.getpid()).keys() <= others.keys()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["ray::MapWorker", "raylet/raylet", "gcs/gcs_server", "ray_engine.driver"])
def test_whatever_is_killed_nothing_is_lost(prompts: Path, victim: str) -> None:
    killed: list[str] = []
    others = offspring(os.getpid())

    def kill(event: Event) -> None:
        if not killed:
            for process, command in offspring(os.getpid()).items():
                if victim in command and process not in others:
                    killed.append(command)
                    os.kill(process, signal.SIGKILL)
                    break

    if victim == "ray::MapWorker":  # Ray makes it anew
        drawn(prompts, None, kill)
    else:
        with pytest.raises(SdjpError) as raised:
            drawn(prompts, None, kill)
        assert raised.value.code == "batch.ray_broken"
    assert killed
    summary = drawn(prompts, None)
    assert (summary.drawn, summary.failed, summary.missing) == (COUNT, 0, 0)
    assert sorted(checksums(Path(summary.out))) == list(range(COUNT))


@pytest.mark.slow
def test_when_the_driver_is_killed_all_of_ray_goes(prompts: Path) -> None:
    code = (
        "from sdjp.batch.run import *\n"
        f"run_batch({str(prompts)!r}, {str(prompts.with_name('out'))!r}, options={SMALL!r}, seed=1, "
        "engine=Engine(name='ray', workers=2), watch=Watch(event=lambda event: print(event, flush=True)))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        left = offspring(process.pid)
        process.kill()
    assert left
    for _ in range(PATIENCE):
        if not left.keys() & {pid for pid, _, _ in processes()}:
            break
        time.sleep(1)
    else:
        pytest.fail("processes of Ray are left")
    assert drawn(prompts, None).drawn == COUNT


@pytest.mark.slow
def test_an_item_that_kills_is_given_up(prompts: Path, cluster: str) -> None:
    summary = drawn(prompts, cluster, load="tests.batch.ray_loads:poisoned")
    assert (summary.drawn, summary.failed, summary.missing) == (COUNT - 1, 1, 0)
    [failure] = (Path(summary.out) / "failures").rglob("*.json")
    assert POISON in failure.read_text("utf-8")


@pytest.mark.slow
def test_a_model_that_kills_stops_the_job(prompts: Path, cluster: str) -> None:
    with pytest.raises(SdjpError) as raised:
        drawn(prompts, cluster, load="tests.batch.ray_loads:deadly")
    assert raised.value.code == "batch.workers"
