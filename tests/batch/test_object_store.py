"""What an object store does when its server does not do what it should."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fsspec.registry import _registry

from sdjp.batch.stores import object_store
from sdjp.batch.stores.base import StoreError
from sdjp.batch.stores.file_systems import open_file_system
from sdjp.batch.stores.object_errors import without_secrets
from sdjp.batch.stores.opening import open_store
from sdjp.errors import InputError, MissingDependencyError
from tests.batch.s3_server import BUCKET, Door, put, s3_server, use


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def door(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(object_store, "WAITS", (0.01, 0.02, 0.03, 0.04))
    monkeypatch.setattr(object_store, "PATIENCE", 3600.0)  # a busy machine may take a minute for one try
    with Door(server) as door:
        use(monkeypatch, door.url)
        yield door


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{request.node.name}"


def failing(times: int, status: int = 500, code: str = "InternalError", method: str = "") -> Any:
    """Refuses the first few requests, or those of one method."""
    left = times

    def refuse(given: str, path: str, headers: object) -> tuple[int, str] | None:
        nonlocal left
        if left == 0 or (method and given != method):
            return None
        left -= 1
        return status, code

    return refuse


def requests(door: Door) -> list[str]:
    seen, door.seen[:] = [method for method, _ in door.seen], []
    return seen


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (429, "Throttling")])
def test_a_server_that_recovers_is_asked_again(door: Door, url: str, status: int, code: str) -> None:
    store = open_store(url)
    door.refuse = failing(2, status, code)
    store.write("a/1", b"1")
    assert requests(door) == ["PUT"] * 3
    door.refuse = failing(2, status, code)
    assert store.read("a/1") == b"1"
    assert requests(door) == ["GET"] * 3
    door.refuse = failing(2, status, code)
    assert store.files("a") == [("1", 1)]
    assert requests(door) == ["GET"] * 3


def test_a_server_that_does_not_recover_is_given_up(door: Door, url: str) -> None:
    store = open_store(url)
    door.refuse = failing(-1)
    with pytest.raises(StoreError, match="HTTP 500"):
        store.write("a", b"1")
    assert len(requests(door)) == 3  # it has never answered
    door.refuse = failing(0)
    store.write("a", b"1")
    requests(door)
    door.refuse = failing(-1)
    for call in (
        lambda: store.write("a", b"1"),
        lambda: store.create("b", b"1"),
        lambda: store.read("a"),
        lambda: store.files(""),
        lambda: store.folders(""),
        lambda: store.remove("a"),
        lambda: store.age("a"),
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert "混み合っている" in caught.value.ja
        assert len(requests(door)) == 5


def test_a_server_that_is_not_there(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "WAITS", (0.01, 0.02))
    with socket.socket() as one:  # bound, and nobody listens
        one.bind(("127.0.0.1", 0))
        use(monkeypatch, f"http://user:secret@127.0.0.1:{one.getsockname()[1]}")
        store = open_store(url)
        for call in (lambda: store.files("records"), lambda: store.read("a"), lambda: store.create("a", b"")):
            with pytest.raises(StoreError) as caught:
                call()
            assert caught.value.code == "batch.store"
            assert "つながりません" in caught.value.ja
            assert "secret" not in caught.value.ja + caught.value.en


def test_a_bucket_that_is_missing_is_not_empty(door: Door) -> None:
    store = open_store("s3://no-such-bucket/job")
    for call in (
        lambda: store.files("records/000/000"),
        lambda: store.folders("records"),
        lambda: store.files(""),
        lambda: store.read("job.json"),
        lambda: store.write("a", b""),
        lambda: store.create("a", b""),
        lambda: store.age("a"),
    ):
        with pytest.raises(StoreError, match="バケットがありません"):
            call()


@pytest.mark.parametrize("code", ["AccessDenied", "SignatureDoesNotMatch", "ExpiredToken"])
def test_who_is_denied_is_told_at_once(door: Door, url: str, code: str) -> None:
    store = open_store(url)
    door.refuse = failing(-1, 403, code)
    for call in (lambda: store.files("records"), lambda: store.read("a"), lambda: store.create("a", b"")):
        with pytest.raises(StoreError, match="アクセスが拒まれました"):
            call()
        assert len(requests(door)) == 1


def test_who_has_no_credentials_is_told(
    door: Door, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError, match="認証情報が見つからないか"):
        open_store(url).files("records")
    assert requests(door) == []


def test_a_listing_that_fails_halfway_is_no_listing(door: Door, url: str) -> None:
    """The second page of a long folder is refused: what the first one told is not all."""
    put(f"{url.partition(BUCKET)[2][1:]}/a/{i:04d}" for i in range(1005))
    store = open_store(url)
    assert len(store.files("a")) == 1005

    def refuse(method: str, path: str, headers: object) -> tuple[int, str] | None:
        return (500, "InternalError") if "continuation-token" in path else None

    door.refuse = refuse
    with pytest.raises(StoreError):
        store.files("a")


def test_create_is_one_conditional_request(door: Door, url: str) -> None:
    asked = []

    def watch(method: str, path: str, headers: Any) -> None:
        asked.append((method, headers.get("If-None-Match")))

    door.refuse = watch
    store = open_store(url)
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    assert asked == [("PUT", "*"), ("PUT", "*")]


def test_a_server_that_does_not_say_which_condition(door: Door, url: str) -> None:
    store = open_store(url)
    store.write("a", b"1")
    door.refuse = failing(-1, 412, "PreconditionFailed", "PUT")
    assert not store.create("a", b"1")


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (400, "InvalidArgument")])
def test_a_server_without_conditions(door: Door, url: str, status: int, code: str) -> None:
    def refuse(method: str, path: str, headers: Any) -> tuple[int, str] | None:
        return (status, code) if "If-None-Match" in headers else None

    door.refuse = refuse
    store = open_store(url)
    assert store.create("a", b"1")
    assert not store.create("a", b"2")
    assert store.read("a") == b"1"
    requests(door)
    assert store.create("b", b"1")
    assert requests(door).count("PUT") == 1  # it is not asked for the impossible again


def test_a_request_that_is_wrong_otherwise_is_no_lack_of_conditions(door: Door, url: str) -> None:
    store = open_store(url)
    door.refuse = failing(-1, 400, "InvalidBucketState")
    with pytest.raises(StoreError):
        store.create("a", b"1")
    door.refuse = failing(0)
    requests(door)
    assert store.create("a", b"1")
    assert requests(door) == ["PUT"]


def test_an_answer_that_is_lost(door: Door, url: str) -> None:
    """The object is written, and the server says 500: the next try finds its own."""
    store = open_store(url)
    door.late = failing(1, method="PUT")
    assert store.create("a", b"1")
    assert store.read("a") == b"1"
    store.write("b", b"another's")
    door.refuse = failing(1, method="PUT")
    assert not store.create("b", b"mine")
    assert store.read("b") == b"another's"


def test_folders_may_have_objects_of_their_own(door: Door, url: str) -> None:
    """As the consoles of stores make them."""
    store = open_store(url)
    for name in ("a/", "a/b/"):
        open_file_system(url, "s3")[0].pipe_file(f"{url}/{name}", b"")
    store.write("a/1", b"1")
    store.write("a/b/2", b"2")
    assert store.files("a") == [("1", 1)]
    assert store.folders("a") == ["b"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("sftp://user:secret@host/job", "batch.store_secret"),
        ("s3://key:secret@bucket/job", "batch.store_secret"),
        ("abfs://box@account.dfs.core.windows.net/job?sig=secret", "batch.store_secret"),
        ("s3://", "batch.store_url"),
        ("nothing://bucket/job", "batch.store_kind"),
        ("simplecache::s3://bucket/job", "batch.store_kind"),
        ("s3://bucket/job::zip://a", "batch.store_kind"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        open_store(url)
    assert caught.value.code == code
    assert "secret" not in caught.value.ja + caught.value.en


@pytest.mark.parametrize(
    ("module", "url", "words"),
    [
        ("gcsfs", "gs://bucket/job", "pip install gcsfs"),
        ("s3fs", "s3://bucket/job", 'pip install "sdjp[s3]"'),
        ("fsspec.core", "s3://bucket/job", 'pip install "sdjp[batch]"'),
    ],
)
def test_packages_that_are_missing(
    module: str, url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for kind in ("s3", "gs"):  # which fsspec has found before
        monkeypatch.delitem(_registry, kind, raising=False)
    with pytest.raises(MissingDependencyError, match=re.escape(words)):
        open_store(url)


def test_no_secret_is_told() -> None:
    text = 'no answer from "https://me:pass@host/a?X-Amz-Signature=abc" to http://host/b'
    assert without_secrets(text) == 'no answer from "https://host/a" to http://host/b'
