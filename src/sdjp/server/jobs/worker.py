"""The worker: one thread that draws what waits."""

from __future__ import annotations

import base64
import gc
import io
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from sdjp.errors import Cancelled, SdjpError, is_out_of_memory
from sdjp.server.jobs.drawing import Drawing, Row, rows_of
from sdjp.server.jobs.errors import UnexpectedError
from sdjp.server.jobs.events import Events
from sdjp.server.jobs.findings import attention_of, notes_of, record_of
from sdjp.server.jobs.record import JobRecord, JobRequest, State
from sdjp.server.jobs.store import JobStore

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.pipeline import Pipeline, Progress
    from sdjp.result import GenerationResult

_LOG: Final = logging.getLogger("sdjp.server")
PREVIEW_SIDE: Final = 256  # pixels
PREVIEW_EVERY: Final = 0.3  # seconds


class Models(Protocol):
    """Where the worker has its models from."""

    def pipeline(self, name: str | None) -> Pipeline:
        """The model of a name, loaded."""
        ...


class Worker:
    """Draws jobs, and says what becomes of them.

    Args:
        store: Where they are.
        models: What to draw with.
        events: Who is told.
        batch: Pictures that are drawn together at most.
        wanted: Whether someone looks at previews of a job.
        tell: Called with the id of a job whose state has changed.
        stopping: Set when the server stops: the batch that is drawn now is finished, the rest waits.
    """

    def __init__(
        self,
        store: JobStore,
        models: Models,
        events: Events,
        *,
        batch: int,
        wanted: Callable[[str], bool],
        tell: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        self._store = store
        self._models = models
        self._events = events
        self._batch = batch
        self._wanted = wanted
        self._tell = tell
        self._stopping = stopping
        self._dropped: set[str] = set()
        self._previewed = 0.0
        self._prompts: dict[str, dict[int, Mapping[str, Any]]] = {}
        self._notes: dict[str, dict[str, Mapping[str, str]]] = {}
        self.now: Drawing | None = None
        self.previews: dict[str, bytes] = {}

    def drop(self, job: str) -> None:
        """Draw no more of a job."""
        self._dropped.add(job)

    def draw(self, jobs: Sequence[JobRecord]) -> None:
        """Draw jobs together; whatever happens, each of them is over after that, or waits again."""
        try:
            jobs = self._store.start([job.id for job in jobs])  # without those that are cancelled by now
            if not jobs:
                return
            for job in jobs:
                self._tell(job.id)
            pipe = self._models.pipeline(jobs[0].request.model)
            if jobs[0].request.task == "upscale":
                self._upscale(jobs[0], pipe)
            else:
                self._generate(jobs, pipe)
        except Cancelled:
            self._end(jobs)
        except Exception as error:
            if len(jobs) == 1:
                self._fail(jobs[0], error)
            else:  # perhaps on account of one of them
                self._put_back(jobs)
                for job in () if self._stopping.is_set() else jobs:
                    self.draw([job])
        finally:
            self.now = None
            for job in jobs:
                self.previews.pop(job.id, None)
                self._prompts.pop(job.id, None)
                self._notes.pop(job.id, None)
                self._dropped.discard(job.id)

    def _end(self, jobs: Sequence[JobRecord]) -> None:
        """Jobs that were stopped: those that are cancelled stay so, the others wait for the next start."""
        self._put_back([job for job in jobs if job.id not in self._dropped])
        for job in jobs:
            if job.id in self._dropped:
                self._settle(job, "cancelled")

    def _put_back(self, jobs: Sequence[JobRecord]) -> None:
        for job in self._store.put_back([job.id for job in jobs]):
            self._tell(job)

    def _fail(self, job: JobRecord, error: Exception) -> None:
        known = _known(error)
        if isinstance(known, UnexpectedError):
            _LOG.exception("job %s", job.id, exc_info=error)
        self._settle(job, "failed", known)
        gc.collect()

    def _settle(self, job: JobRecord, state: State, error: SdjpError | None = None) -> None:
        if self._store.settle(job.id, state, error):
            self._tell(job.id)

    def _generate(self, jobs: Sequence[JobRecord], pipe: Pipeline) -> None:
        rows = [row for job in jobs for row in rows_of(job)]
        drawing = self.now = Drawing(rows=rows, size=max(min(self._batch, len(rows)), 1))
        request = jobs[0].request
        options = {f: getattr(request.options, f) for f in request.options.__dataclass_fields__}
        options.update(
            prompt=[row.prompt for row in rows],
            negative_prompt=[row.negative or "" for row in rows],
            seed=[row.seed for row in rows],
            num_images_per_prompt=1,
        )
        if not any(options["negative_prompt"]):
            options["negative_prompt"] = None
        finished = {job.id: job.request.count - sum(row.job.id == job.id for row in rows) for job in jobs}
        if rows:
            stream = pipe.stream(
                **options,
                **self._inputs(request),
                batch_size=drawing.size,
                progress=False,
                on_step=self._on_step,
            )
            for result in stream:
                batch = drawing.batch
                for i, row in enumerate(batch):
                    if row.job.id not in self._dropped:
                        self._keep(row, result, i)
                        finished[row.job.id] += 1
                drawing.finished += len(batch)
                drawing.step = 0
                for job in {row.job.id: row.job for row in batch}.values():
                    if finished[job.id] == job.request.count:
                        self._settle(job, "done")
                if self._stopping.is_set() and drawing.finished < len(rows):
                    raise Cancelled("stopped", ja="サーバーを終了します。", en="the server stops.")
        for job in jobs:
            if job.id in self._dropped:
                self._settle(job, "cancelled")
            elif not any(row.job.id == job.id for row in rows):  # all of it was finished before a restart
                self._settle(job, "done")

    def _upscale(self, job: JobRecord, pipe: Pipeline) -> None:
        request = job.request
        row = Row(job=job, index=0, prompt=None, negative=None, seed=0)
        self.now = Drawing(rows=[row], size=1)
        given = {name: getattr(request.options, name) for name in _OF_UPSCALE}
        assert request.image is not None
        result = pipe.upscale(
            self._picture(request.image),
            request.options.prompt,  # type: ignore[arg-type]  # request.py takes one prompt here
            factor=request.factor or 2.0,
            strength=request.strength,
            progress=False,
            on_step=self._on_step,
            **given,
        )
        self._keep(row, result, 0)
        self._settle(job, "done")

    def _keep(self, row: Row, result: GenerationResult, i: int) -> None:
        """Keep one picture: on disk first, then tell of it."""
        png = result.png(i)
        picture = record_of(row, result, i, size=len(png))
        attention = attention_of(result, i) if result.attentions else None
        drawn = self._learnt(row, result, i)
        if self._store.pictures.keep(picture, png, owner=row.job.owner, attention=attention, drawn=drawn):
            self._events.publish(row.job.id, "picture", picture.to_json())

    def _learnt(self, row: Row, result: GenerationResult, i: int) -> Mapping[str, Any]:
        """What is known of a job with one more of its pictures: each prompt and each note once."""
        before, request = row.job, row.job.request  # pictures are drawn in order: so were those of a crash
        prompts = self._prompts.setdefault(before.id, dict(enumerate(before.prompts)))
        notes = self._notes.setdefault(before.id, {note["en"]: note for note in before.notes})
        info = result.prompts[i]
        if info is not None:
            prompts[row.index // request.options.num_images_per_prompt] = info.to_json()
        notes.update({note["en"]: note for note in notes_of(result, i)})
        given = request.options.to_json()
        return {
            "options": {**result.options.to_json(), **{name: given[name] for name in _GIVEN}},
            "prompts": [prompts[group] for group in sorted(prompts)],
            "notes": list(notes.values()),
        }

    def _inputs(self, request: JobRequest) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if request.image is not None:
            found["image"] = self._picture(request.image)
        if request.mask is not None:
            found["mask"] = self._picture(request.mask)
        if request.image_prompt:
            found["image_prompt"] = [self._picture(name) for name in request.image_prompt]
        if request.controls:
            from sdjp.generation.controls import Control

            found["controls"] = [
                Control(**{**vars(control), "image": self._picture(control.image)})
                for control in request.controls
            ]
        return found

    def _picture(self, name: str) -> Image:
        from sdjp import images

        return images.with_origin(images.open_picture(self._store.inputs.where(name)), {"sha256": name})

    def _on_step(self, progress: Progress) -> bool | None:
        drawing = self.now
        assert drawing is not None
        drawing.step, drawing.total = progress.index, progress.total
        jobs = {row.job.id for row in drawing.rows[drawing.finished :]}
        if jobs <= self._dropped:
            return False
        for job in jobs:
            self._events.publish(job, "progress", drawing.progress(job).to_json())
        if time.monotonic() - self._previewed >= PREVIEW_EVERY:
            self._preview(progress, drawing)
        return None

    def _preview(self, progress: Progress, drawing: Drawing) -> None:
        seen: set[str] = set()
        for i, row in enumerate(drawing.batch):
            job = row.job.id
            if job in seen or job in self._dropped or not self._wanted(job):
                continue
            seen.add(job)  # one of each job is enough to see how it goes
            image = progress.preview(i)
            image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
            buffer = io.BytesIO()
            image.save(buffer, format="JPEG", quality=80)
            self.previews[job] = buffer.getvalue()
            text = base64.b64encode(self.previews[job]).decode("ascii")
            self._events.publish(
                job, "preview", {"index": row.index, "image": f"data:image/jpeg;base64,{text}"}
            )
            self._previewed = time.monotonic()


_OF_UPSCALE: Final = (
    *("negative_prompt", "num_inference_steps", "guidance_scale", "sampler", "seed", "translate"),
    *("tile", "overlap", "upscaler", "loras", "clip_skip", "preset"),
)
"""Options that ``Pipeline.upscale`` takes."""

_GIVEN: Final = ("prompt", "negative_prompt", "seed", "num_images_per_prompt")
"""Options of a job that are those of its request, not of a picture or of its batch."""


def _known(error: Exception) -> SdjpError:
    if isinstance(error, SdjpError):
        return error
    if is_out_of_memory(error):
        return SdjpError(
            "memory.full",
            ja="メモリーが足りません。絵を小さくするか、枚数を減らしてください。",
            en="out of memory. Choose a smaller size or fewer pictures.",
        )
    return UnexpectedError.of(error)
