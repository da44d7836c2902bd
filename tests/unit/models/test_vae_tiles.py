"""The autoencoder in tiles: the whole picture's result, with the whole picture's statistics."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from sdjp.config import VAEConfig
from sdjp.images import from_pil
from sdjp.models import VAE
from sdjp.models.vae_tiles import decode_tiled, encode_tiled
from sdjp.pipeline import Pipeline

# Three levels with one residual block: 13 norms in the tiled part of the decoder, 6 in that of the encoder.
SMALL = VAEConfig(ch=8, ch_mult=(1, 2, 2), num_res_blocks=1, norm_groups=4)


@pytest.fixture(scope="module")
def vae() -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VAE.from_config(SMALL).double().eval().requires_grad_(False)
        for parameter in model.parameters():  # all norms matter, and none is the identity
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def randn(*shape: int) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x + torch.linspace(-2, 2, shape[-1], dtype=torch.float64)  # tiles differ in brightness


@torch.inference_mode()
@pytest.mark.parametrize("tile", [5, 7])
def test_measured_often_enough_it_is_the_very_same(vae: VAE, tile: int) -> None:
    z = randn(2, 4, 9, 12)
    # In float64: n measurements settle n norms, and a margin of 12 cells is as far as convolutions reach.
    tiled = decode_tiled(vae, z, tile=tile, margin=12, measurements=13)
    torch.testing.assert_close(tiled, vae.decode(z), rtol=0, atol=1e-9)
    x = randn(2, 3, 36, 48)
    encoded, whole = encode_tiled(vae, x, tile=tile, margin=12, measurements=6), vae.encode(x)
    torch.testing.assert_close(encoded.mean, whole.mean, rtol=0, atol=1e-9)
    torch.testing.assert_close(encoded.logvar, whole.logvar, rtol=0, atol=1e-9)


@torch.inference_mode()
def test_one_tile_is_the_whole_and_measuring_alone_helps(vae: VAE) -> None:
    z = randn(1, 4, 12, 24)
    whole = vae.decode(z)
    torch.testing.assert_close(decode_tiled(vae, z, tile=24), whole, rtol=0, atol=1e-9)
    errors = [(decode_tiled(vae, z, tile=12, measurements=n) - whole).abs().mean().item() for n in (0, 2, 6)]
    assert all(later < earlier / 2 for earlier, later in itertools.pairwise(errors))


@torch.inference_mode()
def test_the_autoencoder_itself_is_left_alone(vae: VAE) -> None:
    before = {name: id(module) for name, module in vae.named_modules()}
    decode_tiled(vae, randn(1, 4, 8, 8), tile=4)
    assert {name: id(module) for name, module in vae.named_modules()} == before


@torch.inference_mode()
def test_a_real_picture_through_the_embedded_model(mini: Pipeline) -> None:
    result = mini.generate("海と山", seed=2, num_inference_steps=6)
    pixels = from_pil(result.images[0], height=256, width=256)
    latents = mini.vae.encode(pixels)
    whole = mini.vae.decode(latents.mean)
    tiled = decode_tiled(mini.vae, latents.mean, tile=8, margin=4)
    apart = decode_tiled(mini.vae, latents.mean, tile=8, margin=4, measurements=0)
    levels, without = ((y - whole).abs() * 127.5 for y in (tiled, apart))
    # Tiles of a sixteenth of the picture, much smaller than are ever used: one level of 255 on average is
    # below what anyone sees, and it is the same on both sides of a border. With statistics of their own,
    # as tiles are usually decoded, they are several times further off.
    assert levels.mean() < 1.5
    assert levels.mean() < without.mean() / 2
    step = (tiled[..., 128] - tiled[..., 127] - whole[..., 128] + whole[..., 127]).abs().mean() * 127.5
    assert step < 0.5, "a seam"
    again = encode_tiled(mini.vae, pixels, tile=8, margin=4)
    assert (again.mean - latents.mean).abs().mean() < 0.1 * latents.mean.std()
