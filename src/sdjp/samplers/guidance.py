"""Wrappers around the model that samplers know nothing of: guidance, and what the model predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from sdjp.errors import InputError
from sdjp.samplers.base import Denoise
from sdjp.samplers.schedule import Schedule

if TYPE_CHECKING:
    from torch import Tensor

Model: TypeAlias = "Callable[[Tensor, Tensor, Tensor], Tensor]"
"""(x (B, C, h, w), t (B,), cond (B, L, D)) -> prediction (B, C, h, w)."""


def classifier_free(model: Model, cond: Tensor, uncond: Tensor | None, scale: float) -> Denoise:
    """Guide ``model`` towards ``cond`` and away from ``uncond``.

    eps = eps_uncond + scale (eps_cond - eps_uncond): Ho & Salimans 2022, arXiv 2207.12598, equation 6, with
    scale = 1 + w. One call of the model with a batch of 2 B, the unconditional half always first. Scale 1 is
    without guidance: one call with B, and ``uncond`` is not used.

    Args:
        model: The network; its prediction may be eps or v. It may compute in a dtype of its own.
        cond: Text states (B, L, D).
        uncond: States of the empty or the negative prompt, of the same shape. Not needed at scale 1.
        scale: Any finite number; 0 follows ``uncond`` alone.

    Returns:
        A function of x (B, C, h, w) and t (0-d or (B,)) that answers in the dtype of x.

    Raises:
        InputError: If ``scale`` is not finite, or ``uncond`` is needed and missing or of another shape.
    """
    if not math.isfinite(scale):
        raise InputError(
            "scale.finite",
            ja=f"ガイダンススケールには有限の数を指定してください（指定: {scale!r}）。",
            en=f"the guidance scale must be a finite number, not {scale!r}.",
        )
    if scale == 1:
        return lambda x, t: model(x, t.expand(x.shape[0]), cond).to(x.dtype)
    if uncond is None or uncond.shape != cond.shape:
        given = None if uncond is None else tuple(uncond.shape)
        raise InputError(
            "uncond.shape",
            ja=f"無条件側の埋め込みの形 {given} が、条件側の形 {tuple(cond.shape)} と違います。"
            "同じ形にするか、ガイダンススケールを 1 にしてください。",
            en=f"the unconditional states have shape {given}, the conditional ones {tuple(cond.shape)}. "
            "Make them the same, or set the guidance scale to 1.",
        )

    import torch

    context = torch.cat([uncond, cond])  # (2B, L, D)

    def guided(x: Tensor, t: Tensor) -> Tensor:
        twice = model(torch.cat([x, x]), t.expand(x.shape[0]).repeat(2), context)
        eps_uncond, eps_cond = twice.to(x.dtype).chunk(2)
        return eps_uncond + scale * (eps_cond - eps_uncond)

    return guided


def composable(
    model: Model, cond: Tensor, uncond: Tensor, weights: Sequence[Sequence[float]], scale: float
) -> Denoise:
    """Guide ``model`` towards several conditions at once, each with a weight.

    eps = eps_uncond + scale sum_i w_i (eps_i - eps_uncond): the conjunction (AND) of Liu et al. 2022,
    arXiv 2206.01714, with weights relative to ``scale``, as in AUTOMATIC1111's web UI. One call of the model
    with a batch of B + P, the unconditional rows first. With one condition of weight 1 for each picture it
    is :func:`classifier_free`.

    Args:
        model: The network, as there.
        cond: Text states (P, L, D): those of the first picture, then those of the next.
        uncond: States of the empty or the negative prompt, (B, L, D).
        weights: For each picture, those of its conditions, P in all; either sign.
        scale: Any finite number. Unconditional rows are computed at 1, too: they do not cancel out.

    Returns:
        A function of x (B, C, h, w) and t (0-d or (B,)) that answers in the dtype of x.
    """
    import torch

    context = torch.cat([uncond, cond])  # (B + P, L, D)
    counts = [len(of_one) for of_one in weights]
    of_picture = [i for i, count in enumerate(counts) for _ in range(count)]

    def composed(eps_uncond: Tensor, eps_cond: Tensor, of_one: Sequence[float]) -> Tensor:
        if scale == 1 and list(of_one) == [1]:
            return eps_cond[0]  # as it is alone, to the last bit
        eps = eps_uncond
        for weight, eps_i in zip(of_one, eps_cond, strict=True):
            eps = eps + (scale * weight) * (eps_i - eps_uncond)
        return eps

    def guided(x: Tensor, t: Tensor) -> Tensor:
        t = t.expand(x.shape[0])
        rows = model(torch.cat([x, x[of_picture]]), torch.cat([t, t[of_picture]]), context).to(x.dtype)
        eps_uncond, eps_cond = rows[: len(x)], torch.split(rows[len(x) :], counts)
        return torch.stack([*map(composed, eps_uncond, eps_cond, weights)])

    return guided


def eps_from_v(model: Denoise, schedule: Schedule) -> Denoise:
    """Make a model that predicts v into one that predicts eps.

    v = alpha eps - sigma x0 and x = alpha x0 + sigma eps, hence eps = alpha v + sigma x, where
    alpha = sqrt(alpha_bar_t) and sigma = sqrt(1 - alpha_bar_t): Salimans & Ho 2022, arXiv 2202.00512,
    appendix D.
    The step is affine, so it does not matter whether guidance comes before it or after.

    Args:
        model: v as a function of x (B, C, h, w) and t (0-d or (B,), whole or fractional).
        schedule: The schedule that the model was trained on.
    """

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = schedule.alpha_sigma(t, x)
        return (alpha * model(x, t) + sigma * x).to(x.dtype)

    return denoise
