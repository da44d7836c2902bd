"""The contents of a checkpoint, without loading it: only tables of contents are read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sdjp.config import ModelConfig, to_json
from sdjp.errors import SdjpError, WeightsError
from sdjp.licences.model import ModelLicence
from sdjp.weights.checkpoint import Checkpoint, open_checkpoint
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import Entry
from sdjp.weights.known import KNOWN, LICENSE, Known, sha256
from sdjp.weights.licence import licence_at
from sdjp.weights.match import match
from sdjp.weights.names.maps import ldm
from sdjp.weights.source import Source, locate

Kinds = Literal["plain", "ema", "both", "none"]

PARTS: Final = (
    ("ema", (ldm.EMA,)),
    ("unet", (ldm.UNET, "unet/")),
    ("vae", (ldm.VAE, "vae/")),
    ("text", ("cond_stage_model.", "text_encoder/")),
)
"""Parts of a model and what the names of their tensors begin with; the rest is ``"other"``."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a file.

    Attributes:
        tensors: How many.
        parameters: Numbers in them.
        dtypes: Tensors of each dtype.
    """

    tensors: int
    parameters: int
    dtypes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class About:
    """The contents of a file or folder.

    Attributes:
        path: Where it is.
        size: Bytes of all files of tensors.
        layout: ``"ldm"`` or ``"diffusers"``; None if it is no model that sdjp can load.
        parts: ``"unet"``, ``"vae"``, ``"text"``, ``"ema"``, ``"other"``: those that are there.
        kinds: Which weights of the UNet: ``"plain"`` names alone, ``"ema"`` names alone, ``"both"``.
        config: The model; None if it is none.
        problem: Why sdjp cannot load it; None if it can.
        sha256: Of each file, by its name; empty if they were not read.
        known: The published file that it is; None if it is none of those, or was not read.
        licence: Its licence, as far as that is known.
    """

    path: Path
    size: int
    layout: str | None
    parts: Mapping[str, Part]
    kinds: Kinds
    config: ModelConfig | None
    problem: SdjpError | None
    sha256: Mapping[str, str]
    known: Known | None
    licence: ModelLicence

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain JSON data."""
        known = self.known
        return {
            "path": str(self.path),
            "size": self.size,
            "layout": self.layout,
            "parts": {
                name: {"tensors": p.tensors, "parameters": p.parameters, "dtypes": dict(p.dtypes)}
                for name, p in self.parts.items()
            },
            "kinds": self.kinds,
            "config": None if self.config is None else to_json(self.config),
            "problem": None if self.problem is None else self.problem.code,
            "sha256": dict(self.sha256),
            "license": self.licence.name,
            "known": None
            if known is None
            else {"file": known.file, "model": known.model, "holds": known.holds, "license": LICENSE},
        }


def describe(source: str | Path | Source, *, checksums: bool = True) -> About:
    """Look at a checkpoint; no weights are loaded.

    Args:
        source: What :func:`sdjp.weights.load` takes.
        checksums: Read the files whole for their SHA-256, which also tells published files.

    Raises:
        WeightsError: If there is nothing, or no file of tensors.
    """
    path = locate(source).path
    try:
        opened = open_checkpoint(path)
        layout, config, files = opened.layout, opened.config, opened.files
        entries = {name: stored.entry for name, stored in opened.tensors.items()}
        problem = _problem_of(opened)
    except WeightsError as error:
        if path.is_dir():
            raise
        entries = dict(open_file(path).entries)  # a part of a model, or another one: say what is there
        layout, config, files, problem = None, None, (path,), error
    parts = _parts(entries.items())
    digests = {file.name: sha256(file) for file in files} if checksums else {}
    known = KNOWN.get(digests.get(files[0].name, "")) if len(files) == 1 else None
    return About(
        path=path,
        size=sum(file.stat().st_size for file in files),
        layout=layout,
        parts=parts,
        kinds=_kinds(parts),
        config=config,
        problem=problem,
        sha256=digests,
        known=known,
        licence=licence_at(path, known=known),
    )


def _problem_of(opened: Checkpoint) -> SdjpError | None:
    """The error that a loader would raise."""
    try:
        match(opened)
    except WeightsError as error:
        return error
    return None


def _parts(entries: Iterable[tuple[str, Entry]]) -> dict[str, Part]:
    groups: dict[str, list[Entry]] = {}
    for name, entry in entries:
        part = next((part for part, prefixes in PARTS if name.startswith(prefixes)), "other")
        groups.setdefault(part, []).append(entry)
    order = ["unet", "vae", "text", "ema", "other"]
    return {
        part: Part(
            tensors=len(groups[part]),
            parameters=sum(math.prod(entry.shape) for entry in groups[part]),
            dtypes=Counter(str(entry.dtype).removeprefix("torch.") for entry in groups[part]),
        )
        for part in sorted(groups, key=order.index)
    }


def _kinds(parts: Mapping[str, Part]) -> Kinds:
    # The two counters of an average (decay, num_updates) are no weights.
    averaged = parts["ema"].tensors > 2 if "ema" in parts else False
    plain = "unet" in parts
    return "both" if averaged and plain else "ema" if averaged else "plain" if plain else "none"
