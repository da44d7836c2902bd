"""What every store promises, of a folder, of fsspec's file systems, and of a real server that speaks S3."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdjp.batch.stores.base import Store
from sdjp.batch.stores.opening import open_store
from tests.batch.s3_server import BUCKET, put, s3_server, use

SPAWN = multiprocessing.get_context("spawn")
FORK = multiprocessing.get_context("fork")

# Other threads of the tests are not used by what is forked.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "memory", "local", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    use(monkeypatch, server)
    name = tmp_path.name.replace("[", "-").replace("]", "")
    return {
        "folder": str(tmp_path / "ジョブ"),
        "memory": f"memory://{name}/ジョブ",
        "local": f"local://{tmp_path}/ジョブ",  # fsspec's own, which stands for those that rename: SFTP, SMB
        "s3": f"s3://{BUCKET}/{name}/ジョブ",
    }[request.param]


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


def write_elsewhere(url: str, name: str, data: bytes) -> None:
    open_store(url).write(name, data)


def use_elsewhere(store: Store, name: str, data: bytes) -> None:
    assert store.read("before") == b"1"
    store.write(name, data)


def test_what_is_written_is_there(store: Store) -> None:
    store.write("a/b/c.json", b"1")
    assert store.read("a/b/c.json") == b"1"
    store.write("a/b/c.json", "日本語".encode())
    assert store.read("a/b/c.json").decode() == "日本語"
    store.write("empty", b"")
    assert store.read("empty") == b""


def test_what_is_missing_is_missing(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            store.read("a/none.json")
        assert store.files("a") == []
        assert store.folders("a") == []
        assert store.age("a/none.json") is None
        store.remove("a/none.json")
        store.write("b/other", b"1")


def test_one_creates(store: Store) -> None:
    assert store.create("records/000/1.json", b"first")
    assert not store.create("records/000/1.json", b"second")
    assert not store.create("records/000/1.json", b"first")
    assert store.read("records/000/1.json") == b"first"


def test_folders_are_listed(store: Store) -> None:
    store.write("a/000/1.json", b"12345")
    store.write("a/000/2.json", b"")
    store.write("a/001/3.json", b"1")
    store.write("a/4.json", b"123")
    store.write("ab/5.json", b"1")
    assert store.files("a") == [("4.json", 3)]
    assert store.files("a/000") == [("1.json", 5), ("2.json", 0)]
    assert store.folders("a") == ["000", "001"]
    assert store.folders("") == ["a", "ab"]
    assert store.files("") == []
    store.write("job.json", b"{}")
    assert store.files("") == [("job.json", 2)]


def test_long_folders_are_listed_whole(store: Store, url: str) -> None:
    if not url.startswith("s3:"):
        pytest.skip("only S3 tells them in parts")
    names = [f"{i:04d}" for i in range(1005)]  # S3 tells a thousand at a time
    put(f"{url.partition(BUCKET)[2][1:]}/many/{name}" for name in names)
    assert [entry.name for entry in store.files("many")] == names


def test_nothing_is_left_beside(store: Store) -> None:
    store.write("a/1", b"1")
    store.write("a/1", b"2")
    store.create("a/2", b"1")
    store.create("a/2", b"2")
    assert store.age("a/1") is not None
    assert store.files("a") == [("1", 1), ("2", 1)]


def test_removed_is_gone(store: Store) -> None:
    store.write("a/1", b"1")
    assert store.files("a")
    store.remove("a/1")
    store.remove("a/1")
    assert store.files("a") == []
    with pytest.raises(FileNotFoundError):
        store.read("a/1")
    assert store.create("a/1", b"again")


def test_age_is_that_of_the_store(store: Store) -> None:
    store.write("lock/1", b"1")
    age = store.age("lock/1")
    assert age is not None
    assert 0 <= age < 60


def test_opened_again_it_is_the_same(store: Store) -> None:
    store.write("a", b"1")
    assert open_store(store.url).read("a") == b"1"
    again = pickle.loads(pickle.dumps(store))
    assert again.url == store.url
    assert again.read("a") == b"1"


def test_what_another_process_writes_is_seen(store: Store, url: str) -> None:
    if url.startswith("memory"):
        pytest.skip("memory is that of one process")
    store.write("before", b"1")
    assert store.files("new") == []
    for context, target, first in (
        (SPAWN, write_elsewhere, url),
        (FORK, use_elsewhere, store),  # which takes an open store along
    ):
        name = f"new/{target.__name__}"
        process = context.Process(target=target, args=(first, name, b"123"))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert (target.__name__, 3) in store.files("new")
        assert store.read(name) == b"123"


def test_threads_share_one(store: Store) -> None:
    store.write("a", b"1")
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: store.read("a"), range(32))) == [b"1"] * 32
