"""The settings of diffusers' schedulers: those that sdjp can follow, and a word on those it cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sdjp.config import Defaults
from sdjp.samplers import SAMPLERS
from sdjp.weights.configs.values import show

Json = Mapping[str, Any]
Note = tuple[str, str]
"""Japanese, English."""


@dataclass(frozen=True, kw_only=True)
class Class:
    """A class of schedulers that takes the steps of a sampler of ours.

    Attributes:
        sampler: The sampler.
        spacings: Our spacings by its names for them (``timestep_spacing``).
        sigmas: If it has the switches of :data:`SIGMAS`, the names of ``timestep_spacing`` with which they
            span all sigmas of the model, as ours do.
        usual: What our sampler does, where that is not what :data:`USUAL` has.
        idle: Settings that it has and makes no use of, or that come to nothing with these steps.
    """

    sampler: str
    spacings: Mapping[str, str]
    sigmas: Collection[str] = ()
    usual: Json = field(default_factory=dict)
    idle: Collection[str] = ()


_WHOLE: Final = {"leading": "leading", "trailing": "trailing", "linspace": "linspace"}
_FRACTIONAL: Final = {**_WHOLE, "linspace": "normal"}
_MULTISTEP: Final = {"leading": "multistep_leading", "trailing": "trailing", "linspace": "multistep_linspace"}
_DISTILLED: Final = ("timestep_spacing", "steps_offset", "set_alpha_to_one")
CLASSES: Final = {
    "DDIMScheduler": Class(sampler="ddim", spacings=_WHOLE),
    "PNDMScheduler": Class(sampler="plms", spacings=_WHOLE),
    "DPMSolverMultistepScheduler": Class(
        sampler="dpm++_2m",
        spacings=_MULTISTEP,
        sigmas=_MULTISTEP,
        idle=("lower_order_final", "euler_at_final"),  # at sigma = 0 the last step is of first order anyway
    ),
    "EulerDiscreteScheduler": Class(sampler="euler", spacings=_FRACTIONAL, sigmas=("linspace",)),
    "EulerAncestralDiscreteScheduler": Class(sampler="euler_a", spacings=_FRACTIONAL),
    "HeunDiscreteScheduler": Class(sampler="heun", spacings=_FRACTIONAL, sigmas=("linspace",)),
    "DPMSolverSDEScheduler": Class(sampler="dpm++_sde", spacings=_FRACTIONAL, sigmas=("linspace",)),
    "UniPCMultistepScheduler": Class(
        sampler="unipc", spacings=_MULTISTEP, sigmas=_MULTISTEP, usual={"solver_type": "bh2"}
    ),
    "LCMScheduler": Class(sampler="lcm", spacings={}, idle=_DISTILLED),
    "TCDScheduler": Class(sampler="tcd", spacings={}, idle=_DISTILLED),
}
"""Classes that take the steps of a sampler of ours."""
SIGMAS: Final = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta_sigmas",
}
"""Switches, and the spacings they stand for."""
# What our samplers do, where a setting tells of it at all.
USUAL: Final[Json] = {
    "algorithm_type": "dpmsolver++",
    "clip_sample": False,
    "disable_corrector": [],
    "euler_at_final": False,
    "final_sigmas_type": "zero",
    "interpolation_type": "linear",
    "lower_order_final": True,
    "original_inference_steps": 50,
    "predict_x0": True,
    "set_alpha_to_one": False,
    "sigma_max": None,
    "sigma_min": None,
    "skip_prk_steps": True,
    "solver_order": 2,
    "solver_type": "midpoint",
    "thresholding": False,
    "timestep_scaling": 10.0,
    "timestep_type": "discrete",
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
    return _followed(settings)[0]


def spacing_of(settings: Json) -> str | None:
    """Return our spacing; None if it is the sampler's own, none is told, or we have none like it."""
    return _followed(settings)[1]


def _followed(settings: Json) -> tuple[str | None, str | None, dict[str, Any]]:
    """Our sampler, our spacing, and the settings that neither follows."""
    known = CLASSES.get(str(settings.get("_class_name")))
    usual = {**USUAL, **(known.usual if known else {})}
    left = {key: settings[key] for key, value in usual.items() if settings.get(key) not in (None, value)}
    sampler = known.sampler if known else None
    if sampler == "dpm++_2m" and left.get("algorithm_type") == "sde-dpmsolver++":
        sampler = "dpm++_2m_sde"
        del left["algorithm_type"]
    idle = set(known.idle if known else ())
    if sampler == "dpm++_2m" and left.get("final_sigmas_type") == "sigma_min":
        sampler, idle = "dpm_solver", set()
        del left["final_sigmas_type"]

    theirs = settings.get("timestep_spacing")
    switches = [key for key in SIGMAS if key in left] if known and known.sigmas else []
    if known and len(switches) == 1:
        spacing: str | None = SIGMAS[switches[0]]
        del left[switches[0]]
        if theirs not in (None, *known.sigmas):
            left["timestep_spacing"] = theirs
    else:
        spacings = known.spacings if known else _WHOLE
        spacing = spacings.get(theirs) if isinstance(theirs, str) else None
        if theirs is not None and spacing is None:
            left["timestep_spacing"] = theirs
        if theirs in (None, "leading") and settings.get("steps_offset") not in (None, 1):
            left["steps_offset"] = settings["steps_offset"]
    if spacing == SAMPLERS[sampler or Defaults().sampler].spacing:
        spacing = None
    return sampler, spacing, {key: value for key, value in left.items() if key not in idle}


def settings_of_spacings(name: str) -> dict[str, Json]:
    """The settings with which a class of :data:`CLASSES` has a spacing, by our names and by its own."""
    known = CLASSES[name]
    spacings: dict[str, Json] = {theirs: {"timestep_spacing": theirs} for theirs in known.spacings}
    spacings |= {ours: {"timestep_spacing": theirs} for theirs, ours in known.spacings.items()}
    if known.sigmas:
        spacings |= {ours: {"timestep_spacing": "linspace", key: True} for key, ours in SIGMAS.items()}
    return spacings


def notes(settings: Json, *, sampler: str) -> tuple[Note, ...]:
    """Say which settings are not followed.

    Args:
        settings: Those of a scheduler.
        sampler: The one that is used instead of a class that we do not have.
    """
    found: list[Note] = []
    name = settings.get("_class_name")
    known, _, others = _followed(settings)
    if name is not None and known is None:
        found.append((
            f"このモデルのスケジューラー {show(name)} は sdjp にありません。代わりに {sampler} で描きます。",
            f"sdjp does not have the scheduler of this model, {show(name)}; it draws with {sampler}.",
        ))  # fmt: skip
    if others:
        listed = ", ".join(f"{key} = {show(value)}" for key, value in others.items())
        found.append((
            f"スケジューラーの次の設定は sdjp にないため、使いません: {listed}",
            f"sdjp does not follow these settings of the scheduler: {listed}",
        ))  # fmt: skip
    return tuple(found)
