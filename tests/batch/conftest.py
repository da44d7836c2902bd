"""Fixtures of jobs: a job that a new user draws, and processes that are gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sdjp.batch.stores.base import Store
from sdjp.pipeline import Pipeline
from tests.batch import jobs

ROWS: list[dict[str, object] | str] = [
    *jobs.prompt_rows(9),
    {"id": "三枚", "prompt": "雪の街の猫", "num_images_per_prompt": 3},
    {"prompt": "森の猫", "width": 96, "guidance_scale": 5.0},
    {"prompt": "sunset over the sea", "seed": 123, "sampler": "euler"},
    {"prompt": "海", "num_inference_steps": 2, "negative_prompt": "船"},
    {"prompt": "森の猫", "width": 65},
    "{これは JSON ではない",
    {"prompt": "とても長い" + "、森の中の小さな赤い家" * 40},
    *jobs.prompt_rows(4),
]
"""Twenty pictures, and two rows that cannot be drawn."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A job that is drawn.

    Attributes:
        source: Its input.
        out: Its folder.
        store: The same.
        code: With which the command ended.
        said: What it said.
    """

    source: Path
    out: Path
    store: Store
    code: int
    said: str


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """A job as a new user draws it, by the command; do not change it."""
    folder = tmp_path_factory.mktemp("batch")
    source, out, log = jobs.write_rows(folder / "絵.jsonl", ROWS), folder / "出力", folder / "log"
    with jobs.processes(folder.name) as own:
        command = jobs.batch(source, out, *jobs.SMALL, "--workers", "2", "--batch-size", "4")
        code = jobs.start(command, own, log).wait(jobs.PATIENCE)
    return Drawn(source=source, out=out, store=jobs.job_at(out), code=code, said=log.read_text("utf-8"))


@pytest.fixture(scope="session")
def embedded() -> Pipeline:
    """The embedded model as a job loads it; do not change it."""
    return Pipeline.from_pretrained()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[jobs.Processes]:
    """The processes of a test; none of them is left."""
    with jobs.processes(str(tmp_path)) as found:
        yield found
