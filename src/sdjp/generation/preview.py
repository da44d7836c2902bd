"""Previews: rough pictures of latents while a run goes on, without its decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from PIL.Image import Resampling
from torch import Tensor

from sdjp import images
from sdjp.models import VAE
from sdjp.models.preview import SD_V1_MAP, PreviewMap, preview_map
from sdjp.weights import OnDemand

if TYPE_CHECKING:
    from PIL.Image import Image

FIT: Final = "fit"
"""The name of a map that is measured on the model's own decoder."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """The map of a model that brings none: fitted to its decoder when it is first called.

    Attributes:
        vae: The autoencoder.
        on_demand: Has its weights in memory meanwhile.
    """

    vae: VAE
    on_demand: OnDemand

    @cached_property
    def map(self) -> PreviewMap:
        """The map."""
        with self.on_demand.loaded("vae"):
            return preview_map(self.vae)

    def __call__(self, x: Tensor) -> Tensor:
        """Map latents (B, C, h, w) to pixels (B, 3, p h, p w), about [-1, 1]."""
        return self.map(x)


def default_preview(vae: VAE, on_demand: OnDemand) -> Callable[[Tensor], Tensor]:
    """The table of Stable Diffusion v1 for latents of its form, or a map that is fitted at first use."""
    like_v1 = vae.post_quant_conv.weight.shape[0] == SD_V1_MAP.channels and vae.factor == 8
    return SD_V1_MAP if like_v1 else Fitted(vae=vae, on_demand=on_demand)


def previewed(preview: Callable[[Tensor], Tensor], x: Tensor, *, factor: int) -> list[Image]:
    """Return pictures of latents x (B, C, h, w) as large as their decoder's: ``factor`` pixels to a cell.

    Raises:
        NonFiniteError: If there is NaN or infinity in them.
    """
    size = x.shape[-1] * factor, x.shape[-2] * factor
    small = images.to_pil(preview(x))
    # Lanczos rings at edges, bilinear blurs; of PSNR bicubic has as much as Lanczos.
    return [one if one.size == size else one.resize(size, Resampling.BICUBIC) for one in small]
