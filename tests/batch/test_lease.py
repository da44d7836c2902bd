"""Of all runs on one job, one works: whatever becomes of the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from sdjp.batch.lease import Holder, Lease
from sdjp.batch.stores import object_store
from sdjp.batch.stores.base import Store, StoreError
from sdjp.batch.stores.local_store import LocalStore
from sdjp.batch.stores.opening import open_store
from sdjp.errors import InputError
from tests.batch.s3_server import BUCKET, Door, s3_server, use

FORK = multiprocessing.get_context("fork")

# The server of the test is a thread; what is forked does not use it.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "s3"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> Store:
    use(monkeypatch, server)
    return open_store(
        {"folder": str(tmp_path / "job"), "s3": f"s3://{BUCKET}/{tmp_path.name}"}[request.param]
    )


def leave(store: Store, holder: Holder, number: int = 1) -> None:
    """What a holder left that was killed."""
    store.write(f"lock-{number:06d}.json", holder.write())


def locks(store: Store) -> list[str]:
    return [entry.name for entry in store.files("")]


def elsewhere() -> Holder:
    """A holder of whom nobody here knows whether it lives."""
    return replace(Holder.here(), host="away", machine="away")


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_works_at_a_time(store: Store) -> None:
    with Lease.take(store) as lease:
        assert locks(store) == ["lock-000001.json"]
        lease.check()
        with pytest.raises(InputError) as caught:
            Lease.take(open_store(store.url))
        assert caught.value.code == "batch.locked"
        for text in (caught.value.ja, caught.value.en):
            assert f"{os.getpid()}" in text
            assert os.uname().nodename in text
            assert time.strftime("%Y-%m-%d") in text
        lease.check()
    assert locks(store) == []
    with Lease.take(store):
        pass
    lease.release()  # twice is no matter


def test_a_lease_is_given_back_when_the_job_fails(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(StoreError), Lease.take(store):
        raise StoreError("batch.store", ja="", en="")
    assert locks(store) == []


def hold(url: str, connection: Connection) -> None:
    with Lease.take(open_store(url), beat=0.1, stale=60):
        connection.send(True)
        signal.pause()


def test_a_killed_holder_is_found_dead_at_once(store: Store) -> None:
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=hold, args=(store.url, theirs))
    process.start()
    assert ours.poll(60)
    with pytest.raises(InputError, match=f"プロセス {process.pid}"):
        Lease.take(store)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie: its number is still taken
    with Lease.take(store) as lease:
        lease.check()
        assert locks(store) == ["lock-000002.json"]
    process.join()


def test_another_process_with_the_number_of_the_dead_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    leave(store, replace(Holder.here(), pid=os.getppid(), started="1"))
    Lease.take(store).release()


def test_a_lease_that_this_process_could_not_give_back(tmp_path: Path) -> None:
    """Its store was away; the process lives on, and tries again."""
    store = LocalStore(tmp_path)
    leave(store, Holder.here())
    Lease.take(store).release()


def test_a_holder_elsewhere_is_dead_after_a_while(store: Store) -> None:
    leave(store, elsewhere(), 7)
    with pytest.raises(InputError, match="マシン away"):
        Lease.take(store, stale=3600)
    time.sleep(1.1)  # a second is what S3 tells times by
    with Lease.take(store, stale=1):
        assert locks(store) == ["lock-000008.json"]


def test_a_lock_that_nobody_can_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("lock-000001.json", b"\xff{")
    with pytest.raises(InputError, match="動いています"):
        Lease.take(store)
    time.sleep(0.05)
    Lease.take(store, stale=0.01).release()


def test_a_living_holder_gives_signs(store: Store) -> None:
    with Lease.take(store, beat=0.2, stale=60) as lease:
        heard = lease._heard
        wait_for(lambda: lease._heard > heard)
        lease.check()
        assert locks(store) == ["lock-000001.json"]


def test_who_was_taken_for_dead_stops_and_spoils_nothing(store: Store) -> None:
    late = Lease.take(store, beat=0.2, stale=60)
    holder = elsewhere()
    leave(store, holder, 2)  # it has taken over
    wait_for(lambda: late._lost)
    with pytest.raises(InputError) as caught:
        late.check()
    assert caught.value.code == "batch.lease_lost"
    late.release()
    assert locks(store) == ["lock-000002.json"]
    assert Holder.read(store.read("lock-000002.json")) == holder


def test_who_finds_another_in_its_place_stops(store: Store) -> None:
    """As where a store does not know exclusive creation, and the last one stays."""
    late = Lease.take(store, beat=0.2, stale=60)
    leave(store, elsewhere(), 1)
    wait_for(lambda: late._lost)
    with pytest.raises(InputError):
        late.check()
    late.release()
    assert locks(store) == ["lock-000001.json"]


def test_a_forked_process_does_not_give_it_back(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with Lease.take(store) as lease:
        process = FORK.Process(target=lease.release)
        process.start()
        process.join(60)
        assert locks(store) == ["lock-000001.json"]


def test_a_store_that_is_gone_stops_the_job(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "WAITS", (0.01,))
    with Door(server) as door:
        use(monkeypatch, door.url)
        lease = Lease.take(open_store(f"s3://{BUCKET}/gone"), beat=0.1, stale=3600)
        lease.check()
        door.refuse = lambda *_: (500, "InternalError")
        seen = len(door.seen)
        wait_for(lambda: len(door.seen) > seen + 2)  # no sign of life is on its way any more
        lease.check()
        lease._heard -= 3600 * 0.75
        with pytest.raises(StoreError) as caught:
            lease.check()
        assert caught.value.code == "batch.lease_lost"
        door.refuse = lambda *_: None
        wait_for(lambda: time.monotonic() - lease._heard < 2000)  # nobody took it
        lease.check()
        lease.release()


def contend(url: str, start: Barrier, connection: Connection) -> None:
    store = open_store(url)
    start.wait(60)
    try:
        lease = Lease.take(store, stale=3600)
    except InputError as error:
        connection.send(error.code)
        start.wait(60)
    else:
        connection.send("taken")
        start.wait(60)
        lease.check()
        lease.release()


@pytest.mark.parametrize("found", ["nothing", "dead"])
def test_of_several_that_come_together_one_takes_it(store: Store, found: str) -> None:
    for _ in range(10 if isinstance(store, LocalStore) else 2):
        if found == "dead":
            leave(store, replace(Holder.here(), started="1"), 3)
        start = FORK.Barrier(3)
        pipes = [FORK.Pipe() for _ in range(3)]
        processes = [FORK.Process(target=contend, args=(store.url, start, pipe[1])) for pipe in pipes]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            assert process.exitcode == 0
        assert sorted(pipe[0].recv() for pipe in pipes) == ["batch.locked", "batch.locked", "taken"]
        assert locks(store) == []
