"""A job: a generation with every argument checked and every default filled in, before any heavy work."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sdjp import images
from sdjp.config import Defaults, ModelConfig, ScheduleConfig
from sdjp.errors import InputError
from sdjp.generation import controls as controlling
from sdjp.generation.clip_skip import check_clip_skip
from sdjp.generation.controls import Control, Hint
from sdjp.generation.seeds import seeds_of
from sdjp.options import MAX_PIXELS, GenerationOptions, ResolvedOptions, check_factor, check_options
from sdjp.samplers import Plan, Schedule, get_sampler
from sdjp.text.composition import compose, shortened
from sdjp.text.prompt import Prompt, tags
from sdjp.text.read import check_prompt
from sdjp.text.schedule import is_single, schedule
from sdjp.text.tags import lora_weights

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from sdjp.weights.parts.upscaler import Upscaler

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The arguments of a generation that are pictures and tensors, not plain values.

    Attributes:
        image: A picture to start from, or its path; or several, one for each prompt.
        mask: White where it is to be redrawn; or several, likewise.
        latents: Noise to start from, (B, C, h, w).
        prompt_embeds: Text states in place of a prompt, (B, L, D).
        negative_prompt_embeds: Text states in place of a negative prompt, (B, L, D).
        noise: Draws all noise of a batch in place of the seeds, given its shape (B, C, h, w).
        image_prompt: A picture that is a prompt beside the words, or its path; or several, which are all for
            each prompt.
        controls: ControlNets, each with the picture that it reads.
    """

    image: images.Source | Sequence[images.Source] | None = None
    mask: images.Source | Sequence[images.Source] | None = None
    latents: Tensor | None = None
    prompt_embeds: Tensor | None = None
    negative_prompt_embeds: Tensor | None = None
    noise: Callable[[tuple[int, ...]], Tensor] | None = None
    image_prompt: images.Source | Sequence[images.Source] | None = None
    controls: Control | Sequence[Control] | None = None


INPUTS: Final = tuple(f.name for f in dataclasses.fields(Inputs))


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A run, settled: nothing in it can fail on the user's account any more.

    Attributes:
        options: What was asked for, the model's defaults filled in.
        inputs: Pictures and tensors.
        count: Pictures in all.
        seeds: The seed of each.
        prompts: Each prompt once, parsed; empty if text states were given.
        negatives: As many, or one if text states were given.
        shape: (C, h, w) of one picture's latents.
        plan: The steps.
        pictures: What each picture starts from, RGB of the very size; empty if all start from noise.
        origins: What is told of the files of both, for each picture.
        masks: What is to be redrawn of each, L of the very size; empty if it is all of it.
        controls: The ControlNets, and their maps of the very size.
        tile: Side of the tiles that are denoised, in latent cells; None: no tiles.
        overlap: Cells that neighbouring tiles share.
        keep: (width, height) of what is kept of the finished picture, from its upper left; None: all.
        larger: The run that redraws the pictures enlarged; each starts from what this one draws.
        upscaler: What enlarged the pictures that it starts from; None: Lanczos, or nothing did.
        steps_before: Those of the run that drew the pictures, where this is the one that redraws them.
        image_prompts: Pictures that are a prompt beside the words, RGB of any size.
    """

    options: ResolvedOptions
    inputs: Inputs
    count: int
    seeds: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    negatives: tuple[Prompt, ...]
    shape: tuple[int, ...]
    plan: Plan
    pictures: tuple[Image, ...] = ()
    masks: tuple[Image, ...] = ()
    origins: tuple[Mapping[str, Any], ...] = ()
    controls: tuple[Hint, ...] = ()
    tile: int | None = None
    overlap: int = 0
    keep: tuple[int, int] | None = None
    larger: Job | None = None
    upscaler: Upscaler | None = None
    steps_before: int = 0
    image_prompts: tuple[Image, ...] = ()

    @property
    def enlarges_only(self) -> bool:
        """Whether pictures that a network enlarged stay as they are: nothing is sampled, nothing decoded."""
        return self.upscaler is not None and self.options.strength == 0

    @property
    def loras(self) -> dict[str, float]:
        """The LoRAs that its first prompt is drawn with; see :meth:`by_loras`."""
        return self.loras_of(self.prompts[0]) if self.prompts else dict(self.options.loras or {})

    def loras_of(self, prompt: Prompt) -> dict[str, float]:
        """The LoRAs that a prompt is drawn with: those of its tags, and those of the options."""
        return lora_weights(tags(prompt), self.options.loras)

    def by_loras(self) -> Iterator[Job]:
        """Part the job where its prompts ask for other LoRAs: each part draws neighbouring pictures of it."""
        first = 0
        for _, group in itertools.groupby(self.prompts, self.loras_of):
            count = len(list(group))
            yield self if count == len(self.prompts) else self._part(first, first + count)
            first += count
        if not self.prompts:
            yield self

    def _part(self, first: int, last: int) -> Job:
        """The pictures of the prompts from ``first`` to before ``last``."""
        each = self.options.num_images_per_prompt
        rows, groups = slice(first * each, last * each), len(self.prompts)

        def of(tensor: Tensor | None, where: slice, whole: int) -> Tensor | None:
            return tensor[where] if tensor is not None and len(tensor) == whole else tensor

        inputs = dataclasses.replace(
            self.inputs,
            latents=of(self.inputs.latents, rows, self.count),
            negative_prompt_embeds=of(self.inputs.negative_prompt_embeds, slice(first, last), groups),
        )
        return dataclasses.replace(
            self,
            inputs=inputs,
            count=(last - first) * each,
            seeds=self.seeds[rows],
            prompts=self.prompts[first:last],
            negatives=self.negatives[first:last],
            pictures=self.pictures[rows],
            origins=self.origins[rows],
            masks=self.masks[rows],
            larger=None if self.larger is None else self.larger._part(first, last),
        )

    @property
    def passes(self) -> tuple[int, ...]:
        """Steps of one batch, then those of ``larger``, if there is one."""
        return (len(self.plan), *(() if self.larger is None else self.larger.passes))

    @property
    def steps(self) -> int:
        """Steps of one batch, those of ``larger`` included."""
        return sum(self.passes)

    @property
    def variants(self) -> tuple[Prompt, ...]:
        """All that its prompts are at any step, negative ones included; most are one thing only."""
        return tuple(
            variant
            for prompt in (*self.prompts, *self.negatives)
            for variant in schedule(prompt, self.passes).prompts
        )


def check_ahead(options: GenerationOptions, inputs: Inputs | None = None) -> None:
    """Refuse what no model could draw, before one is loaded; pictures are read.

    Raises:
        InputError: If an argument is not usable, whatever the model.
    """
    check_options(options, factor=1)
    for text in _as_list(options.prompt, "prompt"):
        check_prompt(text)
    for text in _as_list(options.negative_prompt, "negative_prompt"):
        _refuse_joined(check_prompt(text, allow_empty=True))
    defaults = Defaults()
    options = options.with_own_names().with_preset(guidance_scale=defaults.guidance_scale)
    _check_guidance(options)
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
        _check_together(options, inputs)
        _opened(inputs, len(_as_list(options.prompt, "prompt")))
        _image_prompts(inputs)
        controlling.opened(inputs.controls)


def settle(options: GenerationOptions, inputs: Inputs, *, config: ModelConfig, schedule: Schedule) -> Job:
    """Check every argument and settle what is to be drawn.

    Raises:
        InputError: If an argument is not usable.
    """
    factor = config.vae.factor
    check_options(options, factor=factor)
    options = options.with_own_names().with_preset(guidance_scale=config.defaults.guidance_scale)
    _check_together(options, inputs)
    _check_model(config, inputs)
    check_clip_skip(options.clip_skip, config)
    prompts = tuple(check_prompt(text) for text in _as_list(options.prompt, "prompt"))
    groups = _groups(prompts, inputs.prompt_embeds)
    negatives = _negatives(options.negative_prompt, groups)
    pictures, masks = _opened(inputs, groups)
    image_prompts = _image_prompts(inputs)
    hints = controlling.opened(inputs.controls)
    shapes = [*pictures[:1], *(hint.picture for hint in hints)]
    if shapes:
        options = _sized(options, shapes[0], config)
    resolved = options.resolve(**dataclasses.asdict(config.defaults))
    check_options(resolved, factor=factor)  # a model's own defaults may be wrong, too
    _check_guidance(resolved)
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
        raise _undrawn(resolved.strength)
    if resolved.attention:
        _refuse_changing([*prompts, *negatives])
    fitted, fitted_masks = _fitted(resolved, pictures, masks)
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
        origins=for_each(_origins(pictures, masks, image_prompts)),
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
        InputError: If one is not usable, or there are pictures as prompts, which nothing would look at.
    """
    if inputs.image_prompt is not None:
        raise InputError(
            "image_prompt.enlarged_only",
            ja="描き直さずに拡大するだけ（upscaler と strength=0）なので、image_prompt（--image-prompt）は"
            "働きません。外すか、strength を 0 より大きくしてください。",
            en="a picture that is only enlarged (upscaler with strength 0) is not redrawn, and image_prompt "
            "(--image-prompt) would do nothing: leave it out, or give a strength above 0.",
        )
    check_options(options, factor=config.vae.factor)
    if options.attention:
        raise _undrawn(options.strength)
    check_ahead(dataclasses.replace(options, upscaler=None))  # it is loaded
    options = options.with_preset(guidance_scale=config.defaults.guidance_scale)
    return options.resolve(**dataclasses.asdict(config.defaults))


def _undrawn(strength: float) -> InputError:
    return InputError(
        "attention.without_steps",
        ja=f"元の絵を変える強さ（strength）が {strength} では 1 ステップも描かないので、どの語がどこを"
        "描いたか（attention）は分かりません。strength を大きくしてください。",
        en=f"with strength {strength} no step is drawn, and which word drew what (attention) cannot be told: "
        "choose a larger strength.",
    )


def common_loras(prompts: Sequence[Prompt], besides: Mapping[str, float] | None) -> dict[str, float]:
    """Return the LoRAs that all of ``prompts`` ask for.

    Raises:
        InputError: If they do not ask for the same.
    """
    found = [lora_weights(tags(prompt), besides) for prompt in prompts]
    if any(other != found[0] for other in found):
        raise InputError(
            "lora.differ",
            ja="LoRA の違うプロンプトは、別々に encode_prompt に渡してください。",
            en="give prompts with different LoRAs to encode_prompt one by one.",
        )
    return found[0] if found else dict(besides or {})


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


def _check_together(options: GenerationOptions, inputs: Inputs) -> None:
    """Refuse arguments that have no meaning beside or without one another."""
    if inputs.mask is not None and inputs.image is None:
        raise InputError(
            "mask.without_image",
            ja="mask（--mask）は、もとの絵 image（--init-img）と一緒に指定してください。",
            en="give mask (--mask) together with image (--init-img), the picture to be redrawn.",
        )
    enlarges_only = options.upscaler is not None and options.hires_strength == 0
    if options.hires is not None and inputs.image is not None and not enlarges_only:
        raise InputError(
            "hires.with_image",
            ja="hires は、文章だけから描くときに使えます（upscaler を指定して hires_strength=0 にすれば、"
            "描いた絵を拡大するだけなので使えます）。手元の絵を拡大するには、"
            "Pipeline.upscale か sdjp upscale をお使いください。",
            en="hires is for drawing from text alone (or with an upscaler and hires_strength 0, where what "
            "is drawn is only enlarged). To enlarge a picture use Pipeline.upscale or sdjp upscale.",
        )
    if options.upscaler is not None and options.hires is None:
        raise InputError(
            "upscaler.without_hires",
            ja="upscaler は、拡大の倍率 hires と一緒に指定してください（拡大するだけなら hires_strength=0）。"
            "手元の絵を拡大するには、Pipeline.upscale か sdjp upscale をお使いください。",
            en="give upscaler together with hires, how many times to enlarge (with hires_strength 0, if that "
            "is all). To enlarge a picture use Pipeline.upscale or sdjp upscale.",
        )
    if options.attention and inputs.prompt_embeds is not None:
        raise InputError(
            "attention.without_words",
            ja="どの語がどこを描いたか（attention）は、prompt_embeds からは分かりません。"
            "prompt に言葉で書くか、attention=False にしてください。",
            en="which word drew what (attention) cannot be told of prompt_embeds: give the words as prompt, "
            "or attention=False.",
        )
    if options.overlap is not None and options.tile is None and options.hires is None:
        raise InputError(
            "overlap.without_tile",
            ja="overlap は tile（タイルの一辺）と一緒に指定してください。",
            en="give overlap together with tile, the side of the tiles.",
        )
    if options.overlap is not None and options.tile is not None:
        _check_overlap(options.overlap, options.tile)


def _check_guidance(options: GenerationOptions) -> None:
    if options.guidance_interval is not None and options.guidance_scale == 1:
        raise InputError(
            "guidance_interval.without_guidance",
            ja="ガイダンスの強さ（guidance_scale）が 1 のときはガイダンスがかからないので、"
            "guidance_interval は指定できません。どちらかを外してください。",
            en="with guidance_scale 1 there is no guidance, and guidance_interval has no meaning: "
            "leave one of them out.",
        )


def _check_overlap(overlap: int, tile: int) -> None:
    if overlap >= tile:
        raise InputError(
            "overlap.range",
            ja=f"タイルの重なり（overlap）{overlap} は、タイルの一辺（tile）{tile} より小さくしてください。",
            en=f"overlap {overlap} must be smaller than tile, {tile}.",
        )


def _check_model(config: ModelConfig, inputs: Inputs) -> None:
    """Refuse what the model cannot do with what is given."""
    own = config.unet.in_channels == config.vae.latent_channels
    if not own and not config.for_inpainting:
        channels = config.unet.in_channels
        raise InputError(
            "model.channels",
            ja=f"モデル {config.name} は sdjp では描けない種類です（UNet の入力が {channels} チャンネル。"
            "instruct-pix2pix や画像の拡大のモデルがそうです）。入力が "
            f"{config.vae.latent_channels} チャンネルのモデルを指定してください。",
            en=f"the model {config.name} is of a kind that sdjp cannot draw with: its UNet takes {channels} "
            "channels, as those of instruct-pix2pix and of upscalers do. "
            f"Give a model that takes {config.vae.latent_channels}.",
        )
    if not own and inputs.mask is None:
        raise InputError(
            "model.inpainting",
            ja=f"モデル {config.name} は、画像の一部を描き直すためのもの（UNet の入力 "
            f"{config.unet.in_channels} チャンネル）で、文章だけからは描けません。"
            "image と mask を指定してください。",
            en=f"the model {config.name} is made for inpainting (its UNet takes {config.unet.in_channels} "
            "channels) and cannot draw from text alone: give image and mask.",
        )


def _opened(inputs: Inputs, groups: int) -> tuple[list[Image], list[Image]]:
    """The pictures and the masks, one for all prompts or one for each."""
    found: list[list[Image]] = []
    for name, given in (("image", inputs.image), ("mask", inputs.mask)):
        several = isinstance(given, list | tuple)
        sources: Any = given if several else [] if given is None else [given]
        if len(sources) not in (1, groups) and given is not None:
            raise InputError(
                f"{name}.count",
                ja=f"{name} は 1 枚か、プロンプトと同じ {groups} 枚にしてください（{len(sources)} 枚）。",
                en=f"give one {name}, or {groups} as there are prompts, not {len(sources)}.",
            )
        found.append([images.open_picture(source, name=name) for source in sources])
    pictures, masks = found
    return [_rgb(picture) for picture in pictures], masks


def _image_prompts(inputs: Inputs) -> list[Image]:
    """The pictures that are a prompt beside the words."""
    name, given = "image_prompt", inputs.image_prompt
    if given is None:
        return []
    sources: Any = given if isinstance(given, list | tuple) else [given]
    if not sources:
        raise InputError(
            f"{name}.empty_list", ja=f"{name} が空のリストです。", en=f"{name} is an empty list."
        )
    return [_rgb(images.open_picture(source, name=name), name=name) for source in sources]


def _rgb(picture: Image, *, name: str = "image") -> Image:
    origin, rgb = images.origin(picture), images.to_rgb(picture, name=name)
    return images.with_origin(rgb, origin)


def _origins(
    pictures: Sequence[Image], masks: Sequence[Image], image_prompts: Sequence[Image]
) -> list[dict[str, Any]]:
    """What is told of the pictures and masks of each prompt, or of all."""
    groups = max(len(pictures), len(masks), 1 if image_prompts else 0)
    of: dict[str, list[Any]] = {
        "image": [*map(images.origin, pictures)],
        "mask": [*map(images.origin, masks)],
        "image_prompt": [[*map(images.origin, image_prompts)]] if image_prompts else [],
    }
    return [{name: found[i % len(found)] for name, found in of.items() if found} for i in range(groups)]


def _sized(options: GenerationOptions, picture: Image, config: ModelConfig) -> GenerationOptions:
    """The sides that were left open, from the proportions of the picture."""
    height, width = images.natural_size(
        picture.size,
        area=config.defaults.height * config.defaults.width,
        factor=config.vae.factor,
        height=options.height,
        width=options.width,
    )
    return dataclasses.replace(options, height=height, width=width)


def _fitted(
    options: ResolvedOptions, pictures: Sequence[Image], masks: Sequence[Image]
) -> tuple[list[Image], list[Image]]:
    size = {"height": options.height, "width": options.width}
    likes = pictures if len(pictures) == len(masks) else [pictures[0]] * len(masks)
    return (
        [images.fit_picture(picture, fit=options.fit, **size) for picture in pictures],
        [
            images.fit_mask(mask, like=like.size, fit=options.fit, **size)
            for mask, like in zip(masks, likes, strict=True)
        ],
    )


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
    _check_overlap(overlap * factor, side // factor * factor)
    return (None if options.tile is None else side // factor), overlap


def _larger(job: Job, hires: float, plan: Plan, config: ModelConfig) -> Job:
    """The run over the enlarged pictures of ``job``."""
    factor = config.vae.factor
    height, width = (
        max(round(side * hires / factor), 1) * factor for side in (job.options.height, job.options.width)
    )
    check_area(width, height)
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


def _as_list(value: str | Sequence[str] | None, name: str) -> list[str]:
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else list(value)
    if not texts:
        raise InputError(
            f"{name}.empty_list", ja=f"{name} が空のリストです。", en=f"{name} is an empty list."
        )
    return texts


def _groups(prompts: Sequence[Prompt], embeds: Tensor | None) -> int:
    """How many prompts there are, as text or as states."""
    if bool(prompts) == (embeds is not None):
        raise InputError(
            "prompt.missing",
            ja="prompt か prompt_embeds のどちらか一方だけを指定してください。",
            en="give either prompt or prompt_embeds, and not both.",
        )
    return len(prompts) if embeds is None else embeds.shape[0]


def _negatives(given: str | Sequence[str] | None, groups: int) -> tuple[Prompt, ...]:
    texts = [""] if given is None else _as_list(given, "negative_prompt")
    if len(texts) not in (1, groups):
        raise InputError(
            "negative_prompt.count",
            ja=f"negative_prompt は 1 個か、プロンプトと同じ {groups} 個にしてください（{len(texts)} 個）。",
            en=f"give one negative_prompt, or {groups} as there are prompts, not {len(texts)}.",
        )
    negatives = [check_prompt(text, allow_empty=True) for text in texts]
    for negative in negatives:
        _refuse_joined(negative)
        _refuse_loras(negative)
    return tuple(negatives * groups if len(negatives) == 1 else negatives)


def _refuse_changing(prompts: Sequence[Prompt]) -> None:
    for prompt in prompts:
        if not is_single(prompt):
            raise InputError(
                "attention.changing",
                ja=f"「{shortened(prompt.source)}」はステップごとに変わるか、AND でつないだプロンプトなので、"
                "どの語がどこを描いたか（attention）は記録できません。どちらかを外してください。",
                en=f"{shortened(prompt.source)!r} changes with the steps, or AND joins prompts in it: which "
                "word drew what (attention) cannot be recorded. Leave one of them out.",
            )


def _refuse_joined(negative: Prompt) -> None:
    if len(compose(negative.source)) > 1:
        raise InputError(
            "prompt.and_negative",
            ja="AND は negative_prompt では使えません（何も足し合わされません）。コンマでつなぐか、"
            "除きたいものを prompt に AND と負の重みで書いてください（例: 猫 AND 首輪 :-0.5）。",
            en="AND means nothing in a negative prompt: nothing is added up there. Join with commas, or "
            "write what is to be kept out into the prompt, with AND and a negative weight "
            "(a cat AND a collar :-0.5).",
        )


def _refuse_loras(negative: Prompt) -> None:
    found = lora_weights(tags(negative))
    if found:
        raise InputError(
            "lora.negative",
            ja=f"LoRA「{next(iter(found))}」のタグは negative_prompt では働きません。"
            "prompt に書くか、消してください（弱めるには <lora:名前:-0.5> のように負の重みを使えます）。",
            en=f"the tag of the LoRA {next(iter(found))!r} does nothing in a negative prompt. Write it into "
            "the prompt, or take it out (a negative weight, <lora:NAME:-0.5>, turns it round).",
        )


def check_tensor(name: str, tensor: Tensor, shape: tuple[int | None, ...]) -> None:
    """Refuse a tensor of another shape; None in ``shape`` is any size.

    Raises:
        InputError: If it has another.
    """
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
