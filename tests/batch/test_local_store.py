"""A folder, when processes are killed, disks are full or are gone, and file systems are odd."""

from __future__ import annotations

import errno
import hashlib
import itertools
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from sdjp.batch.stores.base import StoreError
from sdjp.batch.stores.local_store import LocalStore
from sdjp.batch.stores.opening import open_store
from sdjp.durable import PART
from tests.serving import SOURCES

FORK = multiprocessing.get_context("fork")

# Other threads of the tests are not used by what is forked.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def write_on(path: Path, connection: Connection) -> None:
    """Write files that tell whether they are whole, until killed."""
    store = LocalStore(path)
    connection.send(True)
    for i in itertools.count():
        data = random.randbytes(random.randrange(1, 400_000))
        whole = hashlib.sha256(data).digest() + data
        store.write("a/replaced", whole)
        store.create(f"a/{os.getpid()}-{i}", whole)


def test_a_killed_writer_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    ours, theirs = FORK.Pipe()
    for _ in range(30):
        process = FORK.Process(target=write_on, args=(tmp_path, theirs))
        process.start()
        assert ours.poll(60)
        ours.recv()
        time.sleep(random.uniform(0, 0.03))
        process.kill()
        process.join()
    names = [entry.name for entry in store.files("a")]
    whole = [name for name in names if not (name.startswith(".") and name.endswith(PART))]
    assert len(whole) < len(names)  # some were killed halfway
    assert "replaced" in whole
    for name in whole:
        data = store.read(f"a/{name}")
        assert hashlib.sha256(data[32:]).digest() == data[:32], name


def create_all(path: Path, count: int, start: Barrier, won: Path) -> None:
    store = LocalStore(path)
    for i in range(count):
        start.wait(60)
        if store.create(f"records/{i}", f"{os.getpid()}".encode()):
            won.joinpath(f"{i}-{os.getpid()}").touch()


def test_of_several_that_create_one_wins(tmp_path: Path) -> None:
    won = tmp_path / "won"
    won.mkdir()
    start = FORK.Barrier(3)
    args = (tmp_path, 50, start, won)
    processes = [FORK.Process(target=create_all, args=args) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    winners = [name.name.split("-") for name in won.iterdir()]
    assert sorted(int(i) for i, _ in winners) == list(range(50))
    store = LocalStore(tmp_path)
    assert all(store.read(f"records/{i}") == pid.encode() for i, pid in winners)


FILL = """
import sys
from sdjp.batch.stores.base import StoreError
from sdjp.batch.stores.local_store import LocalStore
store = LocalStore({path!r})
store.write("a/small", b"1")
for call in (store.write, store.create):
    for _ in range(2):
        try:
            call("a/large", bytes(10_000_000))
        except StoreError as error:
            print(error.code, error.ja)
        else:
            sys.exit("it was written")
assert [e.name for e in store.files("a")] == ["small"], store.files("a")
store.write("a/small", b"22")
assert store.read("a/small") == b"22"
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """A file system of one megabyte, which nobody else sees."""
    (tmp_path / "disk").mkdir()
    script = tmp_path / "fill.py"
    script.write_text(FILL.format(path=f"{tmp_path}/disk/job"), encoding="utf-8")
    mount = f"mount -t tmpfs -o size=1m tmpfs '{tmp_path}/disk'"
    tried = subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("only root can mount one")
    command = ["unshare", "-m", "sh", "-c", f"{mount} && exec '{sys.executable}' '{script}'"]
    _fill(command)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The same where nobody can mount anything: files have a limit."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    _fill([sys.executable, "-c", limit + FILL.format(path=f"{tmp_path}/job")])


def _fill(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("batch.store ") == 4
    assert "空き容量" in done.stdout


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EMLINK])
def test_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def link(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    store = LocalStore(tmp_path)
    assert store.create("a/1", b"1")
    assert not store.create("a/1", b"2")
    assert store.files("a") == [("1", 1)]
    assert store.read("a/1") == b"1"


def test_a_link_that_nfs_denies_to_have_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def link(source: Path, target: Path) -> None:
        real(source, target)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    monkeypatch.setattr(os, "link", link)
    assert LocalStore(tmp_path).create("a/1", b"1")


def test_a_disk_that_is_gone_is_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "job"
    fresh = LocalStore(path)
    assert fresh.files("records") == []  # nothing is there yet
    fresh.write("records/1", b"1")
    for store in (fresh, LocalStore(path)):
        assert store.files("failures") == []
    shutil.move(path, tmp_path / "away")
    with pytest.raises(StoreError):
        fresh.files("records")
    with pytest.raises(StoreError):
        fresh.folders("")
    with pytest.raises(StoreError):
        fresh.read("job.json")


def test_a_disk_that_cannot_synchronize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fsync says of a folder on some network drives is no matter; that the disk has failed is one."""
    real = os.fsync
    code = errno.EINVAL

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(code, os.strerror(code))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = LocalStore(tmp_path)
    store.write("a", b"1")
    code = errno.EIO
    with pytest.raises(StoreError):
        store.write("a", b"2")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("records", b"1")
    for call in (
        lambda: store.files("records"),
        lambda: store.folders("records"),
        lambda: store.read("records/1"),
        lambda: store.write("records/1", b"1"),
        lambda: store.create("records/1", b"1"),
    ):
        with pytest.raises(StoreError):
            call()


def test_addresses_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"file://{tmp_path}/a%20b")
    store.write("c", b"1")
    assert (tmp_path / "a b" / "c").read_bytes() == b"1"
    monkeypatch.chdir(tmp_path)
    store = open_store("job")
    monkeypatch.chdir("/")
    store.write("c", b"1")
    assert (tmp_path / "job" / "c").read_bytes() == b"1"
    assert store.url == str(tmp_path / "job")
