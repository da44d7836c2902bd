"""Whether a record is true: what it names is there, and is what was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sdjp.batch.places import PICTURES, SHARDS, file_name
from sdjp.batch.record import FailureRecord, GroupRecord, PictureRecord, read_record
from sdjp.batch.shards import pictures_in
from sdjp.batch.stores.base import Store
from sdjp.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why a record is not true.

    Attributes:
        kind: Whether something is there that is not as it was recorded, or is not there at all.
        file: The file that is at fault.
        count: Pictures that are lost with it.
    """

    kind: Literal["damaged", "missing"]
    file: str
    count: int = 1


def check_picture(store: Store, name: str, number: int, id: str, *, ending: str) -> PictureRecord | Fault:
    """Read a picture that has a file of its own.

    Args:
        store: Where it is.
        name: Its record.
        number: Of its item.
        id: Of its item.
        ending: Of its file.

    Returns:
        The record if it is true, or else what is wrong.

    Raises:
        StoreError: If something that is there cannot be read.
    """
    try:
        record = read_record(PictureRecord, store.read(name), name)
        file = file_name(PICTURES, number, id, suffix=ending, sha256=record.sha256)
    except (InputError, FileNotFoundError):
        return Fault(kind="damaged", file=name)
    if (record.number, record.id, record.file, record.member) != (number, id, file, None):
        return Fault(kind="damaged", file=name)
    try:
        true = _is(store.read(file), record)
    except FileNotFoundError:
        return Fault(kind="missing", file=file)
    return record if true else Fault(kind="damaged", file=file)


def check_group(
    store: Store, name: str, number: int, id: str, items: Mapping[int, str]
) -> GroupRecord | Fault:
    """Read the shard of a group, and each picture in it.

    Args:
        store: Where it is.
        name: The record of the group.
        number: Of its first item.
        id: Of the group.
        items: The ids of its items by their numbers.

    Returns:
        The record if it is true, or else what is wrong.

    Raises:
        StoreError: If something that is there cannot be read.
    """
    try:
        record = read_record(GroupRecord, store.read(name), name)
        file = file_name(SHARDS, number, id, suffix=".tar", sha256=record.sha256)
    except (InputError, FileNotFoundError):
        return Fault(kind="damaged", file=name, count=len(items))
    count = len(record.pictures)
    own = all(items.get(p.number) == p.id and p.file == file for p in record.pictures)
    if (record.number, record.id, record.file, own) != (number, id, file, True):
        return Fault(kind="damaged", file=name, count=count)
    try:
        shard = store.read(file)
    except FileNotFoundError:
        return Fault(kind="missing", file=file, count=count)
    true = _is(shard, record) and _holds(shard, record)
    return record if true else Fault(kind="damaged", file=file, count=count)


def check_failure(store: Store, name: str, number: int, id: str) -> FailureRecord | Fault:
    """Read the record of a picture that could not be drawn.

    Args:
        store: Where it is.
        name: The record.
        number: Of its item.
        id: Of its item.

    Returns:
        The record, or what is wrong with it.

    Raises:
        StoreError: If it cannot be read.
    """
    try:
        record = read_record(FailureRecord, store.read(name), name)
    except (InputError, FileNotFoundError):
        return Fault(kind="damaged", file=name)
    return record if (record.number, record.id) == (number, id) else Fault(kind="damaged", file=name)


def _is(data: bytes, record: PictureRecord | GroupRecord) -> bool:
    return len(data) == record.bytes and hashlib.sha256(data).hexdigest() == record.sha256


def _holds(shard: bytes, group: GroupRecord) -> bool:
    """Whether a shard has the pictures that its record says."""
    return all(_is(png, picture) for picture, png in pictures_in(shard, group.pictures))
