"""A job: a generation with every argument checked and every default filled in, before any heavy work."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sdjp import images
from sdjp.errors import InputError
from sdjp.generation.controls import Control, Hint
from sdjp.options import ResolvedOptions
from sdjp.samplers import Plan
from sdjp.text.prompt import Prompt, tags
from sdjp.text.schedule import schedule
from sdjp.text.tags import lora_weights

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from sdjp.weights.parts.upscaler import Upscaler


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
