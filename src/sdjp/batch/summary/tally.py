"""What a summary tells, counted in one pass over a job, however long it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from sdjp.batch.entries import Entry
from sdjp.batch.item import Item, Refused
from sdjp.batch.record import PictureRecord
from sdjp.batch.summary.activity import Activity
from sdjp.batch.summary.contact_sheet import ContactSheet

EXAMPLES: Final = 20
"""Rows that are named of each kind."""

_KINDS: Final = 10_000
"""Words, and kinds of other things, that are told apart at most."""

_CODES: Final = 100
"""Kinds of errors that are told apart at most."""

T = TypeVar("T", bound=Hashable)


class Frequencies(Generic[T]):
    """How often there is what, in bounded memory.

    Where there are too many kinds, those that were met least are forgotten: what is frequent is still found,
    and its count may be too low, at most by as much as was forgotten at once (Misra and Gries 1982).

    Attributes:
        exact: Whether nothing was forgotten.
    """

    def __init__(self, most: int = _KINDS) -> None:
        self.exact = True
        self._most = most
        self._counts: Counter[T] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, kind: T) -> None:
        """Count one."""
        self._counts[kind] += 1
        while len(self._counts) > self._most:
            self.exact = False
            self._counts = Counter({kind: count - 1 for kind, count in self._counts.items() if count > 1})

    def common(self, count: int) -> list[tuple[T, int]]:
        """The most frequent ones, each with how often it is there; of equals, the one that came first."""
        return self._counts.most_common(count)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row of the input that something is said of.

    Attributes:
        row: Where it stands.
        key: The id that the input has for it.
        text: Its prompt, or what was cut from it.
        error: ``ja`` and ``en``, if that is what is said.
    """

    row: int
    key: str | None
    text: str
    error: Mapping[str, str] | None = None


@dataclass
class Examples:
    """How many there are of a kind, and the first of them."""

    count: int = 0
    first: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        """Take in one."""
        self.count += 1
        if len(self.first) < EXAMPLES:
            self.first.append(example)


class Tally:
    """What is known of a job once each entry was added.

    Attributes:
        statuses: How many items were drawn, failed, were refused, or are missing.
        bytes: Of all pictures.
        retried: Pictures that took more than one try.
        errors: What failed or was refused, by status and code of the error.
        missing: The first rows of which nothing is recorded.
        unknown: Words that were not understood.
        misread: Pictures with such words.
        cut: Prompts that found no room.
        safety: What the safety checker said, see :func:`safety_of`.
        watermark: What became of the watermark, see :func:`watermark_of`.
        ways: Size, steps, sampler and guidance that pictures were drawn with.
        runtimes: Device, dtype, engine and version.
        workers: Processes that drew.
        activity: When.
        sheet: Pictures to be shown.
    """

    def __init__(self, *, shards: bool = False) -> None:
        self.statuses: Counter[str] = Counter()
        self.bytes = 0
        self.retried = 0
        self.errors: dict[tuple[str, str], Examples] = {}
        self.missing = Examples()
        self.unknown: Frequencies[str] = Frequencies()
        self.misread = 0
        self.cut = Examples()
        self.safety: Counter[str] = Counter()
        self.watermark: Counter[str] = Counter()
        self.ways: Frequencies[tuple[str, ...]] = Frequencies()
        self.runtimes: Frequencies[tuple[str, ...]] = Frequencies()
        self.workers: Frequencies[str] = Frequencies()
        self.activity = Activity()
        self.sheet = ContactSheet(shards=shards)

    @classmethod
    def of(cls, entries: Iterable[Entry], *, shards: bool) -> Tally:
        """Count all entries of a job."""
        tally = cls(shards=shards)
        for entry in entries:
            tally.add(entry)
        return tally

    def add(self, entry: Entry) -> None:
        """Take in what became of an item."""
        self.statuses[entry.status] += 1
        if entry.picture is not None:
            self._add_picture(entry.picture)
        elif entry.error is None:
            self.missing.add(_example(entry.item))
        else:
            kind = (entry.status, entry.error.get("code", ""))
            if kind not in self.errors and len(self.errors) >= _CODES:
                kind = (entry.status, "")
            self.errors.setdefault(kind, Examples()).add(_example(entry.item, entry.error))

    def _add_picture(self, record: PictureRecord) -> None:
        self.bytes += record.bytes
        self.retried += record.attempts > 1
        self.misread += bool(record.unknown)
        for word in dict.fromkeys(record.unknown):
            self.unknown.add(word)
        if record.truncated:
            self.cut.add(Example(row=record.row, key=record.key, text=record.truncated))
        self.safety[safety_of(record)] += 1
        self.watermark[watermark_of(record)] += 1
        self.ways.add(_way(record))
        self.runtimes.add(_runtime(record.runtime or {}))
        self.workers.add(record.worker)
        self.activity.add(record)
        self.sheet.add(record)


def safety_of(record: PictureRecord) -> str:
    """What the safety checker said: ``"flagged"``, ``"clear"``, or why nothing: ``"off"``, ``"failed"`` …"""
    found = record.safety
    if found is None:
        return "off"
    if found.get("flagged") is True:
        return "flagged"
    return "clear" if found.get("checked") is True else str(found.get("status", "off"))


def watermark_of(record: PictureRecord) -> str:
    """What became of the watermark: ``"readable"``, ``"partly"``, or there is none: ``"skipped"`` …"""
    found = record.watermark
    if found is None:
        return "off"
    if found.get("status") == "done":
        return "readable" if found.get("exact") is True else "partly"
    return str(found.get("status", "off"))


def _example(item: Item | Refused, error: Mapping[str, str] | None = None) -> Example:
    text = item.text if isinstance(item, Refused) else str(item.options.prompt)
    return Example(row=item.row, key=item.key, text=text, error=error)


def _way(record: PictureRecord) -> tuple[str, ...]:
    options = record.options
    names = ("num_inference_steps", "sampler", "guidance_scale")
    chosen = (f"{name}={options[name]}" for name in names if options.get(name) is not None)
    return (f"{record.width}×{record.height}", *chosen)


def _runtime(runtime: Mapping[str, Any]) -> tuple[str, ...]:
    version = f"sdjp {runtime['version']}" if "version" in runtime else ""
    parts = (version, *(str(runtime.get(name, "")) for name in ("device", "dtype", "engine", "translator")))
    return tuple(part for part in parts if part)
