"""Where finished pictures go, and what is told of them: the picture first, its record last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from sdjp.batch.places import PICTURES, RECORDS, file_name
from sdjp.batch.record import PictureRecord, write_record
from sdjp.batch.stores.base import Store


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened to an item.

    Attributes:
        kind: ``"drawn"``, ``"failed"``, or ``"skipped"``: another worker was faster.
        number: Of the item.
        row: Of the item.
        seconds: What it took.
        bytes: Of its picture.
        error: ``code``, ``ja`` and ``en``, if it failed.
    """

    kind: Literal["drawn", "failed", "skipped"]
    number: int
    row: int
    seconds: float = 0.0
    bytes: int = 0
    error: Mapping[str, str] | None = None

    @classmethod
    def of(cls, record: PictureRecord, *, won: bool) -> Event:
        """What is told of a picture once it is committed.

        Args:
            record: Its record.
            won: Whether this worker committed it, not a faster one.
        """
        return cls(
            kind="drawn" if won else "skipped",
            number=record.number,
            row=record.row,
            seconds=record.seconds,
            bytes=record.bytes,
        )


Tell = Callable[[Event], None]


class Sink(Protocol):
    """Where finished pictures go."""

    def keep(self, record: PictureRecord, picture: bytes) -> None:
        """Keep a picture; ``file`` and ``member`` of the record are the sink's to fill in."""
        ...

    def close(self) -> None:
        """Commit what is not committed yet."""
        ...


class FileSink:
    """Each picture is a file, and is committed as soon as it is there.

    Args:
        store: Where.
        ending: Of its file.
        tell: Told of each.
    """

    def __init__(self, store: Store, ending: str, tell: Tell) -> None:
        self._store = store
        self._ending = ending
        self._tell = tell

    def keep(self, record: PictureRecord, picture: bytes) -> None:
        """Write the picture, then its record; see :class:`Sink`.

        The name has the content in it: two workers that draw one item need not get the same bytes, and what
        the record names is the file that was written with it.
        """
        about = (record.number, record.id)
        file = file_name(PICTURES, *about, suffix=self._ending, sha256=record.sha256)
        self._store.write(file, picture)
        data = write_record(PictureRecord(**{**vars(record), "file": file}))
        won = self._store.create(file_name(RECORDS, *about, suffix=".json"), data)
        self._tell(Event.of(record, won=won))

    def close(self) -> None:
        """See :class:`Sink`; everything is committed."""
