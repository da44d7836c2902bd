"""What is to be drawn, settled: every argument checked and every default filled in, before any heavy work."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sdjp.config import Defaults, ModelConfig, ScheduleConfig
from sdjp.errors import InputError
from sdjp.samplers import Plan, Schedule, get_sampler
from sdjp.text.frontend import check_prompt
from sdjp.types import GenerationOptions, ResolvedOptions, check_options

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The arguments of a generation that are pictures and tensors, not plain values.

    Attributes:
        image: A picture to start from.
        latents: Noise to start from, (B, C, h, w).
        prompt_embeds: Text states in place of a prompt, (B, L, D).
        negative_prompt_embeds: Text states in place of a negative prompt, (B, L, D).
    """

    image: Image | None = None
    latents: Tensor | None = None
    prompt_embeds: Tensor | None = None
    negative_prompt_embeds: Tensor | None = None


INPUTS: Final = tuple(f.name for f in dataclasses.fields(Inputs))


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A run, settled: nothing in it can fail on the user's account any more.

    Attributes:
        options: What was asked for, the model's defaults filled in.
        inputs: Pictures and tensors.
        count: Pictures in all.
        seeds: The seed of each.
        prompts: Each prompt once; empty if text states were given.
        negatives: As many, or one if text states were given.
        shape: (C, h, w) of one picture's latents.
        plan: The steps.
    """

    options: ResolvedOptions
    inputs: Inputs
    count: int
    seeds: tuple[int, ...]
    prompts: tuple[str, ...]
    negatives: tuple[str, ...]
    shape: tuple[int, ...]
    plan: Plan


def check_ahead(options: GenerationOptions) -> None:
    """Refuse what no model could draw, before one is loaded.

    Raises:
        InputError: If an argument is not usable, whatever the model.
    """
    check_options(options, factor=1)
    for text in _as_list(options.prompt, "prompt"):
        check_prompt(text)
    for text in _as_list(options.negative_prompt, "negative_prompt"):
        check_prompt(text, allow_empty=True)
    defaults = Defaults()
    sampler = get_sampler(defaults.sampler if options.sampler is None else options.sampler)
    steps = options.num_inference_steps
    sampler.plan(
        Schedule.from_config(ScheduleConfig()),
        defaults.num_inference_steps if steps is None else steps,
        spacing=options.spacing,
        eta=0.0 if options.sampler is None else options.eta,  # the model's own sampler may take one
    )


def settle(options: GenerationOptions, inputs: Inputs, *, config: ModelConfig, schedule: Schedule) -> Job:
    """Check every argument and settle what is to be drawn.

    Raises:
        InputError: If an argument is not usable.
    """
    factor = config.vae.factor
    if config.unet.in_channels != config.vae.latent_channels:
        raise InputError(
            "model.inpainting",
            ja=f"モデル {config.name} は、画像の一部を描き直すためのもの（UNet の入力 "
            f"{config.unet.in_channels} チャンネル）で、文章だけからは描けません。",
            en=f"the model {config.name} is made for inpainting (its UNet takes {config.unet.in_channels} "
            "channels) and cannot draw from text alone.",
        )
    resolved = options.resolve(**dataclasses.asdict(config.defaults))
    check_options(resolved, factor=factor)
    prompts = _as_list(options.prompt, "prompt")
    for text in prompts:
        check_prompt(text)
    groups = _groups(prompts, inputs.prompt_embeds)
    negatives = _negatives(options.negative_prompt, groups)
    count = groups * resolved.num_images_per_prompt
    shape = (config.vae.latent_channels, resolved.height // factor, resolved.width // factor)
    if inputs.latents is not None:
        _check_tensor("latents", inputs.latents, (count, *shape))
    for name in ("prompt_embeds", "negative_prompt_embeds"):
        states = getattr(inputs, name)
        if states is not None:
            _check_tensor(name, states, (None, None, config.text.width))
    plan = get_sampler(resolved.sampler).plan(
        schedule, resolved.num_inference_steps, spacing=resolved.spacing, eta=resolved.eta
    )
    return Job(
        options=resolved,
        inputs=inputs,
        count=count,
        seeds=_seeds(resolved.seed, count),
        prompts=tuple(prompts),
        negatives=negatives,
        shape=shape,
        plan=plan if inputs.image is None else plan.from_strength(resolved.strength),
    )


def frozen(value: Any) -> Any:
    """A list as a tuple; anything else as it is, for the checks to judge."""
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _as_list(value: str | Sequence[str] | None, name: str) -> list[str]:
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else list(value)
    if not texts:
        raise InputError(
            f"{name}.empty_list", ja=f"{name} が空のリストです。", en=f"{name} is an empty list."
        )
    return texts


def _groups(prompts: Sequence[str], embeds: Tensor | None) -> int:
    """How many prompts there are, as text or as states."""
    if bool(prompts) == (embeds is not None):
        raise InputError(
            "prompt.missing",
            ja="prompt か prompt_embeds のどちらか一方だけを指定してください。",
            en="give either prompt or prompt_embeds, and not both.",
        )
    return len(prompts) if embeds is None else embeds.shape[0]


def _negatives(given: str | Sequence[str] | None, groups: int) -> tuple[str, ...]:
    negatives = [""] if given is None else _as_list(given, "negative_prompt")
    if len(negatives) not in (1, groups):
        raise InputError(
            "negative_prompt.count",
            ja=f"negative_prompt は 1 個か、プロンプトと同じ {groups} 個にしてください"
            f"（{len(negatives)} 個）。",
            en=f"give one negative_prompt, or {groups} as there are prompts, not {len(negatives)}.",
        )
    for text in negatives:
        check_prompt(text, allow_empty=True)
    return tuple(negatives * groups if len(negatives) == 1 else negatives)


def _seeds(seed: int | tuple[int, ...] | None, count: int) -> tuple[int, ...]:
    if seed is None:
        seed = secrets.randbelow(2**32)
    if isinstance(seed, int):
        return tuple(seed + i for i in range(count))
    if len(seed) != count:
        raise InputError(
            "seed.count",
            ja=f"seed を並べるときは、描く枚数と同じ {count} 個にしてください（{len(seed)} 個）。",
            en=f"a list of seeds needs one for each of the {count} pictures, not {len(seed)}.",
        )
    return seed


def _check_tensor(name: str, tensor: Tensor, shape: tuple[int | None, ...]) -> None:
    fits = tensor.ndim == len(shape) and all(
        want in (None, n) for n, want in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        wanted = tuple("?" if n is None else n for n in shape)
        raise InputError(
            f"{name}.shape",
            ja=f"{name} の形は {wanted} にしてください（{tuple(tensor.shape)} が渡されました）。",
            en=f"{name} must have the shape {wanted}, not {tuple(tensor.shape)}.",
        )
