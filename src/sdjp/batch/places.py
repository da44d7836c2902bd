"""Where things are in the folder of a job.

::

    job.json                                     what the job is
    lock-000001.json                             who works on it
    items/000/000123.jsonl                       the input, checked: a thousand items a file
    pictures/000/123/000123456-<id>-<sha>.png    pictures (or .jpg, .webp)
    records/000/123/000123456-<id>.json          commit records: what is recorded here is done
    shards/000/123/000123000-<id>-<sha>.tar      with shards: pictures of a group, instead of single files
    groups/000/123/000123000-<id>.json           with shards: their commit records
    failures/000/123/000123456-<id>.json         what could not be drawn, and why
    tries/000/123/000123456.json                 what is being drawn
    manifest.parquet, summary.html, _SUCCESS     made at the end, from what is above

No folder has more than a thousand of anything, however many pictures there are.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

CHUNK: Final = 1000
"""Items of a file of items, and of a folder of pictures or records."""

JOB: Final = "job.json"
LOCK: Final = "lock"
MANIFEST: Final = "manifest.parquet"
MANIFEST_LINES: Final = "manifest.jsonl"  # where there is no pyarrow
SUMMARY: Final = "summary.html"
SUCCESS: Final = "_SUCCESS"

ITEMS: Final = "items"
PICTURES: Final = "pictures"
RECORDS: Final = "records"
SHARDS: Final = "shards"
GROUPS: Final = "groups"
FAILURES: Final = "failures"
TRIES: Final = "tries"

_SHORT: Final = 8  # hex digits of a checksum in a name; the record has all
_NAME: Final = re.compile(
    rf"(?P<number>\d{{9,}})-(?P<id>[0-9a-f]+)(?:-(?P<version>[0-9a-f]{{{_SHORT}}}))?(?P<suffix>\.[a-z0-9]+)"
)


def chunk_name(chunk: int) -> str:
    """The file of the items of a chunk."""
    return f"{ITEMS}/{chunk // CHUNK:03d}/{chunk:06d}.jsonl"


def folder(kind: str, chunk: int) -> str:
    """The folder of one kind of things of a chunk, such as ``"records/000/123"``."""
    return f"{kind}/{chunk // CHUNK:03d}/{chunk % CHUNK:03d}"


def file_name(kind: str, number: int, id: str, *, suffix: str, sha256: str = "") -> str:
    """The file of an item, or of a group that begins with it.

    Args:
        kind: Such as :data:`PICTURES`.
        number: Of the item.
        id: Of the item, or of the group.
        suffix: Such as ``".png"``.
        sha256: Of its content, for what may be there in several versions.
    """
    version = f"-{sha256[:_SHORT]}" if sha256 else ""
    return f"{folder(kind, number // CHUNK)}/{number:09d}-{id}{version}{suffix}"


class Parts(NamedTuple):
    """What the name of a file tells: see :func:`file_name`."""

    number: int
    id: str
    version: str
    suffix: str


def parts_of(name: str) -> Parts | None:
    """Take a name apart that :func:`file_name` made; None if it is another's.

    Args:
        name: With its folder or without.
    """
    found = _NAME.fullmatch(name.rpartition("/")[2])
    return (
        Parts(int(found["number"]), found["id"], found["version"] or "", found["suffix"]) if found else None
    )
