"""Presets: settings that go together, for whatever the caller leaves open.

How to add one: write a line in :data:`PRESETS`, measure it with ``examples/bench/fast_quality.py`` if it is
for any model, and describe it in docs/ja/fast.md and docs/en/fast.md. If it is for a LoRA, give it a line in
:mod:`sdjp.addons.turbo`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sdjp.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Values for options of the same names, None where it says nothing; see ``GenerationOptions``."""

    sampler: str
    spacing: str
    num_inference_steps: int
    guidance_scale: float | None = None
    eta: float | None = None
    guidance_interval: tuple[float, float] | None = None
    token_merging: float | None = None
    feature_reuse: int | None = None


PRESETS: Final[Mapping[str, Preset]] = {
    "fast": Preset(
        sampler="dpm++_2m",
        spacing="trailing",
        num_inference_steps=10,
        guidance_interval=(0.2, 1.0),
        token_merging=0.0,
        feature_reuse=2,
    ),
    # Those for a LoRA that makes few steps do, as its authors recommend. Guidance is in it: 1 adds none.
    # LCM-LoRA (Luo et al. 2023, arXiv 2311.05556): 2 to 8 steps, guidance 1 to 2.
    "lcm": Preset(sampler="lcm", spacing="lcm", num_inference_steps=4, guidance_scale=1.0),
    # Hyper-SD (Ren et al. 2024, arXiv 2404.13686): a file for each number of steps, one for 1 to 8 steps, and
    # those with CFG in their names, for guidance from 5 to 8.
    "hyper": Preset(sampler="ddim", spacing="trailing", num_inference_steps=8, guidance_scale=1.0),
    "hyper_1step": Preset(sampler="tcd", spacing="lcm", num_inference_steps=1, guidance_scale=1.0, eta=1.0),
    "hyper_cfg": Preset(sampler="ddim", spacing="trailing", num_inference_steps=8, guidance_scale=5.0),
    # TCD (Zheng et al. 2024, arXiv 2402.19159): eta is gamma, 0.3 of the sampler itself.
    "tcd": Preset(sampler="tcd", spacing="lcm", num_inference_steps=4, guidance_scale=1.0),
}


def get_preset(name: object) -> Preset:
    """Look a preset up.

    Raises:
        InputError: If there is none; the message lists those that exist.
    """
    if not isinstance(name, str) or name not in PRESETS:
        names = ", ".join(PRESETS)
        raise InputError(
            "preset.unknown",
            ja=f"プリセット {name!r} はありません。使えるもの: {names}",
            en=f"there is no preset {name!r}. Allowed: {names}",
        )
    return PRESETS[name]
