"""What a job is: its input, its model, its settings. A folder belongs to one job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sdjp._version import __version__
from sdjp.batch.places import JOB
from sdjp.batch.record import read_json
from sdjp.batch.stores.base import Store
from sdjp.choices import OutputFormat
from sdjp.errors import InputError

PIPELINE: Final = "sdjp.batch.pipelines:load"
"""What loads the model of a job. One of your own takes the same arguments: ``"module:function"``."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """What a job is. Two jobs with the same fingerprint draw the same pictures.

    Attributes:
        input: The input: ``name``, ``sha256``, ``format``.
        model: The arguments of ``Pipeline.from_pretrained``, as JSON data (``source`` among them).
        weights: The SHA-256 of each file that these name.
        load: What loads the model, see :data:`PIPELINE`.
        options: Options for all rows that do not say otherwise.
        seed: Picture i of the job has seed + i, unless its row has one.
        shard: Pictures of a shard; None for single files.
        picture_format: What pictures are written as.
        quality: Of JPEG and WebP.
        version: Of sdjp.
    """

    input: Mapping[str, str]
    model: Mapping[str, Any]
    weights: Mapping[str, str]
    load: str = PIPELINE
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int
    shard: int | None = None
    picture_format: OutputFormat = "png"
    quality: int | None = None
    version: str = __version__

    @property
    def ending(self) -> str:
        """Of the files of its pictures, such as ``".png"``."""
        from sdjp.images.encoding import ENDINGS

        return ENDINGS[self.picture_format][0]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of everything that decides the pictures and their names.

        The name of the input and those of the weights are none of it: what counts is what is in them.
        """
        content = {
            **vars(self),
            "input": {**self.input, "name": ""},
            "model": {name: value for name, value in self.model.items() if name not in self.weights},
            "weights": dict(self.weights),
        }
        if self.picture_format == "png":  # jobs of before there were others go on
            del content["picture_format"], content["quality"]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()
        }

    def differences(self, other: JobSpec) -> list[str]:
        """The names of what two jobs do not have in common."""
        mine, its = self.to_json(), other.to_json()
        mine["input"], its["input"] = mine["input"]["sha256"], its["input"]["sha256"]
        found = []
        for name in mine:
            if isinstance(mine[name], dict):
                keys = sorted({*mine[name], *its[name]})
                found += [f"{name}.{key}" for key in keys if mine[name].get(key) != its[name].get(key)]
            elif mine[name] != its[name]:
                found.append(name)
        return found


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job whose input has been read and checked: what ``job.json`` holds.

    Attributes:
        spec: What it is.
        count: Its items, refused ones among them.
        refused: Rows that cannot be drawn.
        created: Seconds since 1970.
    """

    spec: JobSpec
    count: int
    refused: int
    created: float

    def write(self, store: Store) -> None:
        """Write ``job.json``; the items are to be there before."""
        data = {
            "fingerprint": self.spec.fingerprint,
            "count": self.count,
            "refused": self.refused,
            "created": self.created,
            "spec": self.spec.to_json(),
        }
        text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
        store.write(JOB, text.encode("utf-8", "surrogatepass"))  # names of files need not be UTF-8

    @classmethod
    def read(cls, store: Store) -> Job:
        """Read ``job.json``.

        Raises:
            FileNotFoundError: If there is none.
            InputError: If it is broken, or of a version that writes it otherwise.
        """
        data = read_json(store.read(JOB), JOB)
        try:
            spec = JobSpec(**data["spec"])
            return cls(spec=spec, **{name: data[name] for name in ("count", "refused", "created")})
        except (KeyError, TypeError) as error:
            raise InputError(
                "batch.job",
                ja=f"{store.url} の {JOB} は、この版の sdjp では読めません（{error}）。"
                "書いた版の sdjp を使うか、別のフォルダーを --out に指定してください。",
                en=f"{JOB} in {store.url} cannot be read by this version of sdjp ({error}). Use the version "
                "that wrote it, or another folder.",
            ) from error


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a job is drawn; none of it changes a picture, but for roundings.

    Attributes:
        batch: Pictures that are drawn together at most.
        tries: How often a picture is tried that fails, or over which a worker dies.
        threads: Threads of a worker; None leaves it to torch. Another number adds up in another order:
            pictures are the same to the eye, and not to the bit.
        device: Where a worker computes, in place of what the model's arguments say; None keeps that.
    """

    batch: int = 4
    tries: int = 3
    threads: int | None = None
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A stretch of items that one worker draws.

    Attributes:
        chunk: The file of items.
        start: The first of them in the chunk.
        stop: The one after the last.
    """

    chunk: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its name, for what is kept of it."""
        return f"{self.chunk:06d}{self.start:03d}"

    def to_json(self) -> dict[str, int]:
        """Return it as plain JSON data."""
        return dict(vars(self))
