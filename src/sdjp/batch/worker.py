"""The worker: draws the items of a task and commits each; every engine runs this one."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sdjp.batch.alike import batches
from sdjp.batch.entries import read_chunk
from sdjp.batch.item import Item, as_json
from sdjp.batch.pending import pending
from sdjp.batch.pipelines import loader
from sdjp.batch.places import FAILURES, file_name
from sdjp.batch.record import FailureRecord, PictureRecord, write_record
from sdjp.batch.shards import ShardSink
from sdjp.batch.sinks import Event, FileSink, Sink, Tell
from sdjp.batch.spec import Job, RunSettings, Task
from sdjp.batch.stores.base import StoreError
from sdjp.batch.stores.opening import open_store
from sdjp.batch.tries import Tries
from sdjp.errors import SdjpError, is_out_of_memory
from sdjp.images.encoding import QUALITY

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline
    from sdjp.records import Report
    from sdjp.result import GenerationResult

_HOST: Final = platform.node()


class Worker:
    """Draws tasks of a job.

    Args:
        out: The place of the job, which is planned.
        settings: How it is drawn.
        pipe: Its model, if it is loaded already.

    Raises:
        StoreError: If the place cannot be read.
        SdjpError: If the model cannot be loaded.
    """

    def __init__(self, out: str, settings: RunSettings, *, pipe: Pipeline | None = None) -> None:
        self._store = open_store(out)
        self._settings = settings
        self.job = Job.read(self._store)
        self._pipe = load_pipeline(self.job, settings) if pipe is None else pipe
        self._name = f"{_HOST}:{os.getpid()}"

    def draw(self, task: Task, tell: Tell) -> None:
        """Draw what a task still lacks.

        Args:
            task: The task.
            tell: Told of each item.

        Raises:
            StoreError: If the place of the job cannot be used. Whatever is wrong with an item is a record.
        """
        items = read_chunk(self._store, self.job, task.chunk)[task.start : task.stop]
        todo = pending(self._store, self.job, items, task.chunk)
        if not todo:
            return
        tries, ending = Tries(self._store, task), self.job.spec.ending
        for group in todo.groups:
            self._draw(group.items, ShardSink(self._store, group, ending, tell), tries, tell)
        self._draw(todo.singles, FileSink(self._store, ending, tell), tries, tell)
        tries.end()

    def _draw(self, items: Sequence[Item], sink: Sink, tries: Tries, tell: Tell) -> None:
        # What workers died over comes first: a group is drawn anew from its beginning.
        items = sorted(items, key=lambda item: tries.deaths(item.number), reverse=True)
        most = 1 if tries.careful else self._settings.batch
        for batch in batches(items, self._pipe, most):
            if tries.deaths(batch[0].number) >= self._settings.tries:
                self._give_up(batch[0], _died(), tries.deaths(batch[0].number), tell)
                continue
            tries.begin(batch[0].number)
            self._draw_batch(batch, sink, tries, tell)
        sink.close()

    def _draw_batch(self, batch: Sequence[Item], sink: Sink, tries: Tries, tell: Tell) -> None:
        attempts = 0
        while True:
            attempts += 1
            started, begun = time.time(), time.monotonic()  # a clock may be set while it is drawn
            try:
                result = self._generate(batch)
                pictures = [self._encoded(result, i) for i in range(len(batch))]
            except StoreError:
                raise
            except Exception as error:
                if len(batch) > 1:  # perhaps on account of one of them, or of all of them at once
                    for item in batch:
                        self._draw_batch([item], sink, tries, tell)
                    return
                known = _known(error)
                if isinstance(error, SdjpError) or attempts >= self._settings.tries:
                    self._give_up(batch[0], known, attempts + tries.deaths(batch[0].number), tell)
                    return
                continue
            seconds = (time.monotonic() - begun) / len(batch)
            for i, item in enumerate(batch):
                count = attempts + tries.deaths(item.number)
                sink.keep(self._record(item, result, i, pictures[i], started, seconds, count), pictures[i])
            return

    def _generate(self, batch: Sequence[Item]) -> GenerationResult:
        options = batch[0].options
        given = {f.name: getattr(options, f.name) for f in fields(options)}
        negatives = [item.options.negative_prompt or "" for item in batch]
        given.update(
            prompt=[item.options.prompt for item in batch],
            negative_prompt=negatives if any(negatives) else None,
            seed=[item.options.seed for item in batch],
            num_images_per_prompt=1,
        )
        return self._pipe.generate(**given, progress=False)

    def _encoded(self, result: GenerationResult, i: int) -> bytes:
        spec = self.job.spec
        return result.encode(i, format=spec.picture_format, quality=spec.quality or QUALITY)

    def _record(
        self,
        item: Item,
        result: GenerationResult,
        i: int,
        picture: bytes,
        started: float,
        seconds: float,
        attempts: int,
    ) -> PictureRecord:
        info, image = result.prompts[i], result.images[i]
        reports = {report.name: report for report in result.reports[i]}
        return PictureRecord(
            number=item.number,
            id=item.id,
            row=item.row,
            copy=item.copy,
            key=item.key,
            file="",
            sha256=hashlib.sha256(picture).hexdigest(),
            bytes=len(picture),
            width=image.width,
            height=image.height,
            prompt=str(item.options.prompt),
            english="" if info is None else info.english,
            unknown=() if info is None else info.unknown,
            truncated="" if info is None else info.truncated,
            seed=result.seeds[i],
            options=result.options_of(i).to_json(),
            safety=_found(reports.get("safety")),
            watermark=_found(reports.get("watermark")),
            model=result.model,
            runtime=None if result.runtime is None else result.runtime.to_json(),
            started=started,
            seconds=seconds,
            attempts=attempts,
            worker=self._name,
        )

    def _give_up(self, item: Item, error: SdjpError, attempts: int, tell: Tell) -> None:
        record = FailureRecord(
            number=item.number,
            id=item.id,
            row=item.row,
            copy=item.copy,
            key=item.key,
            prompt=str(item.options.prompt),
            error=as_json(error),
            attempts=attempts,
            time=time.time(),
            worker=self._name,
        )
        self._store.write(file_name(FAILURES, item.number, item.id, suffix=".json"), write_record(record))
        tell(Event(kind="failed", number=item.number, row=item.row, error=record.error))


def load_pipeline(job: Job, settings: RunSettings) -> Pipeline:
    """Load the model of a job.

    Raises:
        SdjpError: If it cannot be loaded.
    """
    model = dict(job.spec.model)
    if settings.device is not None:
        model["device"] = settings.device
    load = loader(job.spec.load)
    try:
        return load(**model)
    except SdjpError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise SdjpError(
            "batch.load_failed",
            ja=f"ワーカーがモデルを読み込めません（{what}）。",
            en=f"a worker cannot load the model ({what}).",
        ) from error


def workers_died() -> SdjpError:
    """The error for workers that die whatever they do."""
    return SdjpError(
        "batch.workers",
        ja="ワーカーのプロセスが、1 枚も描かないうちに何度も止まりました。メモリーが足りない場合は"
        " --workers か --batch-size を減らしてください。",
        en="worker processes died again and again before they drew a single picture. If memory is "
        "short, use fewer --workers or a smaller --batch-size.",
    )


def _found(report: Report | None) -> dict[str, Any] | None:
    """What a post-processor did, for a record."""
    return None if report is None else {"status": report.status, **report.data}


def _known(error: Exception) -> SdjpError:
    if isinstance(error, SdjpError):
        return error
    if is_out_of_memory(error):
        return SdjpError(
            "memory.full",
            ja="メモリーが足りません。絵を小さくするか、--batch-size や --workers を減らしてください。",
            en="out of memory. Choose a smaller size, a smaller --batch-size or fewer --workers.",
        )
    return SdjpError(
        "batch.unexpected",
        ja=f"予期しないエラーが起きました: {type(error).__name__}: {error}",
        en=f"an unexpected error: {type(error).__name__}: {error}",
    )


def _died() -> SdjpError:
    return SdjpError(
        "batch.died",
        ja="この絵を描いている途中で、ワーカーのプロセスが何度も止まりました（メモリー不足など）。"
        "大きさか枚数を減らしてください。",
        en="worker processes died again and again while they drew this picture (perhaps out of memory). "
        "Choose a smaller size or fewer pictures.",
    )
