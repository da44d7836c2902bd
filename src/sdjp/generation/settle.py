"""From arguments to a job: defaults filled in, everything checked, pictures read and fitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from sdjp import images
from sdjp.config import Defaults, ModelConfig, ScheduleConfig
from sdjp.errors import InputError
from sdjp.generation import controls as controlling
from sdjp.generation import given_pictures, given_prompts, refusals
from sdjp.generation.clip_skip import check_clip_skip
from sdjp.generation.controls import Hint
from sdjp.generation.job import Inputs, Job, check_tensor
from sdjp.generation.seeds import seeds_of
from sdjp.options import MAX_PIXELS, GenerationOptions, ResolvedOptions, check_factor, check_options
from sdjp.samplers import Plan, Schedule, get_sampler
from sdjp.text.read import check_prompt

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.weights.parts.upscaler import Upscaler


T = TypeVar("T")


def check_ahead(options: GenerationOptions, inputs: Inputs | None = None) -> None:
    """Refuse what no model could draw, before one is loaded; pictures are read.

    Raises:
        InputError: If an argument is not usable, whatever the model.
    """
    check_options(options, factor=1)
    for text in given_prompts.as_list(options.prompt, "prompt"):
        check_prompt(text)
    for text in given_prompts.as_list(options.negative_prompt, "negative_prompt"):
        given_prompts.refuse_joined(check_prompt(text, allow_empty=True))
    defaults = Defaults()
    options = options.with_own_names().with_preset(guidance_scale=defaults.guidance_scale)
    refusals.check_guidance(options)
    sampler = get_sampler(defaults.sampler if options.sampler is None else options.sampler)
    steps = options.num_inference_steps
    sampler.plan(
        Schedule.from_config(ScheduleConfig()),
        defaults.num_inference_steps if steps is None else steps,
        spacing=options.spacing,
        eta=None if options.sampler is None else options.eta,  # the model's own sampler may take one
    ).from_strength(options.strength, rule=options.strength_rule)  # type: ignore[arg-type]
    upscaler_of(options)
    if inputs is not None:
        refusals.check_together(options, inputs)
        given_pictures.opened(inputs, len(given_prompts.as_list(options.prompt, "prompt")))
        given_pictures.image_prompts(inputs)
        controlling.opened(inputs.controls)


def settle(options: GenerationOptions, inputs: Inputs, *, config: ModelConfig, schedule: Schedule) -> Job:
    """Check every argument and settle what is to be drawn.

    Raises:
        InputError: If an argument is not usable.
    """
    factor = config.vae.factor
    check_options(options, factor=factor)
    options = options.with_own_names().with_preset(guidance_scale=config.defaults.guidance_scale)
    refusals.check_together(options, inputs)
    refusals.check_model(config, inputs)
    check_clip_skip(options.clip_skip, config)
    prompts = tuple(check_prompt(text) for text in given_prompts.as_list(options.prompt, "prompt"))
    groups = given_prompts.groups_of(prompts, inputs.prompt_embeds)
    negatives = given_prompts.negatives_of(options.negative_prompt, groups)
    pictures, masks = given_pictures.opened(inputs, groups)
    image_prompts = given_pictures.image_prompts(inputs)
    hints = controlling.opened(inputs.controls)
    shapes = [*pictures[:1], *(hint.picture for hint in hints)]
    if shapes:
        options = given_pictures.sized(options, shapes[0], config)
    resolved = options.resolve(**dataclasses.asdict(config.defaults))
    check_options(resolved, factor=factor)  # a model's own defaults may be wrong, too
    refusals.check_guidance(resolved)
    count = groups * resolved.num_images_per_prompt
    shape = (config.vae.latent_channels, resolved.height // factor, resolved.width // factor)
    if inputs.latents is not None:
        check_tensor("latents", inputs.latents, (count, *shape))
    for name in ("prompt_embeds", "negative_prompt_embeds"):
        states = getattr(inputs, name)
        if states is not None:
            check_tensor(name, states, (None, None, config.unet.context_dim))
    plan = get_sampler(resolved.sampler).plan(
        schedule, resolved.num_inference_steps, spacing=resolved.spacing, eta=resolved.eta
    )
    # A rule of which there is none is refused with or without a picture.
    from_picture = plan.from_strength(resolved.strength, rule=resolved.strength_rule)  # type: ignore[arg-type]
    if resolved.attention and pictures and not len(from_picture):
        raise refusals.undrawn(resolved.strength)
    if resolved.attention:
        given_prompts.refuse_changing([*prompts, *negatives])
    fitted, fitted_masks = given_pictures.fitted(resolved, pictures, masks)
    tile, overlap = _tiles(resolved, config)

    def for_each(items: Sequence[T]) -> tuple[T, ...]:
        return tuple(items[i * len(items) // count] for i in range(count)) if items else ()

    job = Job(
        options=resolved,
        inputs=inputs,
        count=count,
        seeds=seeds_of(resolved.seed, count),
        prompts=prompts,
        negatives=negatives,
        shape=shape,
        plan=from_picture if pictures else plan,
        pictures=for_each(fitted),
        masks=for_each(fitted_masks),
        origins=for_each(given_pictures.origins(pictures, masks, image_prompts)),
        controls=_controls(hints, resolved),
        tile=tile,
        overlap=overlap,
        image_prompts=tuple(image_prompts),
    )
    if inputs.noise is not None and len(list(job.by_loras())) > 1:
        raise InputError(
            "lora.noise",
            ja="noise で乱数を渡すときは、どのプロンプトにも同じ LoRA を指定してください。",
            en="where noise is given, all prompts must have the same LoRAs.",
        )
    if resolved.hires is None:
        return job
    return dataclasses.replace(job, larger=_larger(job, resolved.hires, plan, config))


def settle_record(options: GenerationOptions, inputs: Inputs, config: ModelConfig) -> ResolvedOptions:
    """Check the options of a picture that is only enlarged, as far as they mean anything, and fill them in.

    Raises:
        InputError: If one is not usable, or has a meaning only where pictures are redrawn.
    """
    drawing = {"image_prompt": inputs.image_prompt, "loras": options.loras, "preset": options.preset}
    refusals.check_enlarged_only([name for name, given in drawing.items() if given])
    check_options(options, factor=config.vae.factor)
    if options.attention:
        raise refusals.undrawn(options.strength)
    check_ahead(dataclasses.replace(options, upscaler=None))  # it is loaded
    options = options.with_preset(guidance_scale=config.defaults.guidance_scale)
    return options.resolve(**dataclasses.asdict(config.defaults))


def check_area(width: int, height: int) -> None:
    """Refuse an enlarged picture of more pixels than any computer would like.

    Raises:
        InputError: If it has more than ``MAX_PIXELS``.
    """
    if width * height > MAX_PIXELS:
        raise InputError(
            "size.area",
            ja=f"拡大後の大きさ {width}×{height} は大きすぎます。"
            f"倍率を下げて、合わせて {MAX_PIXELS:,} 画素以内にしてください。",
            en=f"{width}×{height} is too large for an enlarged picture. "
            f"Choose a smaller factor, for {MAX_PIXELS:,} pixels or less.",
        )


def enlarged(source: images.Source, factor: float, config: ModelConfig) -> tuple[Image, tuple[int, int]]:
    """Enlarge a picture (Lanczos) to sides that the model takes.

    Returns:
        The picture, RGB, with a margin where its sides are no multiples; and (width, height) without it.

    Raises:
        InputError: If it cannot be read, the factor is out of range, or the picture becomes too large.
    """
    check_factor(factor)
    picture = images.open_picture(source)
    check_area(round(picture.width * factor), round(picture.height * factor))
    larger, size = images.enlarge(images.to_rgb(picture), factor, multiple=config.vae.factor)
    return images.with_origin(larger, images.origin(picture)), size


def upscaler_of(options: GenerationOptions) -> Upscaler | None:
    """The network that options name, loaded; None if they name none.

    Raises:
        InputError: If there is no such file.
        WeightsError: If it cannot be read, or is of another kind.
    """
    if options.upscaler is None:
        return None
    from sdjp.weights.parts.upscaler import load_upscaler

    return load_upscaler(options.upscaler)


def enlarging_tile(config: ModelConfig) -> int:
    """Side of the tiles in which an enlarged picture is redrawn if the caller leaves it open, in pixels."""
    return max(config.defaults.height, config.defaults.width)


def _controls(hints: Sequence[Hint], options: ResolvedOptions) -> tuple[Hint, ...]:
    return tuple(hint.fitted(height=options.height, width=options.width, fit=options.fit) for hint in hints)


def _tiles(options: ResolvedOptions, config: ModelConfig) -> tuple[int | None, int]:
    """Side and overlap of the tiles in latent cells; the overlap is a quarter unless it is given."""
    factor = config.vae.factor
    side = options.tile
    if side is None and options.hires is not None:
        side = enlarging_tile(config)  # an overlap that does not suit it is refused before the first step
    if side is None:
        return None, 0
    overlap = side // factor // 4 if options.overlap is None else options.overlap // factor
    refusals.check_overlap(overlap * factor, side // factor * factor)
    return (None if options.tile is None else side // factor), overlap


def _larger(job: Job, hires: float, plan: Plan, config: ModelConfig) -> Job:
    """The run over the enlarged pictures of ``job``."""
    factor = config.vae.factor
    height, width = (
        max(round(side * hires / factor), 1) * factor for side in (job.options.height, job.options.width)
    )
    check_area(width, height)
    assert job.options.hires_strength is not None  # it is settled where there is hires
    options = dataclasses.replace(
        job.options,
        height=height,
        width=width,
        strength=job.options.hires_strength,
        tile=enlarging_tile(config) if job.options.tile is None else job.options.tile,
        hires=None,
    )
    return dataclasses.replace(
        job,
        options=options,
        inputs=dataclasses.replace(job.inputs, latents=None),
        shape=(job.shape[0], height // factor, width // factor),
        controls=_controls(job.controls, options),
        plan=plan.from_strength(options.strength, rule=options.strength_rule),  # type: ignore[arg-type]
        tile=_tiles(options, config)[0],
        upscaler=upscaler_of(options),
        steps_before=len(job.plan),
    )
