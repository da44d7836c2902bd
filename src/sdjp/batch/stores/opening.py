"""Which store an address leads to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sdjp.batch.stores.base import Store
from sdjp.batch.stores.local_store import LocalStore


def open_store(url: str) -> Store:
    """Open the place of a job.

    Args:
        url: The path of a folder, or what fsspec takes, such as ``"s3://bucket/folder"``.

    Raises:
        InputError: If it names nothing that can be used.
        MissingDependencyError: If fsspec, or the package for this kind of store, is not installed.
    """
    if "://" in url and not url.startswith("file://"):
        from sdjp.batch.stores.object_store import ObjectStore

        return ObjectStore(url)
    if url.startswith("file://"):
        return LocalStore(Path(url2pathname(urlsplit(url).path)))
    return LocalStore(Path(url))
