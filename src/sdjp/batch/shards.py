"""Shards: the pictures of a group in one tar file, in the form that WebDataset reads.

::

    000012345-<id>.json    what the picture is: its record, without what one run has and another has not
    000012345-<id>.png     the picture (or .jpg, .webp)
    000012345-<id>.txt     the English that was drawn: its caption
    000012346-<id>.json    and so on, by name

Members that differ only after the first dot are one sample. What was typed is in the JSON, as ``prompt``:
every sample has the same members, whichever language its row is in.

The same pictures make the same bytes: members have no time and no owner, and who drew them, when, and how
long it took stands in the record of the group alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sdjp.batch.places import GROUPS, SHARDS, file_name
from sdjp.batch.record import GroupRecord, PictureRecord, write_record
from sdjp.batch.sinks import Event, Tell

if TYPE_CHECKING:
    from sdjp.batch.pending import Group
    from sdjp.batch.stores.base import Store

_OF_THE_RUN: Final = frozenset({"file", "member", "started", "seconds", "attempts", "worker"})
"""What of a record tells where a picture is and how it came about, not what it is."""


class ShardSink:
    """The pictures of a group become one shard, which is committed when all of them are there.

    Until then they are in memory: a worker needs as much as its shard has bytes. If it dies before, the whole
    group is drawn anew.

    Args:
        store: Where.
        group: Whose pictures they are.
        ending: Of their names.
        tell: Told of each, once the shard is committed.
    """

    def __init__(self, store: Store, group: Group, ending: str, tell: Tell) -> None:
        self._store = store
        self._ending = ending
        self._group = group
        self._tell = tell
        self._kept: list[tuple[PictureRecord, bytes]] = []

    def keep(self, record: PictureRecord, picture: bytes) -> None:
        """Hold a picture; see :class:`sdjp.batch.sinks.Sink`. They may come in any order."""
        self._kept.append((record, picture))

    def close(self) -> None:
        """Write the shard, then the record of the group.

        Where nothing could be drawn there is no shard: the next run tries the whole group again.

        Raises:
            StoreError: If they cannot be written.
        """
        if not self._kept:
            return
        self._kept.sort(key=lambda kept: kept[0].number)
        records = [record for record, _ in self._kept]
        data = _tar(_members(self._taken(), self._ending))
        about, sha256 = (self._group.number, self._group.id), hashlib.sha256(data).hexdigest()
        file = file_name(SHARDS, *about, suffix=".tar", sha256=sha256)
        self._store.write(file, data)
        group = GroupRecord(
            number=self._group.number,
            id=self._group.id,
            file=file,
            sha256=sha256,
            bytes=len(data),
            pictures=tuple(
                replace(record, file=file, member=f"{_key(record)}{self._ending}") for record in records
            ),
        )
        won = self._store.create(file_name(GROUPS, *about, suffix=".json"), write_record(group))
        for record in group.pictures:
            self._tell(Event.of(record, won=won))

    def _taken(self) -> Iterator[tuple[PictureRecord, bytes]]:
        """The pictures, in order; each is let go when the next one is asked for."""
        self._kept.reverse()
        while self._kept:
            yield self._kept.pop()


class Shard:
    """The members of a shard; it is gone through once, however many are read.

    Args:
        data: The tar file, as it was read.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._places: dict[str, slice] = {}
        with suppress(tarfile.TarError, EOFError), tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                self._places[member.name] = slice(member.offset_data, member.offset_data + member.size)

    def read(self, name: str) -> bytes:
        """A member; nothing, if it is not there."""
        place = self._places.get(name)
        return b"" if place is None else self._data[place]


def pictures_in(data: bytes, records: Iterable[PictureRecord]) -> Iterator[tuple[PictureRecord, bytes]]:
    """The pictures that one file holds: of a picture that picture, of a shard those of its members.

    Args:
        data: The file, as it was read; what is not in it is empty.
        records: Of pictures in this file.
    """
    shard: Shard | None = None
    for record in records:
        if record.member is None:
            yield record, data
        else:
            shard = shard or Shard(data)
            yield record, shard.read(record.member)


def _key(record: PictureRecord) -> str:
    """What the members of a sample have in common: so they are in the order of the input."""
    return f"{record.number:09d}-{record.id}"


def _members(pictures: Iterable[tuple[PictureRecord, bytes]], ending: str) -> Iterator[tuple[str, bytes]]:
    for record, picture in pictures:
        key = _key(record)
        yield f"{key}.json", _json(record)
        yield f"{key}{ending}", picture
        yield f"{key}.txt", record.english.encode("utf-8", "replace")


def _json(record: PictureRecord) -> bytes:
    """What a picture is; UTF-8 that every reader takes: half a surrogate pair is written as JSON's escape."""
    about: dict[str, Any] = {
        name: value for name, value in record.to_json().items() if name not in _OF_THE_RUN
    }
    text = json.dumps(about, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _tar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack members; a header has their name and size, and else what :class:`tarfile.TarInfo` begins with."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()
