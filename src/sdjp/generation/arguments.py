"""The arguments of ``Pipeline.generate`` by name and type, for what passes them on.

Their rules and their help are in :class:`sdjp.options.GenerationOptions`; a test holds the two, and the
signature of ``generate``, against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from torch import Tensor

from sdjp.generation.controls import Control
from sdjp.images import Source
from sdjp.options import Fit, MaskRule, TranslateMode
from sdjp.samplers.schedule import StrengthRule


class UpscaleArguments(TypedDict, total=False):
    """The arguments that ``Pipeline.upscale`` passes on."""

    negative_prompt: str | Sequence[str] | None
    num_inference_steps: int | None
    guidance_scale: float | None
    sampler: str | None
    seed: int | Sequence[int] | None
    translate: TranslateMode
    tile: int | None
    overlap: int | None
    upscaler: str | None
    loras: Mapping[str, float] | None
    clip_skip: int
    preset: str | None
    guidance_interval: tuple[float, float] | None
    token_merging: float | None
    feature_reuse: int | None
    prompt_embeds: Tensor | None
    attention: bool
    image_prompt: Source | Sequence[Source] | None
    image_prompt_scale: float


class GenerationArguments(UpscaleArguments, total=False):
    """The arguments that decide a generation: options, pictures and tensors."""

    height: int | None
    width: int | None
    spacing: str | None
    eta: float | None
    noise_multiplier: float | None
    num_images_per_prompt: int
    strength: float
    strength_rule: StrengthRule
    fit: Fit
    mask_rule: MaskRule
    paste_back: bool
    feather: int
    hires: float | None
    hires_strength: float | None
    image: Source | Sequence[Source] | None
    mask: Source | Sequence[Source] | None
    latents: Tensor | None
    negative_prompt_embeds: Tensor | None
    noise: Callable[[tuple[int, ...]], Tensor] | None
    controls: Control | Sequence[Control] | None
