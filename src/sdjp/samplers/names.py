"""Names that other programs have for samplers and spacings.

Case, spaces, hyphens and underscores make no difference. Names that hold both, such as "DPM++ 2M Karras", are
taken apart by :mod:`sdjp.options.names`; plans, results and records hold our own names only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

ALIASES: Final[Mapping[str, str]] = {
    # As AUTOMATIC1111, ComfyUI, k-diffusion and diffusers write them.
    "DDIMScheduler": "ddim",
    "PNDM": "plms",
    "PNDMScheduler": "plms",
    "DPM++ 2M": "dpm++_2m",
    "dpmpp_2m": "dpm++_2m",
    "k_dpmpp_2m": "dpm++_2m",
    "DPMSolver++": "dpm++_2m",
    "DPMSolverMultistep": "dpm++_2m",
    "DPMSolverMultistepScheduler": "dpm++_2m",
    "DPM++ 2M SDE": "dpm++_2m_sde",
    "dpmpp_2m_sde": "dpm++_2m_sde",
    "dpmpp_2m_sde_gpu": "dpm++_2m_sde",
    "k_dpmpp_2m_sde": "dpm++_2m_sde",
    "DPM++ SDE": "dpm++_sde",
    "dpmpp_sde": "dpm++_sde",
    "dpmpp_sde_gpu": "dpm++_sde",
    "k_dpmpp_sde": "dpm++_sde",
    "DPMSolverSDEScheduler": "dpm++_sde",
    "Euler": "euler",
    "k_euler": "euler",
    "EulerDiscrete": "euler",
    "EulerDiscreteScheduler": "euler",
    "Euler a": "euler_a",
    "k_euler_a": "euler_a",
    "k_euler_ancestral": "euler_a",
    "euler_ancestral": "euler_a",
    "EulerAncestralDiscrete": "euler_a",
    "EulerAncestralDiscreteScheduler": "euler_a",
    "k_heun": "heun",
    "HeunDiscrete": "heun",
    "HeunDiscreteScheduler": "heun",
    "uni_pc": "unipc",
    "uni_pc_bh2": "unipc",
    "UniPCMultistep": "unipc",
    "UniPCMultistepScheduler": "unipc",
    "LCMScheduler": "lcm",
    "TCDScheduler": "tcd",
}
"""Samplers."""

SPACING_ALIASES: Final[Mapping[str, str]] = {
    # AUTOMATIC1111's "schedule type", ComfyUI's "scheduler".
    "Uniform": "normal",
    "SGM Uniform": "time_uniform",
    "ddim_uniform": "compvis",
}
"""Spacings."""

AUTOMATIC: Final = "Automatic"
"""AUTOMATIC1111's name for the spacing that a sampler has of its own."""


def plain(name: str) -> str:
    """Return a name without what makes no difference in it."""
    return name.casefold().translate(str.maketrans("", "", " -_"))


def by_plain_name(own: Iterable[str], aliases: Mapping[str, str]) -> dict[str, str]:
    """Return our names by all that is understood for them, plain."""
    return {plain(name): name for name in own} | {plain(name): meant for name, meant in aliases.items()}
