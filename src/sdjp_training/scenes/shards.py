"""A pool of scenes put together ahead: their records.

``pool/000.json`` holds the records of one shard; what is drawn of them is encoded by ``trainers/latents.py``.
Shards are made independently, so that a trainer can begin with the first and take in the others as they come.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import random
import time
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sdjp_training.scenes import composition
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene

log = logging.getLogger(__name__)

SHARD: Final = 2000
COUNT: Final = 60
"""Shards of a pool that is large enough for the 540 things."""


def draw_shard(folder: Path, index: int) -> None:
    """Sample one shard, and write its records."""
    artwork = Artwork(folder / "artwork")
    rng = random.Random(f"pool {index}")
    records = [composition.sample(artwork, rng) for _ in range(SHARD)]
    base = folder / "pool"
    base.mkdir(parents=True, exist_ok=True)
    text = json.dumps([dataclasses.asdict(s) for s in records], ensure_ascii=False)
    (base / f"{index:03}.json").write_text(text, encoding="utf-8")


def read_records(path: Path) -> list[Scene]:
    """Read the records of one shard; older ones have no looks."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [
        Scene(
            emojis=tuple(row["emojis"]),
            layout=row["layout"],
            place=row["place"],
            style=row["style"],
            looks=tuple(row.get("looks", ())),
        )
        for row in rows
    ]


def read(folder: Path, kind: str) -> list[tuple[list[Scene], NDArray[np.generic]]]:
    """Read (records, array) of every shard that has arrays of a kind, such as ``latents``, by now."""
    paths = sorted((folder / "pool").glob(f"*.{kind}.npy"))
    return [(read_records(p.with_name(p.name.split(".")[0] + ".json")), np.load(p)) for p in paths]


def draw(folder: Path, count: int) -> None:
    """Make ``count`` shards; those that are there are kept."""
    for index in range(count):
        start = time.time()
        if not (folder / "pool" / f"{index:03}.json").exists():
            draw_shard(folder, index)
        log.info("shard %d drawn in %.0f s", index, time.time() - start)
