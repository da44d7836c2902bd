"""The manifest of a job: a table with a row for each item, made of its records, and made anew at any time.

It is never read back: the records are the truth about a job.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sdjp.batch.entries import Entry, entries
from sdjp.batch.item import Item
from sdjp.batch.places import MANIFEST, MANIFEST_LINES
from sdjp.batch.stores.base import Store, StoreError, unusable

ROWS: Final = 5000
"""Rows of a row group, which are in memory at the same time."""

COLUMNS: Final[Mapping[str, str]] = {
    "number": "int64",
    "id": "string",
    "key": "string",
    "row": "int64",
    "copy": "int64",
    "status": "string",
    "prompt": "string",
    "english": "string",
    "unknown": "list",
    "truncated": "string",
    "negative_prompt": "string",
    "seed": "uint64",
    "width": "int32",
    "height": "int32",
    "steps": "int32",
    "guidance_scale": "float64",
    "sampler": "string",
    "options": "string",
    "file": "string",
    "member": "string",
    "sha256": "string",
    "bytes": "int64",
    "safety_flagged": "bool",
    "safety_status": "string",
    "safety_action": "string",
    "watermark_status": "string",
    "watermark_method": "string",
    "model": "string",
    "runtime": "string",
    "started": "time",
    "seconds": "float64",
    "attempts": "int32",
    "worker": "string",
    "error_code": "string",
    "error_ja": "string",
    "error_en": "string",
}
"""The columns, with their types as Arrow has them; a list is one of strings, a time is one in UTC.

What is not known of an item, or does not concern it, is null. ``options`` and ``runtime`` are JSON.
"""


@dataclass(frozen=True, kw_only=True)
class ManifestCounts:
    """What is in a manifest.

    Attributes:
        name: Its file: ``"manifest.parquet"``, or ``"manifest.jsonl"`` where pyarrow is not installed.
        drawn: Items with a picture.
        failed: Items that could not be drawn.
        refused: Rows of the input that cannot be drawn.
        missing: Items of which nothing is recorded: they are still to be drawn.
    """

    name: str
    drawn: int = 0
    failed: int = 0
    refused: int = 0
    missing: int = 0


def write_manifest(store: Store, tell: Callable[[Entry], None] = lambda entry: None) -> ManifestCounts:
    """Write the manifest of a job, in the order of the input.

    It grows in the temporary folder of this machine (``TMPDIR``) and is then written to the store whole, for
    which it is once in memory: some hundred megabytes for a million items. S3 takes at most 5 GB at a time.

    Args:
        store: Where the job is.
        tell: Told of each entry, for whoever else is made of them: reading them is most of the work.

    Raises:
        FileNotFoundError: If there is no job here.
        InputError: If the job, its items or a record are broken.
        StoreError: If something cannot be read or written.
    """
    counts: Counter[str] = Counter()

    def rows() -> Iterator[dict[str, Any]]:
        for entry in entries(store):
            counts[entry.status] += 1
            tell(entry)
            yield _row(entry)

    name, write = _format()
    with tempfile.TemporaryDirectory(prefix="sdjp-") as folder:
        path = Path(folder, name)
        try:
            write(path, rows())
        except (FileNotFoundError, StoreError):
            raise
        except OSError as error:
            raise unusable(folder, error) from error
        store.write(name, path.read_bytes())
    store.remove(MANIFEST if name == MANIFEST_LINES else MANIFEST_LINES)  # of an earlier run
    return ManifestCounts(name=name, **counts)


def _format() -> tuple[str, Callable[[Path, Iterator[dict[str, Any]]], None]]:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return MANIFEST_LINES, _write_lines
    return MANIFEST, _write_parquet


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=datetime.isoformat) + "\n")


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow
    from pyarrow import parquet

    own = {"list": pyarrow.list_(pyarrow.string()), "time": pyarrow.timestamp("ms", tz="UTC")}
    types = {name: own.get(type) or pyarrow.type_for_alias(type) for name, type in COLUMNS.items()}
    schema = pyarrow.schema(list(types.items()))
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while some := list(islice(rows, ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema=schema), row_group_size=ROWS)


def _row(entry: Entry) -> dict[str, Any]:
    """What is known of an item; all columns, in order."""
    item = entry.item
    known = {
        "number": item.number,
        "row": item.row,
        "key": item.key,
        "status": entry.status,
        **(_planned(item) if isinstance(item, Item) else {"prompt": item.text}),
    }
    if entry.picture:
        known.update(_drawn(entry))
    elif entry.failure:
        known.update(attempts=entry.failure.attempts, worker=entry.failure.worker)
    if entry.status != "drawn" and entry.error:
        known.update((f"error_{name}", entry.error.get(name)) for name in ("code", "ja", "en"))
    return {name: _plain(known.get(name)) for name in COLUMNS}


def _planned(item: Item) -> dict[str, Any]:
    """What an item says itself; what it leaves to the model is not known yet."""
    options = item.to_json()["options"]
    return {"id": item.id, "copy": item.copy, **_named(options), "options": options}


def _drawn(entry: Entry) -> dict[str, Any]:
    assert entry.picture is not None
    picture = {**vars(entry.picture)}
    safety, watermark = picture.pop("safety") or {}, picture.pop("watermark") or {}
    return {
        **_named(picture["options"]),
        **picture,
        "safety_flagged": safety.get("flagged"),
        "safety_status": safety.get("status"),
        "safety_action": safety.get("action"),
        "watermark_status": watermark.get("status"),
        "watermark_method": watermark.get("method"),
        "started": datetime.fromtimestamp(picture["started"], timezone.utc),
    }


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that have a column of their own."""
    named = {name: options.get(name) for name in COLUMNS if name in options}
    return {**named, "steps": options.get("num_inference_steps")}


def _plain(value: Any) -> Any:
    """A value as a table can have it: JSON where it has parts, and no half of a surrogate pair."""
    if isinstance(value, Mapping):
        return _plain(json.dumps(value, ensure_ascii=False, sort_keys=True))
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
