"""The spacing of a run: S of the T trained timesteps, or places between them.

To add one: write a function ``(steps, schedule) -> timesteps`` (any order, whole or fractional, 0 to T - 1),
add a line to :data:`SPACINGS`, and describe it in docs/ja/samplers.md. The contract tests find it by
themselves. Names that other programs have for them stand in ``names.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from sdjp.errors import InputError
from sdjp.samplers.beta import quantile

if TYPE_CHECKING:
    from sdjp.samplers.schedule import Schedule

Spacing: TypeAlias = "Callable[[int, Schedule], Sequence[float]]"

LCM_STEPS: Final = 50
"""Timesteps that latent consistency models are distilled at (``original_inference_steps``)."""


def leading(steps: int, schedule: Schedule) -> Sequence[float]:
    """Multiples of T // S, plus 1: Stable Diffusion's own (diffusers' "leading" with steps_offset 1)."""
    T = schedule.num_train_timesteps
    stride = T // steps
    # Only S = T leaves no room for the offset: there the last timestep would be T, which was never trained.
    offset = min(1, T - 1 - stride * (steps - 1))
    return [stride * i + offset for i in range(steps)]


def trailing(steps: int, schedule: Schedule) -> Sequence[float]:
    """From T - 1 down in strides of T / S, rounded (Lin et al. 2024, arXiv 2305.08891, table 2)."""
    T = schedule.num_train_timesteps
    stride = T - (
        T - T / steps
    )  # rounded as numpy.arange rounds it, so that ties (S = 48) fall as in diffusers
    return [round(T - i * stride) - 1 for i in range(steps)]


def linspace(steps: int, schedule: Schedule) -> Sequence[float]:
    """From 0 to T - 1, both included, rounded (diffusers' DDIM); a single step sits at 0."""
    T = schedule.num_train_timesteps
    stride = (T - 1) / max(steps - 1, 1)
    return [round(i * stride) for i in range(steps)]


def quad(steps: int, schedule: Schedule) -> Sequence[float]:
    """Squares, plus 1: dense where there is little noise (CompVis ``ddim_discretize="quad"``).

    Never goes above 0.8 T, and visits some timesteps twice when there are many steps, as the original does.
    """
    T = schedule.num_train_timesteps
    stride = math.sqrt(0.8 * T) / max(steps - 1, 1)
    return [int((i * stride) ** 2) + 1 for i in range(steps)]


def time_uniform(steps: int, schedule: Schedule) -> Sequence[float]:
    """From T - 1 towards 0 in S equal, fractional strides.

    CompVis' dpm_solver has it by the same name; ComfyUI calls it "sgm_uniform".
    """
    T = schedule.num_train_timesteps
    return [(T - 1) * (1 - i / steps) for i in range(steps)]


def compvis(steps: int, schedule: Schedule) -> Sequence[float]:
    """The original's "uniform", to the letter: ``range(0, T, T // S)`` plus 1.

    It has S entries only for some S (31 for S = 30); for others its last entry is T, which does not exist.

    Raises:
        InputError: Where the original stops with an IndexError; the message names the nearest S that work.
    """
    T = schedule.num_train_timesteps
    if not _compvis_works(steps, T):
        nearest = [
            next((s for s in numbers if _compvis_works(s, T)), None)
            for numbers in (range(steps - 1, 0, -1), range(steps + 1, T + 1))
        ]
        usable = [str(s) for s in nearest if s is not None]
        raise InputError(
            "steps.compvis",
            ja=f"元の実装 (spacing='compvis') は、ステップ数 {steps} では学習範囲の外 (t = {T}) を"
            f"参照してしまい、動きません。近い値では {' か '.join(usable)} が使えます。"
            "ほかの spacing（'leading' など）なら、どのステップ数でも使えます。",
            en=f"with {steps} steps the original's formula (spacing='compvis') leaves the trained timesteps "
            f"(t = {T}). The nearest that work: {' or '.join(usable)}. "
            "Other spacings, such as 'leading', take any number of steps.",
        )
    return [t + 1 for t in range(0, T, T // steps)]


def _compvis_works(steps: int, T: int) -> bool:
    return (T - 1) % (T // steps) != 0


def normal(steps: int, schedule: Schedule) -> Sequence[float]:
    """From T - 1 to 0, both included, in equal, fractional strides: k-diffusion's ``get_sigmas``."""
    return [(schedule.num_train_timesteps - 1) * (1 - share) for share in _shares(steps)]


def simple(steps: int, schedule: Schedule) -> Sequence[float]:
    """From T - 1 down in strides of T / S, the fraction cut off (ComfyUI's "simple")."""
    T = schedule.num_train_timesteps
    return [T - 1 - int(i * (T / steps)) for i in range(steps)]


def multistep_linspace(steps: int, schedule: Schedule) -> Sequence[float]:
    """What diffusers' multistep solvers (DPM-Solver, UniPC) call "linspace": S + 1 places without 0."""
    stride = (schedule.num_train_timesteps - 1) / steps
    return [round(i * stride) for i in range(1, steps + 1)]


def multistep_leading(steps: int, schedule: Schedule) -> Sequence[float]:
    """What they call "leading": multiples of T // (S + 1) without 0, plus 1 (steps_offset 1).

    From S = T - 1 on the offset would lead to T, and is left out; S = T has the first of them S times.
    """
    T = schedule.num_train_timesteps
    stride = T // (steps + 1)
    offset = min(1, T - 1 - stride * steps)
    return [stride * i + offset for i in range(1, steps + 1)]


def karras(steps: int, schedule: Schedule) -> Sequence[float]:
    """sigma^(1/7) falls evenly (Karras et al. 2022, arXiv 2206.00364, equation 5, with rho = 7)."""
    high, low = (sigma ** (1 / 7) for sigma in _ends(schedule))
    return _timesteps(((high + share * (low - high)) ** 7 for share in _shares(steps)), schedule)


def exponential(steps: int, schedule: Schedule) -> Sequence[float]:
    """log sigma falls evenly (k-diffusion's "exponential")."""
    high, low = (math.log(sigma) for sigma in _ends(schedule))
    return _timesteps((math.exp(high + share * (low - high)) for share in _shares(steps)), schedule)


def beta(steps: int, schedule: Schedule) -> Sequence[float]:
    """Timesteps at even quantiles of the beta distribution of 0.6 and 0.6, rounded: dense at both ends.

    Lee et al. 2024, arXiv 2407.12173, as ComfyUI has it; here a timestep may come twice if there are many.
    """
    T = schedule.num_train_timesteps
    return [round((T - 1) * quantile(1 - i / steps)) for i in range(steps)]


def beta_sigmas(steps: int, schedule: Schedule) -> Sequence[float]:
    """sigma at even quantiles of that distribution: diffusers' ``use_beta_sigmas``, AUTOMATIC1111's "Beta".

    Most steps go to the largest sigmas, and few are left for what makes a picture.
    """
    high, low = _ends(schedule)
    return _timesteps((low + quantile(1 - share) * (high - low) for share in _shares(steps)), schedule)


def lcm(steps: int, schedule: Schedule) -> Sequence[float]:
    """S of the 50 timesteps that latent consistency models are distilled at (diffusers' LCM and TCD).

    Raises:
        InputError: If there are not so many.
    """
    T = schedule.num_train_timesteps
    count = min(LCM_STEPS, T)
    if steps > count:
        raise InputError(
            "steps.lcm",
            ja=f"spacing='lcm' には {count} 段階しかないため、{steps} ステップでは使えません。"
            f"ステップ数を {count} 以下（ふつうは 4〜8）にするか、ほかの spacing（'trailing' など）を"
            "指定してください。",
            en=f"spacing='lcm' has no more than {count} timesteps, and cannot be used with {steps} steps. "
            f"Take {count} steps or fewer (4 to 8, usually), or another spacing, such as 'trailing'.",
        )
    return [(count - i * count // steps) * (T // count) - 1 for i in range(steps)]


def _shares(steps: int) -> list[float]:
    """From 0 to 1, both included; a single step sits at 0, the most noise."""
    return [i / max(steps - 1, 1) for i in range(steps)]


def _ends(schedule: Schedule) -> tuple[float, float]:
    """The largest and the smallest sigma of a model."""
    ends = schedule.alpha_bar_at(schedule.num_train_timesteps - 1), schedule.alpha_bar_at(0)
    return math.sqrt(1 / ends[0] - 1), math.sqrt(1 / ends[1] - 1)


def _timesteps(sigmas: Iterable[float], schedule: Schedule) -> list[float]:
    return [schedule.timestep_at(1 / (1 + sigma**2)) for sigma in sigmas]


SPACINGS: Final[Mapping[str, Spacing]] = {
    "leading": leading,
    "trailing": trailing,
    "linspace": linspace,
    "quad": quad,
    "time_uniform": time_uniform,
    "compvis": compvis,
    "karras": karras,
    "exponential": exponential,
    "beta": beta,
    "beta_sigmas": beta_sigmas,
    "normal": normal,
    "simple": simple,
    "multistep_linspace": multistep_linspace,
    "multistep_leading": multistep_leading,
    "lcm": lcm,
}
