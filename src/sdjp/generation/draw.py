"""One batch: from text states to latents, from latents to pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sdjp import images
from sdjp.engines.pictures import drawn_together
from sdjp.errors import NonFiniteError
from sdjp.generation import autoencode
from sdjp.generation.composition import Composition
from sdjp.generation.controlled import Controls, controlled
from sdjp.generation.fast import GuidedUNet
from sdjp.generation.job import Job, check_tensor
from sdjp.generation.memory import by_rows
from sdjp.generation.model import Model
from sdjp.generation.start import begin
from sdjp.models.attention_maps import AttentionMaps
from sdjp.samplers import Step, get_sampler

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A batch, drawn.

    Attributes:
        latents: The last latents, (B, C, h, w) float32, scaled as the UNet knows them; those of the pictures
            before they were enlarged, where they were not redrawn.
        pictures: One for each row.
        attention: The attention of each picture to each token, (B, M, h, w) float32; None if nobody asked.
        sampling: Seconds of sampling.
        decoding: Seconds of decoding, and of enlarging by a network.
    """

    latents: Tensor
    pictures: list[Image]
    sampling: float
    decoding: float
    attention: Tensor | None = None


def draw(
    job: Job,
    rows: range,
    model: Model,
    cond: Tensor,
    uncond: Tensor,
    watch: Callable[[Step], None],
    *,
    composition: Composition | None = None,
) -> Drawing:
    """Draw one batch of a job, enlarged and redrawn, or only enlarged, where that is asked for.

    Args:
        job: The run.
        rows: Which of its pictures.
        model: What to draw with.
        cond: Text states of all pictures of the job, (count, L, D).
        uncond: Those of the negative prompts, likewise.
        watch: Called after each step.
        composition: Which of the states are whose at which step, if they are not one row for each picture.

    Raises:
        NonFiniteError: If there is NaN or infinity in latents or pictures.
        Cancelled: From ``watch``.
    """
    start = time.perf_counter()
    if composition is None:
        cond, uncond = cond[rows.start : rows.stop], uncond[rows.start : rows.stop]
    else:
        composition = composition.of(rows)
    # Of a picture that is redrawn enlarged, the first drawing settles what is where.
    maps = _no_maps(job, rows, model, cond) if job.options.attention else None
    x = _sample(
        job, rows, job.pictures[rows.start : rows.stop], model, cond, uncond, composition, watch, maps
    )
    sampled = time.perf_counter()
    pictures = _decode(job, rows, model, x)
    decoding = time.perf_counter() - sampled
    if job.larger is not None:
        size = {"height": job.larger.options.height, "width": job.larger.options.width}
        enlarging = time.perf_counter()
        pictures = [model.enlarged(picture, job.larger.upscaler, **size) for picture in pictures]
        if job.larger.upscaler is not None:
            decoding += time.perf_counter() - enlarging
        if not job.larger.enlarges_only:
            x = _sample(job.larger, rows, pictures, model, cond, uncond, composition, watch)
            sampled = time.perf_counter()
            pictures = _decode(job.larger, rows, model, x)
            decoding += time.perf_counter() - sampled
    seconds = time.perf_counter() - start
    return Drawing(
        latents=x,
        pictures=pictures,
        sampling=seconds - decoding,
        decoding=decoding,
        attention=None if maps is None else maps.mean().cpu(),
    )


def _no_maps(job: Job, rows: range, model: Model, cond: Tensor) -> AttentionMaps:
    h, w = job.shape[1:]
    tokens = cond.shape[1] - model.image_tokens
    return AttentionMaps.empty(len(rows), tokens, (h, w), model.device)


@torch.inference_mode()
def _sample(
    job: Job,
    rows: range,
    pictures: Sequence[Image],
    model: Model,
    cond: Tensor,
    uncond: Tensor,
    composition: Composition | None,
    watch: Callable[[Step], None],
    maps: AttentionMaps | None = None,
) -> Tensor:
    """Run the sampler over one batch."""
    generators = [torch.Generator("cpu").manual_seed(job.seeds[i]) for i in rows]
    shape = (len(rows), *job.shape)

    def noise() -> Tensor:
        if job.inputs.noise is not None:
            given = job.inputs.noise(shape)
            check_tensor("noise", given, shape)
            return given.to(model.device, torch.float32)
        # Each picture has a generator of its own on the CPU: the same seed, the same picture, in any batch.
        rows_of_noise = [torch.randn(job.shape, generator=g, dtype=torch.float32) for g in generators]
        return torch.stack(rows_of_noise).to(model.device)

    network = model.engine.unet(model.unet)
    acting = Controls(job, model.controlnets, model.engine) if job.controls else None
    if acting is not None:
        network = controlled(network, image_tokens=model.image_tokens)
    if model.memory.slices:
        network = by_rows(network)

    def unet(x: Tensor, t: Tensor, context: Tensor, **shortcuts: Any) -> Tensor:
        with drawn_together(len(rows)):
            return network(x.to(model.dtype), t, context, **shortcuts).float()

    with model.on_demand.loaded(*(("vae",) if pictures else ())):
        start = begin(
            job,
            rows,
            pictures,
            noise,
            vae=model.vae,
            config=model.config,
            schedule=model.schedule,
            vae_tile=model.vae_tile,
        )
    x = start.x
    guided = GuidedUNet(unet, cond, uncond, job, maps, acting, composition=composition)
    denoise = start.model(guided)
    with model.on_demand.loaded(*model.sampling_parts), model.pages():
        for step in get_sampler(job.options.sampler)(denoise, x, job.plan, noise):
            x = step.x
            guided.next_step()
            watch(step)
    x = start.finish(x)
    if not bool(torch.isfinite(x).all()):
        ja, en = (
            ("dtype='float32' でもう一度お試しください。", "Try again with dtype='float32'.")
            if model.dtype != torch.float32
            else (
                "LoRA を使うときは重みを小さく、guidance_scale も小さくしてみてください。"
                "それでも同じなら、重みのファイルが壊れています。入手し直してください。",
                "With a LoRA, try a smaller weight; try a smaller guidance_scale, too. "
                "If it stays so, the weights are damaged: get the file again.",
            )
        )
        raise NonFiniteError(
            "nan.latents",
            ja=f"計算の途中で数値があふれました（UNet、{model.dtype}）。{ja}",
            en=f"the UNet gave NaN or infinity in {model.dtype}. {en}",
        )
    return x


@torch.inference_mode()
def _decode(job: Job, rows: range, model: Model, x: Tensor) -> list[Image]:
    """Decode; what was to be kept comes back over it, and what was only margin goes."""
    with model.on_demand.loaded("vae"), model.pages(keep=autoencode.keeps_pages(x)):
        pixels = autoencode.decode(model.vae, x, tile=model.vae_tile, decoder=model.engine.decoder)
    pictures = images.to_pil(pixels)
    if job.masks and job.options.paste_back:
        pictures = [
            images.paste_back(drawn, job.pictures[i], job.masks[i], feather=job.options.feather)
            for drawn, i in zip(pictures, rows, strict=True)
        ]
    return pictures if job.keep is None else [p.crop((0, 0, *job.keep)) for p in pictures]
