"""The autoencoder as a run needs it: large pictures in tiles; once more in float32 where 16 bits overflow."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from sdjp.config import ModelConfig
from sdjp.errors import NonFiniteError
from sdjp.models import VAE
from sdjp.models.vae import Gaussian
from sdjp.models.vae_tiles import decode_tiled, encode_tiled

WHOLE: Final = 2
"""How many times a picture's sides may be the model's own before it goes through in tiles."""

KEPT: Final = 32 * 32
"""Latent cells up to which memory is kept while decoding."""


def tile_cells(config: ModelConfig, *, small: bool = False) -> int:
    """Side of the largest square that the autoencoder takes whole, in latent cells (128 for SD v1).

    Args:
        config: The model's.
        small: A quarter of it, for less memory (32 for SD v1).
    """
    cells = WHOLE * max(config.defaults.height, config.defaults.width) // config.vae.factor
    return max(1, cells // 4) if small else cells


def keeps_pages(x: Tensor) -> bool:
    """Whether freed memory had better stay with the process while latents x (B, C, h, w) are decoded.

    The maps of a large picture are few and of all sizes, and leave holes in the heap: for 512×512, 0.5 GB of
    them save a tenth of the time of decoding, or a little more.
    """
    return x.shape[-2] * x.shape[-1] <= KEPT


def encode(vae: VAE, pixels: Tensor, *, tile: int) -> Gaussian:
    """Encode pictures (B, 3, H, W) in [-1, 1]; larger ones than ``tile`` × ``tile`` cells in tiles.

    Returns:
        Unscaled latents, float32.

    Raises:
        NonFiniteError: If there is NaN or infinity in them, in float32 too.
    """
    cells = pixels.shape[-2] * pixels.shape[-1] // vae.factor**2

    def moments(vae: VAE) -> Tensor:
        own = pixels.to(vae.quant_conv.weight.device, vae.quant_conv.weight.dtype)
        whole = cells <= tile**2
        # One picture at a time: no slower than together, and the memory of one.
        parts = (
            vae.encode(one) if whole else encode_tiled(vae, one, tile=tile) for one in own.chunk(len(own))
        )
        return torch.cat([torch.cat([g.mean, g.logvar], dim=1) for g in parts])

    return Gaussian.from_moments(_finite(vae, moments))


def decode(
    vae: VAE, x: Tensor, *, tile: int, decoder: Callable[[VAE], Callable[[Tensor], Tensor]] | None = None
) -> Tensor:
    """Decode latents as the UNet knows them to pixels (B, 3, H, W) float32; larger ones in tiles.

    Args:
        vae: The autoencoder.
        x: Latents (B, C, h, w).
        tile: Side of the largest square that goes through whole, in latent cells.
        decoder: Gives the function that decodes such a square, as an engine does; ``VAE.decode``, if None.

    Raises:
        NonFiniteError: If there is NaN or infinity in them, in float32 too.
    """
    cells = x.shape[-2] * x.shape[-1]

    def pixels(vae: VAE) -> Tensor:
        z = (x / vae.scaling_factor).to(vae.post_quant_conv.weight.dtype)
        if cells > tile**2:
            return torch.cat([decode_tiled(vae, one, tile=tile) for one in z.chunk(len(z))])
        run = vae.decode if decoder is None else decoder(vae)
        return torch.cat([run(one) for one in z.chunk(len(z))])

    return _finite(vae, pixels)


def _finite(vae: VAE, run: Callable[[VAE], Tensor]) -> Tensor:
    out = run(vae).float()
    if not bool(torch.isfinite(out).all()) and vae.quant_conv.weight.dtype != torch.float32:
        out = run(copy.deepcopy(vae).float())
    if not bool(torch.isfinite(out).all()):
        raise NonFiniteError(
            "nan.pixels",
            ja="画像の符号化か復号で数値があふれました（float32 でも同じです）。"
            "重みのファイルが壊れている可能性があります。",
            en="the autoencoder gave NaN or infinity, in float32 too: the weights are probably damaged.",
        )
    return out
