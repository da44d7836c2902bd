"""Wrappers around the model that keep a part of the picture (inpainting); samplers know nothing of them.

A mask is (B or 1, 1, h, w), 1 where the picture is redrawn and 0 where it is known; ``clean`` is the known
picture's latents, (B, C, h, w).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise
from sdjp.samplers.schedule import Schedule

if TYPE_CHECKING:
    from torch import Tensor


def keep_known(denoise: Denoise, clean: Tensor, mask: Tensor, schedule: Schedule) -> Denoise:
    """Answer, outside the mask, with the very noise that leads to ``clean``.

    eps' = m eps + (1 - m) (x - alpha clean) / sigma, hence x0' = m x0 + (1 - m) clean: every sampler arrives
    at the known picture by itself, in its own way, and the redrawn part always sees it noised to the same t.
    With a deterministic sampler this is the blending of Blended Diffusion (Avrahami et al. 2022, arXiv
    2111.14818) with one noise for all steps, as diffusers has it.

    Args:
        denoise: The model.
        clean: See above.
        mask: See above; values between 0 and 1 mix.
        schedule: The schedule that the model was trained on.
    """

    def keeping(x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = schedule.alpha_sigma(t, x)
        return (mask * denoise(x, t) + (1 - mask) * (x - alpha * clean) / sigma).to(x.dtype)

    return keeping


def renew_known(denoise: Denoise, clean: Tensor, mask: Tensor, schedule: Schedule, noise: Noise) -> Denoise:
    """Show the model ``clean`` with fresh noise outside the mask, at each call: what the original does.

    CompVis' DDIM puts q(x_t | clean) into x before each step. For masks of 0 and 1 the redrawn part takes the
    same way here; outside the mask x itself means nothing until ``clean`` is put there at the end.

    Args:
        denoise: The model.
        clean: See above.
        mask: See above.
        schedule: The schedule that the model was trained on.
        noise: Draws the next noise.
    """

    def renewing(x: Tensor, t: Tensor) -> Tensor:
        known = schedule.add_noise(clean, noise(), t)
        return denoise((mask * x + (1 - mask) * known).to(x.dtype), t)

    return renewing


def beside(denoise: Denoise, extra: Tensor) -> Denoise:
    """Give a model for inpainting the channels that it takes beside x.

    Args:
        denoise: A model of C + C' channels.
        extra: (B or 1, C', h, w): the mask, then the latents of the picture with the masked part grey.
    """

    def complete(x: Tensor, t: Tensor) -> Tensor:
        import torch

        return denoise(torch.cat([x, extra.to(x.dtype).expand(x.shape[0], -1, -1, -1)], dim=1), t)

    return complete
