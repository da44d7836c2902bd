"""The pictures among the arguments of a generation: read, counted, brought to size."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdjp import images
from sdjp.config import ModelConfig
from sdjp.errors import InputError
from sdjp.generation.job import Inputs
from sdjp.options import GenerationOptions, ResolvedOptions

if TYPE_CHECKING:
    from PIL.Image import Image


def opened(inputs: Inputs, groups: int) -> tuple[list[Image], list[Image]]:
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


def image_prompts(inputs: Inputs) -> list[Image]:
    """The pictures that are a prompt beside the words."""
    name, given = "image_prompt", inputs.image_prompt
    if given is None:
        return []
    sources: Any = given if isinstance(given, list | tuple) else [given]
    if not sources:
        raise InputError(
            f"{name}.empty_list",
            ja=f"{name} が空のリストです。1 つ以上入れるか、省いてください。",
            en=f"{name} is an empty list: put something into it, or leave it out.",
        )
    return [_rgb(images.open_picture(source, name=name), name=name) for source in sources]


def _rgb(picture: Image, *, name: str = "image") -> Image:
    origin, rgb = images.origin(picture), images.to_rgb(picture, name=name)
    return images.with_origin(rgb, origin)


def origins(
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


def sized(options: GenerationOptions, picture: Image, config: ModelConfig) -> GenerationOptions:
    """The sides that were left open, from the proportions of the picture."""
    height, width = images.natural_size(
        picture.size,
        area=config.defaults.height * config.defaults.width,
        factor=config.vae.factor,
        height=options.height,
        width=options.width,
    )
    return dataclasses.replace(options, height=height, width=width)


def fitted(
    options: ResolvedOptions, pictures: Sequence[Image], masks: Sequence[Image]
) -> tuple[list[Image], list[Image]]:
    """The pictures and the masks in the size of the drawing; one mask for each picture, or one for all."""
    size = {"height": options.height, "width": options.width}
    likes = pictures if len(pictures) == len(masks) else [pictures[0]] * len(masks)
    return (
        [images.fit_picture(picture, fit=options.fit, **size) for picture in pictures],
        [
            images.fit_mask(mask, like=like.size, fit=options.fit, **size)
            for mask, like in zip(masks, likes, strict=True)
        ],
    )
