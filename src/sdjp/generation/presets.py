"""Presets: settings that go together, for whatever the caller leaves open.

How to add one: write a line in :data:`PRESETS`, measure it with ``examples/bench/fast_quality.py``, and
describe it in docs/ja/fast.md and docs/en/fast.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sdjp.errors import InputError
from sdjp.types import GenerationOptions


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Values for options of the same names; see :class:`sdjp.types.GenerationOptions`."""

    sampler: str
    spacing: str
    num_inference_steps: int
    guidance_interval: tuple[float, float] | None
    token_merging: float
    feature_reuse: int


PRESETS: Final[Mapping[str, Preset]] = {
    "fast": Preset(
        sampler="dpm++_2m",
        spacing="trailing",
        num_inference_steps=10,
        guidance_interval=(0.2, 1.0),
        token_merging=0.0,
        feature_reuse=2,
    ),
}


def fill(options: GenerationOptions, *, guidance_scale: float) -> GenerationOptions:
    """Fill in what is None from the preset that ``options`` name; what was given stays.

    Args:
        options: What was asked for.
        guidance_scale: The model's own, for options that have none: at 1 there is no guidance to limit.

    Returns:
        The same options if they name no preset; else options with no preset, which say all it stands for.

    Raises:
        InputError: If there is no such preset.
    """
    if options.preset is None:
        return options
    if not isinstance(options.preset, str) or options.preset not in PRESETS:
        names = ", ".join(PRESETS)
        raise InputError(
            "preset.unknown",
            ja=f"プリセット {options.preset!r} はありません。使えるもの: {names}",
            en=f"there is no preset {options.preset!r}. Allowed: {names}",
        )
    values = dataclasses.asdict(PRESETS[options.preset])
    scale = guidance_scale if options.guidance_scale is None else options.guidance_scale
    if scale == 1:
        del values["guidance_interval"]
    chosen = {name: value for name, value in values.items() if getattr(options, name) is None}
    return dataclasses.replace(options, preset=None, **chosen)
