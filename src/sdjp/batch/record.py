"""Records of what is drawn, and of what could not be: the truth about a job, of which all else is made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sdjp.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PictureRecord:
    """A picture that is drawn, and is on the disk.

    Attributes:
        number: Its item; and so are ``id``, ``row``, ``copy`` and ``key``.
        file: Its file, below the folder of the job: of a picture, or of the shard that it is in.
        member: Its name in the shard; None without shards.
        sha256: Of the PNG.
        bytes: Of the PNG.
        width: In pixels.
        height: In pixels.
        prompt: What was typed.
        english: What the text encoder read.
        unknown: What of it was not understood.
        truncated: What of it found no room.
        seed: The seed.
        options: All options, the model's defaults filled in.
        safety: What the safety checker did: ``status`` and the ``data`` of its report; None without one.
        watermark: The same of the watermark.
        model: The name of the model.
        runtime: Device, dtype, engine and versions.
        started: When its batch was begun, seconds since 1970.
        seconds: What it took: its share of the batch.
        attempts: How often it was tried, this time included.
        worker: Host and process.
    """

    number: int
    id: str
    row: int
    copy: int = 0
    key: str | None = None
    file: str
    member: str | None = None
    sha256: str
    bytes: int
    width: int
    height: int
    prompt: str
    english: str
    unknown: tuple[str, ...] = ()
    truncated: str = ""
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    safety: Mapping[str, Any] | None = None
    watermark: Mapping[str, Any] | None = None
    model: str = ""
    runtime: Mapping[str, Any] | None = None
    started: float = 0.0
    seconds: float = 0.0
    attempts: int = 1
    worker: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {**vars(self), "unknown": list(self.unknown)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PictureRecord:
        """Read what :meth:`to_json` gave; what a later version has besides is passed over."""
        values = _fields(cls, data)
        return cls(**{**values, "unknown": tuple(values.get("unknown", ()))})


@dataclass(frozen=True, kw_only=True)
class FailureRecord:
    """A picture that could not be drawn.

    Attributes:
        number: Its item; and so are ``id``, ``row``, ``copy`` and ``key``.
        prompt: What was typed.
        error: ``code``, ``ja`` and ``en``.
        attempts: How often it was tried in all.
        time: When it was given up, seconds since 1970.
        worker: Host and process.
    """

    number: int
    id: str
    row: int
    copy: int = 0
    key: str | None = None
    prompt: str
    error: Mapping[str, str]
    attempts: int = 1
    time: float = 0.0
    worker: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {**vars(self), "error": dict(self.error)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FailureRecord:
        """Read what :meth:`to_json` gave."""
        return cls(**_fields(cls, data))


@dataclass(frozen=True, kw_only=True)
class GroupRecord:
    """The pictures of a group, which are in one shard.

    Attributes:
        number: The first of its items.
        id: Made of the ids of all of its items.
        file: The shard, below the folder of the job.
        sha256: Of the shard.
        bytes: Of the shard.
        pictures: What is in it, in order; what could not be drawn has a :class:`FailureRecord` instead.
    """

    number: int
    id: str
    file: str
    sha256: str
    bytes: int
    pictures: tuple[PictureRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {**vars(self), "pictures": [picture.to_json() for picture in self.pictures]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GroupRecord:
        """Read what :meth:`to_json` gave."""
        pictures = tuple(PictureRecord.from_json(picture) for picture in data["pictures"])
        return cls(**{**data, "pictures": pictures})


R = TypeVar("R", PictureRecord, FailureRecord, GroupRecord)

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "str | None": (str, type(None)),
    "Mapping[str, Any]": (dict,),
    "Mapping[str, str]": (dict,),
    "Mapping[str, Any] | None": (dict, type(None)),
}
"""What JSON has for the fields of a record."""


def write_record(record: PictureRecord | FailureRecord | GroupRecord) -> bytes:
    """Write a record as JSON."""
    text = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def read_json(data: bytes, name: str) -> dict[str, Any]:
    """Read a record as JSON data.

    Args:
        data: The file.
        name: Its name, for the message.

    Raises:
        InputError: If it is no JSON object. Records are written whole: someone has changed it.
    """
    try:
        found = json.loads(data.decode("utf-8", "surrogatepass"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _broken(name)
    return found


def read_record(kind: type[R], data: bytes, name: str) -> R:
    """Read what :func:`write_record` wrote.

    Args:
        kind: What it is a record of.
        data: The file.
        name: Its name, for the message.

    Raises:
        InputError: If it is no such record.
    """
    found = read_json(data, name)
    try:
        record: R = kind.from_json(found)
        for part in (record, *getattr(record, "pictures", ())):
            _check_types(part)
        return record
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(name) from error


def _check_types(record: PictureRecord | FailureRecord | GroupRecord) -> None:
    for f in dataclasses.fields(record):
        types = _TYPES.get(str(f.type))
        if types is not None and not isinstance(getattr(record, f.name), types):
            raise TypeError(f.name)


def _fields(kind: type[PictureRecord] | type[FailureRecord], data: Mapping[str, Any]) -> dict[str, Any]:
    """What of the data a record has a field for."""
    known = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in data.items() if name in known}


def _broken(name: str) -> InputError:
    return InputError(
        "batch.record",
        ja=f"ジョブのフォルダーの {name} が壊れています。バックアップから戻すか、削除してもう一度"
        "実行してください（その絵は描き直されます）。",
        en=f"{name} in the folder of the job is broken. Restore it, or delete it and run the job again "
        "(its picture will be drawn anew).",
    )
