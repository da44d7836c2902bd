"""A job in an object store, or wherever else fsspec leads: ``s3://``, ``gs://``, ``abfs://``, ``sftp://``."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeVar

from sdjp.batch.stores.base import Entry, StoreError, unusable
from sdjp.batch.stores.file_systems import BUCKETS, S3, WHOLE, check_url, open_file_system
from sdjp.batch.stores.object_errors import NO_BUCKET, code_of, is_final, status_of, why
from sdjp.durable import PART

T = TypeVar("T")

WAITS: Sequence[float] = (0.5, 2, 6, 15)
"""Seconds between tries of what may pass; a store that has never answered gets the first two."""

PATIENCE = 60.0
"""Seconds after which nothing is begun again."""

_INHERITED: Final[list[Any]] = []
"""File systems that a fork brought along: to close them here would close them for the parent."""


class _Unconditional(Exception):
    """The store does not know "only if there is none of that name"."""


class ObjectStore:
    """Files in an object store; see :class:`~sdjp.batch.stores.base.Store`.

    Writing to S3 and its likes is one request: the object is there whole, or not at all. On file systems
    (SFTP, HDFS, SMB) a file is written under another name and renamed.

    :meth:`create` is a conditional request where the file system and its server have one (S3's
    ``If-None-Match``): of several at the same time, one wins. Where the server refuses that, it is looked
    whether the file is there, and then written: of two at the same moment **the last one stays**, and both
    are told that they wrote it; and where the server passes over it, of any two. For records that is right:
    each names a picture that is there.

    A store may be used by many threads, may be pickled, and may be taken along through a fork: the other
    process opens it anew. fsspec's own connections do not survive a fork.

    Credentials come from where the file system looks for them (``AWS_ACCESS_KEY_ID``, ``~/.aws``,
    ``GOOGLE_APPLICATION_CREDENTIALS``, …), other servers from ``AWS_ENDPOINT_URL``, and anything else from
    fsspec's configuration (``FSSPEC_SFTP_PASSWORD``); never from the address, which everybody may read.

    Args:
        url: What fsspec takes, such as ``"s3://bucket/folder"``.

    Raises:
        InputError: If the address cannot be used.
        MissingDependencyError: If fsspec, or the package for this kind of store, is not installed.
        StoreError: If it is one that has to be reached for that, and it cannot be.
    """

    def __init__(self, url: str) -> None:
        check_url(url)
        self._kind, _, place = url.partition("://")
        self.url = f"{self._kind}://{place.rstrip('/')}"
        self._fs, self._base = open_file_system(self.url, self._kind)
        self._pid = os.getpid()
        self._answered = False
        self._conditional = True

    def __reduce__(self) -> tuple[object, ...]:
        return ObjectStore, (self.url,)

    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Store.write`."""
        self._ask(lambda fs: self._put(fs, self._path(name), data))

    def create(self, name: str, data: bytes) -> bool:
        """See :meth:`Store.create`, and above."""
        if self._conditional and self._kind in WHOLE:
            tries = 0

            def put(fs: Any) -> None:
                nonlocal tries
                tries += 1
                _put_new(fs, self._path(name), data)

            try:
                self._ask(put)
                return True
            except FileExistsError:
                # A try that seemed to fail may have been this one's success.
                return tries > 1 and self.read(name) == data
            except _Unconditional:
                pass
        if self._is_there(name):
            return False
        self.write(name, data)
        self._conditional = False  # not before this has worked: some refusals have other reasons
        return True

    def read(self, name: str) -> bytes:
        """See :meth:`Store.read`."""
        return bytes(self._ask(lambda fs: fs.cat_file(self._path(name))))

    def files(self, folder: str) -> list[Entry]:
        """See :meth:`Store.files`."""
        return sorted(
            Entry(name, int(info["size"] or 0))
            for name, info in self._list(folder)
            if info["type"] != "directory"
        )

    def folders(self, folder: str) -> list[str]:
        """See :meth:`Store.folders`."""
        return sorted(name for name, info in self._list(folder) if info["type"] == "directory")

    def remove(self, name: str) -> None:
        """See :meth:`Store.remove`."""
        with suppress(FileNotFoundError):
            self._ask(lambda fs: fs.rm_file(self._path(name)))

    def age(self, name: str) -> float | None:
        """See :meth:`Store.age`: a file is written beside it, and the store tells the time of both.

        Raises:
            StoreError: If it cannot be asked, or if it tells no times.
        """
        try:
            changed = self._ask(lambda fs: _time(fs, self._path(name)))
        except FileNotFoundError:
            return None
        probe = f"{name.rpartition('/')[0]}/.{secrets.token_hex(8)}{PART}".lstrip("/")
        self.write(probe, b"")
        try:
            now = self._ask(lambda fs: _time(fs, self._path(probe)))
        except FileNotFoundError as error:
            raise unusable(self.url, error, why(error)) from error
        finally:
            self.remove(probe)
        return max(0.0, now - changed)

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}" if name else self._base or "/"

    def _put(self, fs: Any, path: str, data: bytes) -> None:
        if self._kind in WHOLE:
            fs.pipe_file(path, data)
            return
        folder, _, last = path.rpartition("/")
        part = f"{folder}/.{last}.{secrets.token_hex(4)}{PART}"
        fs.makedirs(folder, exist_ok=True)
        try:
            fs.pipe_file(part, data)
            try:
                fs.mv(part, path)
            except FileExistsError:  # SMB and HDFS do not replace
                fs.rm_file(path)
                fs.mv(part, path)
        except Exception:
            with suppress(Exception):
                fs.rm_file(part)
            raise

    def _is_there(self, name: str) -> bool:
        try:
            self._ask(lambda fs: fs.info(self._path(name)))
        except FileNotFoundError:
            return False
        return True

    def _list(self, folder: str) -> list[tuple[str, dict[str, Any]]]:
        path = self._path(folder)
        try:
            found = self._ask(lambda fs: fs.ls(path, detail=True))
        except FileNotFoundError:
            return []
        inside = path.strip("/")
        listed = []
        for info in found:
            above, _, name = info["name"].strip("/").rpartition("/")
            # A folder may have an object of its own: it has the name of the folder, or ends with a slash.
            of_a_folder = info["type"] != "directory" and info["name"].endswith("/")
            if above == inside and name and not of_a_folder:
                listed.append((name, info))
        return listed

    def _file_system(self) -> Any:
        if self._pid != os.getpid():
            _INHERITED.append(self._fs)
            self._fs, self._base = open_file_system(self.url, self._kind)
            self._pid = os.getpid()
        return self._fs

    def _ask(self, call: Callable[[Any], T]) -> T:
        """Ask the store, and ask again if it cannot be reached or is busy.

        Raises:
            FileNotFoundError: If it says that there is no such file.
            FileExistsError: If it says that there is one.
            StoreError: If it cannot be used, or the bucket is missing.
        """
        end = time.monotonic() + PATIENCE
        waits = iter(WAITS if self._answered else WAITS[:2])
        while True:
            try:
                answer = call(self._file_system())
                self._answered = True
                return answer
            except FileNotFoundError as error:
                if self._lacks_bucket(error):
                    raise unusable(self.url, error, NO_BUCKET) from error
                raise
            except (FileExistsError, _Unconditional, StoreError):
                raise
            except Exception as error:
                wait = next(waits, None)
                if wait is None or is_final(error) or time.monotonic() + wait > end:
                    raise unusable(self.url, error, why(error)) from error
            time.sleep(wait * random.uniform(0.5, 1))  # not all workers at the same moment

    def _lacks_bucket(self, error: FileNotFoundError) -> bool:
        """Whether what was not found is the bucket: then nobody knows what is in it."""
        if self._kind in S3:  # S3 says so
            return code_of(error) == "NoSuchBucket"
        if self._kind not in BUCKETS:
            return False
        try:
            self._file_system().info(self._base.partition("/")[0])
        except FileNotFoundError:
            return True
        except PermissionError:  # that it may not be asked says nothing
            return False
        except Exception as failed:
            raise unusable(self.url, failed, why(failed)) from failed
        return False


def _put_new(fs: Any, path: str, data: bytes) -> None:
    """Write a file if there is none.

    Raises:
        FileExistsError: If there is one.
        _Unconditional: If this cannot be asked for.
    """
    try:
        fs.pipe_file(path, data, mode="create")
    except (TypeError, NotImplementedError) as error:  # an older one, which has no such mode
        raise _Unconditional from error
    except Exception as error:
        if code_of(error) in ("PreconditionFailed", "412"):  # servers that do not say which condition
            raise FileExistsError(path) from error
        if status_of(error) in (400, 501) or type(error).__name__ == "ParamValidationError":
            raise _Unconditional from error
        raise


def _time(fs: Any, path: str) -> float:
    """When a file was written, by the clock of the store."""
    when = fs.modified(path)
    if isinstance(when, datetime):
        return when.timestamp()
    return float(when)
