"""A run: its parts, each with LoRAs of its own, and their batches, one after the other."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sdjp.addons import Addons
from sdjp.attention import PictureAttention
from sdjp.generation.draw import draw
from sdjp.generation.encode import encode
from sdjp.generation.job import Job
from sdjp.generation.model import Model
from sdjp.generation.progress import Watch
from sdjp.postprocess import PostProcessor, Watermark
from sdjp.postprocess import run as postprocess
from sdjp.records import Runtime, Timings
from sdjp.result import GenerationResult
from sdjp.text.prompt_check import PromptChecker

if TYPE_CHECKING:
    from tqdm import tqdm


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """The parts of a pipeline that every run needs.

    Attributes:
        model: What to draw with, without the add-ons of one run.
        addons: Where its LoRAs and its textual inversion come from.
        prompt_checker: Looks at prompts; None looks at none.
        postprocessors: What happens to finished pictures, in order.
        runtime: For the record of a picture.
    """

    model: Model
    addons: Addons
    prompt_checker: PromptChecker | None
    postprocessors: Sequence[PostProcessor]
    runtime: Runtime

    def batches(self, job: Job, batch_size: int, watch: Watch) -> Iterator[GenerationResult]:
        """Draw a job, giving each batch as soon as it is finished."""
        parts = list(job.by_loras())  # nearly always one
        if len(parts) > 1 and self.prompt_checker is not None:  # refused before the first part is drawn
            model = self.model.equipped(self.addons, job.prompts, {})
            prompts = model.reader.read(job.prompts, translate=job.options.translate)
            self.prompt_checker.check([prompt.info for prompt in prompts])
        with watch.open_bar(parts, batch_size) as bar:
            for part in parts:
                model = self.model.equipped(self.addons, [*part.prompts, *part.negatives], part.loras)
                yield from self._part(part, model, batch_size, watch, bar)

    def _part(
        self, job: Job, model: Model, batch_size: int, watch: Watch, bar: tqdm[None]
    ) -> Iterator[GenerationResult]:
        """Encode, sample, decode, post-process."""
        start = time.perf_counter()
        encoded = encode(job, model, self.prompt_checker)
        encoding = time.perf_counter() - start
        for first in range(0, job.count, batch_size):
            rows = range(first, min(first + batch_size, job.count))
            drawing = draw(
                job, rows, model, encoded.cond, encoded.uncond, watch.of_batch(job, bar, model.decoded)
            )
            decoded = time.perf_counter()
            with model.on_demand.loaded("safety"):
                pictures, reports = postprocess(self.postprocessors, drawing.pictures)
            yield GenerationResult(
                images=tuple(pictures),
                seeds=tuple(job.seeds[i] for i in rows),
                prompts=tuple(encoded.prompts[i] for i in rows),
                negative_prompts=tuple(encoded.negative_prompts[i] for i in rows),
                options=dataclasses.replace(job.options, seed=job.seeds[0]),
                reports=tuple(
                    model.reports + encoded.reports[i] + of_one
                    for i, of_one in zip(rows, reports, strict=True)
                ),
                timings=Timings(
                    encode=encoding,
                    sample=drawing.sampling,
                    decode=drawing.decoding,
                    postprocess=time.perf_counter() - decoded,
                ),
                model=model.config.name,
                runtime=self.runtime,
                latents=drawing.latents,
                origins=tuple(job.origins[i] for i in rows) if job.origins else ({},) * len(rows),
                marks=tuple(p for p in self.postprocessors if isinstance(p, Watermark)),
                attentions=()
                if drawing.attention is None
                else tuple(
                    PictureAttention(shares=shares, alignment=encoded.alignments[i])
                    for i, shares in zip(rows, drawing.attention.numpy(), strict=True)
                ),
            )
            encoding = 0.0
