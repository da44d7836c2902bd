"""What a job would be: how its rows are read, and what it would take, measured on a few of them."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.batch import local
from sdjp.batch.item import Item, Planned, Refused
from sdjp.batch.measure import Measurement, measure
from sdjp.batch.pipelines import for_checks, loader, plain
from sdjp.batch.places import CHUNK
from sdjp.batch.plan import planned
from sdjp.batch.rows.read import format_of
from sdjp.batch.run import Engine
from sdjp.batch.sinks import Event
from sdjp.batch.spec import PIPELINE, Job, JobSpec, RunSettings
from sdjp.batch.spread import Spread
from sdjp.batch.stores.local_store import LocalStore
from sdjp.batch.stores.opening import open_store
from sdjp.choices import OutputFormat
from sdjp.config.specs import Defaults
from sdjp.images.encoding import checked_quality
from sdjp.records import PromptInfo

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

READINGS: Final = 10
"""Rows that are shown as they are read: the first, the last, and others between."""

REFUSED: Final = 20
"""Rows that cannot be drawn, told one by one."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is to be drawn.

    Attributes:
        pictures: Pictures.
        pixels: Of all of them.
        cost: Steps × pixels of all of them; a picture that is enlarged counts with both of its sizes.
    """

    pictures: int = 0
    pixels: int = 0
    cost: float = 0.0

    def __add__(self, other: Size) -> Size:
        return Size(
            pictures=self.pictures + other.pictures,
            pixels=self.pixels + other.pixels,
            cost=self.cost + other.cost,
        )


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a job takes, as far as a few of its pictures tell.

    Attributes:
        measured: Pictures that were drawn for it.
        workers: Processes that draw.
        seconds: Between two pictures, on the average, with so many workers.
        total_seconds: For all pictures.
        bytes: Of a picture on the average, its record and its item included.
        total_bytes: Of all of them.
        free: Bytes that are free where the job is to be; None for a place that is no folder of this machine.
        scaled: Whether the pictures differ in steps or size, so that it is scaled by steps × pixels.
    """

    measured: int
    workers: int
    seconds: float
    total_seconds: float
    bytes: int
    total_bytes: int
    free: int | None
    scaled: bool


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What is known of a job before it is drawn.

    Attributes:
        rows: Rows of the input.
        pictures: Pictures that they ask for.
        refused: Rows that cannot be drawn.
        first_refused: The first of them.
        readings: Rows spread over the input, each with the way that its prompt takes.
        estimate: What it takes; None if none of the pictures that it would be measured on could be drawn.
        failures: What became of those that could not.
    """

    rows: int
    pictures: int
    refused: int
    first_refused: tuple[Refused, ...]
    readings: tuple[tuple[Item, PromptInfo], ...]
    estimate: Estimate | None
    failures: tuple[Event, ...] = ()


@dataclass
class _Survey:
    """What one pass over the items of a job finds."""

    items: Spread[Item]
    defaults: Defaults
    rows: int = 0
    size: Size = field(default_factory=Size)
    least: float = float("inf")
    refused: int = 0
    first_refused: list[Refused] = field(default_factory=list)
    _row: int = 0

    def add(self, item: Planned) -> None:
        self.rows += item.row != self._row
        self._row = item.row
        if isinstance(item, Refused):
            self.refused += 1
            if len(self.first_refused) < REFUSED:
                self.first_refused.append(item)
            return
        size = size_of(item, self.defaults)
        self.size += size
        self.least = min(self.least, size.cost)
        if item.copy == 0:
            self.items.add(item)


def dry_run(
    source: str,
    out: str,
    *,
    options: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    seed: int | None = None,
    format: str | None = None,
    picture_format: OutputFormat = "png",
    quality: int | None = None,
    load: str = PIPELINE,
    engine: Engine | None = None,
) -> DryRun:
    """Read and check an input, show how it is read, and measure what it takes. Nothing stays of it.

    The arguments are those of :func:`sdjp.batch.run.run_batch`. What is measured are items of the job, spread
    over the input: a batch for each worker, drawn by the engine ``local`` into a folder that is then removed.

    Raises:
        InputError: If something cannot be used.
        StoreError: If there is no room for the pictures that are drawn.
        SdjpError: If the model cannot be loaded, or workers die.
    """
    engine = Engine() if engine is None else engine
    quality = checked_quality(picture_format, quality)
    arguments = plain(model or {})
    spec = JobSpec(
        input={"name": source.rpartition("/")[2], "sha256": "", "format": format_of(source, format)},
        model=arguments,
        weights={},
        load=load,
        options=dict(options or {}),
        seed=0 if seed is None else seed,
        picture_format=picture_format,
        quality=quality,
    )
    pipe = loader(load)(**for_checks(arguments))
    settings = RunSettings(batch=engine.batch, tries=engine.tries, threads=engine.threads)
    job = Job(spec=spec, count=0, refused=0, created=time.time())
    here = engine.workers if engine.name == "local" else None
    workers, settings = local.team(job, settings, workers=here)
    most = min(workers * settings.batch, CHUNK)
    survey = _Survey(Spread(max(most, 10 * READINGS)), pipe.config.defaults)
    for item in planned(source, spec, pipe, format=format):
        survey.add(item)
    sample = survey.items.chosen(most)
    measured = measure(spec, sample, settings, workers) if sample else None
    return DryRun(
        rows=survey.rows,
        pictures=survey.size.pictures,
        refused=survey.refused,
        first_refused=tuple(survey.first_refused),
        readings=tuple((item, _read(pipe, item)) for item in survey.items.chosen(READINGS)),
        estimate=_estimate(survey, measured, free_bytes(out)) if measured and measured.pictures else None,
        failures=measured.failures if measured else (),
    )


def size_of(item: Item, defaults: Defaults) -> Size:
    """How much there is to be drawn for an item.

    Args:
        item: The item.
        defaults: Those of the model, for what the item leaves open.
    """
    options = item.options.with_preset(guidance_scale=defaults.guidance_scale)
    height, width = options.height or defaults.height, options.width or defaults.width
    steps = options.num_inference_steps or defaults.num_inference_steps
    pixels, cost = height * width, float(steps * height * width)
    if options.hires is not None:
        strength = options.hires_strength
        if strength is None:
            strength = 0.4 if defaults.upscaler is None else 0.0
        pixels = round(pixels * options.hires**2)
        cost += steps * strength * pixels
    return Size(pictures=1, pixels=pixels, cost=cost)


def free_bytes(out: str) -> int | None:
    """Bytes that are free where a job is to be; None if that is no folder of this machine."""
    store = open_store(out)
    if not isinstance(store, LocalStore):
        return None
    path = Path(store.url).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _estimate(survey: _Survey, measured: Measurement, free: int | None) -> Estimate:
    drawn = sum((size_of(item, survey.defaults) for item, _ in measured.pictures), Size())
    whole = survey.size
    seconds = sum(record.seconds for _, record in measured.pictures) / measured.workers
    total_seconds = seconds * whole.cost / drawn.cost
    total_bytes = round(measured.bytes * whole.pixels / drawn.pixels)
    return Estimate(
        measured=drawn.pictures,
        workers=measured.workers,
        seconds=total_seconds / whole.pictures,
        total_seconds=total_seconds,
        bytes=round(total_bytes / whole.pictures),
        total_bytes=total_bytes,
        free=free,
        scaled=not math.isclose(survey.least * whole.pictures, whole.cost),
    )


def _read(pipe: Pipeline, item: Item) -> PromptInfo:
    options = item.options.with_preset(guidance_scale=pipe.config.defaults.guidance_scale)
    assert isinstance(options.prompt, str)
    return pipe.explain(
        options.prompt, translate=options.translate, num_inference_steps=options.num_inference_steps
    )
