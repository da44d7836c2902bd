"""A job from its input to its manifest: planned, drawn, and told of."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from sdjp import checks
from sdjp.batch.checking.findings import Verification
from sdjp.batch.checking.verify import verify
from sdjp.batch.entries import chunks, read_chunk
from sdjp.batch.item import Refused
from sdjp.batch.lease import Lease
from sdjp.batch.manifest import write_manifest
from sdjp.batch.pending import pending, tasks
from sdjp.batch.pipelines import checksums, for_checks, loader, plain
from sdjp.batch.places import CHUNK, SUCCESS
from sdjp.batch.plan import write_plan
from sdjp.batch.rows.read import called, digest, format_of
from sdjp.batch.sinks import Event
from sdjp.batch.spec import PIPELINE, Job, JobSpec, RunSettings
from sdjp.batch.stores.base import Store
from sdjp.batch.stores.opening import open_store
from sdjp.batch.summary.page import write_summary
from sdjp.batch.summary.tally import Tally
from sdjp.batch.tries import clear
from sdjp.choices import OutputFormat
from sdjp.errors import InputError
from sdjp.images.encoding import checked_quality

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

EngineName: TypeAlias = Literal["local", "ray"]
SHARDS: Final = (50, 100, 125, 200, 250, 500, 1000)
"""Pictures of a shard: a chunk is whole shards."""

_TASKS: Final = 8  # for each worker at least, if there are so many pictures: none waits long for the last one
_LONGEST: Final = 64  # items


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What draws, and how much of it at once; none of it changes a picture, but for roundings (``threads``).

    Attributes:
        name: ``"local"``: processes of this machine. ``"ray"``: a cluster, or a local one.
        workers: Processes; None for as many as there are processors, or GPUs.
        threads: Threads of each; None for one, if there are several workers.
        batch: Pictures drawn together at most.
        tries: How often a picture is tried that fails, or over which a worker dies.
        address: Of a cluster, for ``"ray"``; None starts one on this machine.
        ship_weights: Send the weights to each node of the cluster, for ``"ray"``.
    """

    name: EngineName = "local"
    workers: int | None = None
    threads: int | None = None
    batch: int = 4
    tries: int = 3
    address: str | None = None
    ship_weights: bool = False

    def __post_init__(self) -> None:
        checks.choice("engine", self.name, get_args(EngineName))
        checks.count("batch_size", self.batch, label="一度に描く枚数")
        checks.count("tries", self.tries, label="試す回数")
        if self.workers is not None:
            checks.count("workers", self.workers, label="ワーカーの数")
        if self.threads is not None:
            checks.count("threads", self.threads, label="スレッドの数")


@dataclass(frozen=True, kw_only=True)
class BatchSummary:
    """What became of a job.

    Attributes:
        out: Its place.
        drawn: Pictures that are there.
        failed: Pictures that could not be drawn; running the job again tries them again.
        refused: Rows that cannot be drawn.
        missing: Pictures that nobody has tried.
        seconds: What this run took.
        manifest: The file of the manifest.
        page: The file of the summary.
    """

    out: str
    drawn: int
    failed: int
    refused: int
    missing: int
    seconds: float
    manifest: str
    page: str

    @property
    def complete(self) -> bool:
        """Whether every picture is there that can be."""
        return not self.failed and not self.missing


@dataclass(kw_only=True)
class Watch:
    """Who is told how a job goes.

    Attributes:
        loaded: Called with the model that the input is checked with, when a job is planned.
        planned: Called with the job and the pictures that are there already.
        refused: Called with each bad row, while the input is checked.
        event: Called with what happens to each item.
    """

    loaded: Callable[[Pipeline], None] = field(default=lambda pipe: None)
    planned: Callable[[Job, int], None] = field(default=lambda job, done: None)
    refused: Callable[[Refused], None] = field(default=lambda row: None)
    event: Callable[[Event], None] = field(default=lambda event: None)


def run_batch(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    seed: int | None = None,
    format: str | None = None,
    picture_format: OutputFormat = "png",
    quality: int | None = None,
    shard: int | None = None,
    strict: bool = False,
    load: str = PIPELINE,
    engine: Engine | None = None,
    watch: Watch | None = None,
) -> BatchSummary:
    """Draw every row of a file. What is done is never done again: call it again after whatever happened.

    Args:
        source: A file of prompts: ``.txt``, ``.jsonl``, ``.csv``, ``.parquet``; its path, or its address for
            fsspec.
        out: The folder of the job, or its address, such as ``"s3://bucket/job"``; one of another job is
            refused.
        options: Options for all rows that do not say otherwise, as :class:`sdjp.options.GenerationOptions`.
        model: Arguments of ``Pipeline.from_pretrained`` that JSON can hold, such as ``{"source": "mini"}``.
        seed: Picture i of the job has seed + i, unless its row has a seed; chosen once, if None.
        format: Of the input; by the ending of its name, if None.
        picture_format: What pictures are written as: ``"png"``, ``"jpeg"`` or ``"webp"``.
        quality: Of JPEG and WebP, 1 to 100; 95, if None.
        shard: Put so many pictures in one tar file (WebDataset), of :data:`SHARDS`; None for single files.
        strict: Refuse an input with a row that cannot be drawn; else such rows are told and recorded.
        load: What loads the model, ``"module:function"``; it is called with ``model``.
        engine: What draws.
        watch: Who is told how it goes.

    Raises:
        InputError: If something cannot be used, or the folder is another job's, or someone works on it.
        StoreError: If the folder cannot be read or written; what is drawn stays, and the job can go on.
        SdjpError: If the model cannot be loaded, or workers die before they draw anything.
    """
    began = time.monotonic()
    source, out = _place(source), _place(out)
    engine = Engine() if engine is None else engine
    watch = Watch() if watch is None else watch
    _check_shard(shard)
    quality = checked_quality(picture_format, quality)
    store = open_store(out)
    with Lease.take(store) as lease:
        known = _known(store)
        arguments = plain(model or {})
        spec = JobSpec(
            input={
                "name": called(source).rpartition("/")[2],
                "sha256": digest(source),
                "format": format_of(source, format),
            },
            model=arguments,
            weights=checksums(arguments),
            load=load,
            options=dict(options or {}),
            seed=_seed(seed, known),
            shard=shard,
            picture_format=picture_format,
            quality=quality,
        )
        if known is not None and known.spec.fingerprint != spec.fingerprint:
            raise _other(out, known.spec.differences(spec))
        job = known or _plan(source, store, spec, watch, format=format, strict=strict)
        if job.spec != spec:  # the same files under other names
            job = replace(job, spec=spec)
            job.write(store)
        left = sum(pending(store, job, read_chunk(store, job, chunk), chunk).count for chunk in chunks(job))
        watch.planned(job, job.count - job.refused - left)
        if left:
            _draw(job, store, left, engine, watch, lease.check)
            clear(store, chunks(job))
        lease.check()
        return _concluded(store, began)


def verify_batch(
    out: str | os.PathLike[str], *, tell: Callable[[int, int], None] | None = None
) -> Verification:
    """Read all pictures of a job and compare them with their records; remove what crashes have left.

    Args:
        out: The folder of the job, or its address.
        tell: Told now and then how many pictures were looked at, and of how many.

    Raises:
        InputError: If there is no job, or someone works on it.
        StoreError: If the folder cannot be read or written.
    """
    store = _store_of(out)
    with Lease.take(store):
        return verify(store, tell)


def conclude_batch(out: str | os.PathLike[str]) -> BatchSummary:
    """Make the manifest and the summary of a job anew, as far as it is.

    Args:
        out: The folder of the job, or its address.

    Raises:
        InputError: If there is no job, or someone works on it.
        StoreError: If the folder cannot be read or written.
    """
    began = time.monotonic()
    store = _store_of(out)
    with Lease.take(store):
        return _concluded(store, began)


def _concluded(store: Store, began: float) -> BatchSummary:
    """Write what is made of the records."""
    tally = Tally(shards=Job.read(store).spec.shard is not None)
    counts = write_manifest(store, tally.add)
    page = write_summary(store, tally)
    if not counts.failed and not counts.missing:
        store.write(SUCCESS, b"")
    return BatchSummary(
        out=store.url,
        drawn=counts.drawn,
        failed=counts.failed,
        refused=counts.refused,
        missing=counts.missing,
        seconds=time.monotonic() - began,
        manifest=counts.name,
        page=page,
    )


def _store_of(out: str | os.PathLike[str]) -> Store:
    """The place of a job that is there."""
    store = open_store(_place(out))
    if _known(store) is None:
        raise InputError(
            "batch.none",
            ja=f"{store.url} にジョブはありません。描いたときの --out を指定してください。",
            en=f"there is no job in {store.url}. Give the folder that was --out of sdjp batch.",
        )
    return store


def _plan(source: str, store: Store, spec: JobSpec, watch: Watch, *, format: str | None, strict: bool) -> Job:
    pipe = loader(spec.load)(**for_checks(spec.model))
    watch.loaded(pipe)
    return write_plan(source, store, spec, pipe, format=format, strict=strict, tell=watch.refused)


def _draw(job: Job, store: Store, left: int, engine: Engine, watch: Watch, check: Callable[[], None]) -> None:
    settings = RunSettings(batch=engine.batch, tries=engine.tries, threads=engine.threads)
    if engine.name == "ray":
        from sdjp.batch.ray_engine import cluster

        cluster.draw_all(
            store.url,
            tasks(store, job, _task_size(job, left, engine, engine.workers or 64)),
            settings,
            workers=engine.workers,
            address=engine.address,
            ship_weights=engine.ship_weights,
            tell=watch.event,
            check=check,
        )
        return
    from sdjp.batch import local

    workers, settings = local.team(job, settings, workers=engine.workers)
    local.draw_all(
        store.url,
        tasks(store, job, _task_size(job, left, engine, workers)),
        settings,
        workers=min(workers, left),
        tell=watch.event,
        check=check,
    )


def _task_size(job: Job, left: int, engine: Engine, workers: int) -> int:
    """Items of a task: whole batches, or whole groups."""
    if job.spec.shard is not None:
        return job.spec.shard
    fair = left // (workers * _TASKS)
    size = max(1, min(fair, _LONGEST) // engine.batch) * engine.batch
    return min(size, CHUNK)


def _known(store: Store) -> Job | None:
    try:
        return Job.read(store)
    except FileNotFoundError:
        return None


def _seed(seed: int | None, known: Job | None) -> int:
    if seed is not None:
        return seed
    return secrets.randbelow(2**32) if known is None else known.spec.seed


def _place(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not text:
        raise InputError(
            "batch.empty",
            ja="ファイルか保存先の名前が空です。",
            en="the name of the file, or of the place to write to, is empty.",
        )
    return text if "://" in text else os.path.expanduser(text)


def _check_shard(shard: int | None) -> None:
    if shard is not None:
        checks.choice("shard", shard, SHARDS)


def _other(out: str, differences: list[str]) -> InputError:
    what = ", ".join(differences)
    return InputError(
        "batch.other_job",
        ja=f"{out} には別のジョブがあります（違うもの: {what}）。同じ設定で実行するか、"
        "--out に別のフォルダーを指定してください。",
        en=f"there is another job in {out} (different: {what}). Run it with the same settings, or give "
        "another folder with --out.",
    )
