"""The spacing of a run: S of the T trained timesteps.

To add one: write a function ``(steps, T) -> timesteps`` (any order, whole or fractional, 0 to T - 1), add a
line to :data:`SPACINGS`, and describe it in docs/ja/samplers.md. The contract tests find it by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sdjp.errors import InputError


def leading(steps: int, T: int) -> Sequence[float]:
    """Multiples of T // S, plus 1: Stable Diffusion's own (diffusers' "leading" with steps_offset 1)."""
    stride = T // steps
    # Only S = T leaves no room for the offset: there the last timestep would be T, which was never trained.
    offset = min(1, T - 1 - stride * (steps - 1))
    return [stride * i + offset for i in range(steps)]


def trailing(steps: int, T: int) -> Sequence[float]:
    """From T - 1 down in strides of T / S, rounded (Lin et al. 2024, arXiv 2305.08891, table 2)."""
    stride = T - (
        T - T / steps
    )  # rounded as numpy.arange rounds it, so that ties (S = 48) fall as in diffusers
    return [round(T - i * stride) - 1 for i in range(steps)]


def linspace(steps: int, T: int) -> Sequence[float]:
    """From 0 to T - 1, both included, rounded (diffusers' DDIM); a single step sits at 0."""
    stride = (T - 1) / max(steps - 1, 1)
    return [round(i * stride) for i in range(steps)]


def quad(steps: int, T: int) -> Sequence[float]:
    """Squares, plus 1: dense where there is little noise (CompVis ``ddim_discretize="quad"``).

    Never goes above 0.8 T, and visits some timesteps twice when there are many steps, as the original does.
    """
    stride = math.sqrt(0.8 * T) / max(steps - 1, 1)
    return [int((i * stride) ** 2) + 1 for i in range(steps)]


def time_uniform(steps: int, T: int) -> Sequence[float]:
    """From T - 1 towards 0 in S equal, fractional strides (CompVis' dpm_solver, by the same name)."""
    return [(T - 1) * (1 - i / steps) for i in range(steps)]


def compvis(steps: int, T: int) -> Sequence[float]:
    """The original's "uniform", to the letter: ``range(0, T, T // S)`` plus 1.

    It has S entries only for some S (31 for S = 30); for others its last entry is T, which does not exist.

    Raises:
        InputError: Where the original stops with an IndexError; the message names the nearest S that work.
    """
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


SPACINGS: Final[Mapping[str, Callable[[int, int], Sequence[float]]]] = {
    "leading": leading,
    "trailing": trailing,
    "linspace": linspace,
    "quad": quad,
    "time_uniform": time_uniform,
    "compvis": compvis,
}
