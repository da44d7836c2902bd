"""A run: its parts, each with LoRAs of its own, and their batches, one after the other."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sdjp import images
from sdjp.addons import Addons, ImagePrompter
from sdjp.attention import PictureAttention
from sdjp.generation.draw import draw
from sdjp.generation.encode import encode
from sdjp.generation.image_prompt import with_image_prompt
from sdjp.generation.job import Job
from sdjp.generation.model import Model
from sdjp.generation.progress import Watch
from sdjp.generation.seeds import seeds_of
from sdjp.generation.upscaling import report
from sdjp.options import GenerationOptions, ResolvedOptions
from sdjp.postprocess import PostProcessor, Watermark
from sdjp.postprocess import run as postprocess
from sdjp.provenance import Provenance
from sdjp.records import PromptInfo, Runtime, Timings
from sdjp.result import GenerationResult
from sdjp.text.prompt_check import PromptChecker
from sdjp.text.read import check_prompt

if TYPE_CHECKING:
    from PIL.Image import Image
    from tqdm import tqdm

    from sdjp.weights.parts.upscaler import Upscaler


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """The parts of a pipeline that every run needs.

    Attributes:
        model: What to draw with, without the add-ons of one run.
        addons: Where its LoRAs and its textual inversion come from.
        prompt_checker: Looks at prompts; None looks at none.
        postprocessors: What happens to finished pictures, in order.
        provenance: What their files say of where they come from.
        runtime: For the record of a picture.
        image_prompter: Lets the UNet look at pictures that are prompts; None where no IP-Adapter is loaded.
    """

    model: Model
    addons: Addons
    prompt_checker: PromptChecker | None
    postprocessors: Sequence[PostProcessor]
    provenance: Provenance
    runtime: Runtime
    image_prompter: ImagePrompter | None = None

    def batches(self, job: Job, batch_size: int, watch: Watch) -> Iterator[GenerationResult]:
        """Draw a job, giving each batch as soon as it is finished."""
        parts = list(job.by_loras())  # nearly always one
        own = self.model.controlled(self.addons, job.controls) if job.controls else self.model
        if len(parts) > 1 and self.prompt_checker is not None:  # refused before the first part is drawn
            model = own.equipped(self.addons, job.variants, {})
            prompts = model.reader.read_schedules(job.prompts, job.passes, translate=job.options.translate)
            self.prompt_checker.check([prompt.info for prompt in prompts])
        with watch.open_bar(parts, batch_size) as bar:
            for part in parts:
                model = own.equipped(self.addons, part.variants, part.loras)
                yield from self._part(part, model, batch_size, watch, bar)

    def enlarged(
        self, options: ResolvedOptions, picture: Image, size: tuple[int, int], upscaler: Upscaler
    ) -> GenerationResult:
        """Enlarge a picture by a network: nothing is encoded, sampled or decoded.

        Args:
            options: For the record. A prompt among them says what is in the picture; it is read and checked.
            picture: Of any mode.
            size: (width, height) that it comes to.
            upscaler: The network.
        """
        start = time.perf_counter()
        trees = [check_prompt(options.prompt)] if isinstance(options.prompt, str) else []
        read_prompts = self.model.reader.read(trees, translate=options.translate)
        infos: list[PromptInfo | None] = [one.info for one in read_prompts] or [None]
        checked = [] if self.prompt_checker is None else self.prompt_checker.check(infos)
        read = time.perf_counter()
        width, height = size
        larger = self.model.enlarged(images.to_rgb(picture), upscaler, width=width, height=height)
        enlarged = time.perf_counter()
        with self.model.on_demand.loaded("safety"):
            [finished], [reports] = postprocess(self.postprocessors, [larger])
        return GenerationResult(
            images=(finished,),
            seeds=seeds_of(0 if options.seed is None else options.seed, 1),  # no seed changes anything
            prompts=tuple(infos),
            negative_prompts=(None,),
            options=options,
            reports=((*checked, report(upscaler), *reports),),
            timings=Timings(
                encode=read - start, decode=enlarged - read, postprocess=time.perf_counter() - enlarged
            ),
            model=self.model.config.name,
            runtime=self.runtime,
            origins=({"image": images.origin(picture)},),
            marks=tuple(p for p in self.postprocessors if isinstance(p, Watermark)),
            provenance=self.provenance,
        )

    def with_upscaler(
        self, job: Job, options: GenerationOptions, picture: Image, size: tuple[int, int], upscaler: Upscaler
    ) -> Job:
        """The job that redraws a picture, which the network enlarges now, before it begins.

        Args:
            job: The same with the picture enlarged by Lanczos.
            options: Those that name the network.
            picture: Of any mode.
            size: (width, height) that it comes to, without the margin that its sides may need.
            upscaler: The network.
        """
        width, height = size
        larger = self.model.enlarged(images.to_rgb(picture), upscaler, width=width, height=height)
        larger, _ = images.enlarge(larger, 1, multiple=self.model.config.vae.factor)
        return dataclasses.replace(
            job,
            options=dataclasses.replace(job.options, upscaler=options.upscaler),
            pictures=(larger,) * job.count,
            upscaler=upscaler,
        )

    def _part(
        self, job: Job, model: Model, batch_size: int, watch: Watch, bar: tqdm[None]
    ) -> Iterator[GenerationResult]:
        """Encode, sample, decode, post-process."""
        start = time.perf_counter()
        encoded = encode(job, model, self.prompt_checker)
        model, encoded = with_image_prompt(job, model, encoded, self.image_prompter)
        encoding = time.perf_counter() - start
        for first in range(0, job.count, batch_size):
            rows = range(first, min(first + batch_size, job.count))
            network = job.upscaler if job.larger is None else job.larger.upscaler
            enlarging = () if network is None else (report(network),)
            after = watch.of_batch(job, bar, decode=model.decoded, sketch=model.sketched)
            states = encoded.cond, encoded.uncond
            drawing = draw(job, rows, model, *states, after, composition=encoded.composition)
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
                    model.reports + encoded.reports[i] + enlarging + of_one
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
                controls=model.control_records(job.controls),
                marks=tuple(p for p in self.postprocessors if isinstance(p, Watermark)),
                provenance=self.provenance,
                attentions=()
                if drawing.attention is None
                else tuple(
                    PictureAttention(
                        shares=shares,
                        alignment=encoded.alignments[i],
                        among="rollout" if model.config.telling_padding else "all",
                        rollout=encoded.rollouts[i],
                    )
                    for i, shares in zip(rows, drawing.attention.numpy(), strict=True)
                ),
            )
            encoding = 0.0
