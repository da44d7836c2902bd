"""Presets: settings that go together, for whatever the caller leaves open.

How to add one: write a line in :data:`PRESETS`, measure it with ``examples/bench/fast_quality.py``, and
describe it in docs/ja/fast.md and docs/en/fast.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sdjp.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Values for options of the same names; see :class:`sdjp.options.GenerationOptions`."""

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
