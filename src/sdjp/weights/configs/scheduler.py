"""The settings of diffusers' schedulers: those that sdjp can follow, and a word on those it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sdjp.weights.configs.values import show

Json = Mapping[str, Any]
Note = tuple[str, str]
"""Japanese, English."""

CLASSES: Final = {
    "DDIMScheduler": "ddim",
    "PNDMScheduler": "plms",
    "DPMSolverMultistepScheduler": "dpm++_2m",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler_a",
}
"""Classes that take the steps of a sampler of ours."""
SPACINGS: Final = ("trailing", "linspace")
"""Spacings that are ours, too, beside ``"leading"``, the usual one."""
# What our samplers do, where a setting tells of it at all.
USUAL: Final[Json] = {
    "algorithm_type": "dpmsolver++",
    "clip_sample": False,
    "final_sigmas_type": "zero",
    "interpolation_type": "linear",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "solver_order": 2,
    "solver_type": "midpoint",
    "thresholding": False,
    "use_beta_sigmas": False,
    "use_exponential_sigmas": False,
    "use_flow_sigmas": False,
    "use_karras_sigmas": False,
    "use_lu_lambdas": False,
}
HOW: Final = (*USUAL, "timestep_spacing", "steps_offset")
"""Settings of the steps; the others are those of the training."""


def sampler_of(settings: Json) -> str | None:
    """Return our sampler of a scheduler; None if there is none, or no class is told."""
    return CLASSES.get(str(settings.get("_class_name")))


def spacing_of(settings: Json) -> str | None:
    """Return our spacing; None if it is the usual one, none is told, or we have none like it."""
    spacing = settings.get("timestep_spacing")
    return spacing if isinstance(spacing, str) and spacing in SPACINGS else None


def notes(settings: Json, *, sampler: str) -> tuple[Note, ...]:
    """Say which settings are not followed.

    Args:
        settings: Those of a scheduler.
        sampler: The one that is used instead of a class that we do not have.
    """
    found: list[Note] = []
    name = settings.get("_class_name")
    if name is not None and sampler_of(settings) is None:
        found.append((
            f"このモデルのスケジューラー {show(name)} は sdjp にありません。代わりに {sampler} で描きます。",
            f"sdjp does not have the scheduler of this model, {show(name)}; it draws with {sampler}.",
        ))  # fmt: skip
    others = {key: settings[key] for key, usual in USUAL.items() if settings.get(key) not in (None, usual)}
    spacing = settings.get("timestep_spacing")
    if spacing not in (None, "leading", *SPACINGS):
        others["timestep_spacing"] = spacing
    if spacing in (None, "leading") and settings.get("steps_offset") not in (None, 1):
        others["steps_offset"] = settings["steps_offset"]
    if others:
        listed = ", ".join(f"{key} = {show(value)}" for key, value in others.items())
        found.append((
            f"スケジューラーの次の設定は sdjp にないため、使いません: {listed}",
            f"sdjp does not follow these settings of the scheduler: {listed}",
        ))  # fmt: skip
    return tuple(found)
