"""Train the autoencoder of the embedded model on random drawings over random backgrounds.

Loss: L1 + MSE + half an L1 on the gradients of the picture + a small KL. Crops grow from 64 to 128 pixels
during a run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdjp.config import MINI
from sdjp.models import VAE
from sdjp.models.blocks import Downsample, ResBlock, Upsample
from sdjp_training.loop import checkpoint
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here, mixed_precision
from sdjp_training.loop.optim import MuonAdamW
from sdjp_training.loop.run import Training
from sdjp_training.scenes import pixels
from sdjp_training.scenes.artwork import PACKAGES, SIDE, SOLID, Artwork
from sdjp_training.scenes.places import BACKGROUNDS, COLORS, background
from sdjp_training.scenes.styles import OTHERS, PLAIN, stylise

CROPS = ((64, 12), (96, 8), (128, 6))  # side and number, for the three thirds of a run
HELD_OUT = 20  # every 20th drawing is never trained on
KL_WEIGHT = 2e-4


def picture(artwork: Artwork, rng: random.Random, *, held_out: bool = False) -> NDArray[np.uint8]:
    """One to three drawings of any set, anywhere, on any background: (256, 256, 3) uint8."""
    place = rng.choice(BACKGROUNDS)
    canvas = background(place).copy()
    if place in COLORS and rng.random() < 0.5:
        canvas[:] = np.array([rng.randrange(256) for _ in range(3)], dtype=np.uint8)
    for _ in range(rng.choice((1, 1, 2, 3))):
        pool = artwork.extra if rng.random() < 0.3 else artwork.sets[rng.choice((SOLID, *PACKAGES))]
        every = range(len(pool))
        index = rng.choice([i for i in every if (i % HELD_OUT == 0) == held_out])
        side = rng.uniform(70, 240)
        pixels.paste(canvas, pool[index], rng.uniform(50, 206), rng.uniform(50, 206), side)
    return stylise(canvas, rng.choice(OTHERS) if rng.random() < 0.1 else PLAIN)


class Crops:
    """Random crops of a stock of pictures, a little of which is drawn anew all the time.

    Args:
        artwork: The drawings.
        rng: Source of chance.
        stock: Pictures kept.
    """

    def __init__(self, artwork: Artwork, rng: random.Random, stock: int = 1500) -> None:
        self.artwork, self.rng = artwork, rng
        self.stock = [picture(artwork, rng) for _ in range(stock)]

    def batch(self, n: int, side: int) -> Tensor:
        """``n`` crops (n, 3, side, side) in [-1, 1], each from another picture."""
        rng = self.rng
        self.stock[rng.randrange(len(self.stock))] = picture(self.artwork, rng)
        out = []
        for whole in rng.sample(self.stock, n):
            x, y = rng.randrange(SIDE - side + 1), rng.randrange(SIDE - side + 1)
            out.append(whole[y : y + side, x : x + side])
        return to_tensor(np.stack(out))


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Map (B, H, W, 3) uint8 to (B, 3, H, W) float32 in [-1, 1]."""
    return here(torch.from_numpy(pixels.copy())).permute(0, 3, 1, 2).float() / 127.5 - 1


def reconstruction_loss(x: Tensor, y: Tensor) -> Tensor:
    """L1 + MSE + half the L1 of horizontal and vertical differences."""
    d = y - x
    gradients = d.diff(dim=2).abs().mean() + d.diff(dim=3).abs().mean()
    return d.abs().mean() + d.square().mean() + 0.5 * gradients


@torch.no_grad()
def psnr(vae: VAE, pictures: Tensor) -> float:
    """Mean PSNR in dB of reconstructions of ``pictures`` (B, 3, H, W) in [-1, 1]."""
    values = []
    for i in range(0, len(pictures), 4):
        x = pictures[i : i + 4]
        y = vae.decode(vae.encode(x).mean).clamp(-1, 1)
        values.append(-10 * torch.log10((x - y).square().mean(dim=(1, 2, 3)) / 4))
    return float(torch.cat(values).mean())


def held_out_pictures(artwork: Artwork, n: int = 24) -> Tensor:
    """Pictures (n, 3, 256, 256) made of drawings that training never shows."""
    rng = random.Random(99)
    return to_tensor(np.stack([picture(artwork, rng, held_out=True) for _ in range(n)]))


def build() -> VAE:
    """The untrained autoencoder, begun where colour and shape already pass through.

    Downsampling starts as averaging, upsampling as copying, residual blocks as nearly nothing, and the latent
    with little noise (log-variance -5). Started at random, it takes many times as long to learn what colour
    is.
    """
    vae = VAE.from_config(MINI.vae)
    channels = MINI.vae.latent_channels
    with torch.no_grad():
        for module in vae.modules():
            if isinstance(module, ResBlock):
                module.conv_out.weight.mul_(0.1)
                if module.shortcut is not None:
                    nn.init.orthogonal_(module.shortcut.weight)
            elif isinstance(module, (Downsample, Upsample)):
                module.conv.weight.mul_(0.1)
                for i in range(module.conv.out_channels):
                    if isinstance(module, Downsample):
                        module.conv.weight[i, i, 0:2, 0:2] += 0.25
                    else:
                        module.conv.weight[i, i, 1, 1] += 1.0
        assert vae.quant_conv.bias is not None
        vae.quant_conv.weight[channels:] *= 0.1
        vae.quant_conv.bias[channels:] = -5.0
    return vae


def optimizer(vae: nn.Module, lr: float = 1.0) -> MuonAdamW:
    """The optimizers of the autoencoder, or of its decoder alone; ``lr`` is a factor."""
    return MuonAdamW(
        vae, muon_lr=0.003 * lr, adam_lr=2e-3 * lr, adam=("encoder.conv_in.weight", "decoder.conv_out")
    )


def train(
    folder: Path, *, minutes: float, decoder_only: bool = False, final: bool = False, lr: float = 1.0
) -> None:
    """Train for ``minutes``, resuming from ``folder/autoencoder.pt``.

    Args:
        folder: Where the artwork is and checkpoints go.
        minutes: How long.
        decoder_only: Leave the encoder, and with it the latents, as they are.
        final: Let the learning rate fall to zero towards the end.
        lr: Factor on the learning rates.
    """
    artwork = Artwork(folder / "artwork")
    vae = build()
    trained: nn.Module = vae
    if decoder_only:
        trained = nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv})
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    settings = {"decoder_only": decoder_only}
    training = Training(folder / "autoencoder.pt", vae, optimizer(trained, lr), settings=settings)
    held_out = held_out_pictures(artwork)
    crops = Crops(artwork, training.rng)
    last: dict[str, Tensor] = {}

    def learn(done: float) -> float:
        side, number = CROPS[min(2, int(3 * done))]
        x = crops.batch(number, side)
        with mixed_precision():
            z = vae.encode(x)
            y = vae.decode(z.sample(torch.randn_like(z.mean))).float()
            kl = z.kl().float().mean() / z.mean[0].numel()
        loss = reconstruction_loss(x, y) + KL_WEIGHT * kl
        loss.backward()  # type: ignore[no-untyped-call]
        last.update(kl=kl.detach(), latent_std=z.mean.detach().std())
        return float(loss.detach())

    def figures(weights: Mapping[str, Tensor]) -> dict[str, float]:
        averaged = VAE.from_config(MINI.vae)
        averaged.load_state_dict(weights)
        return {**{name: value.item() for name, value in last.items()}, "psnr": psnr(averaged, held_out)}

    training.run(Clock(minutes, warm=30, every=90, cooling=0.5 if final else 0), learn, figures)


def load(folder: Path) -> VAE:
    """Read the trained autoencoder (its averaged weights)."""
    return checkpoint.averaged(folder / "autoencoder.pt", VAE.from_config(MINI.vae), name="autoencoder")
