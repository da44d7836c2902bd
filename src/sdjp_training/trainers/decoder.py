"""Train the decoder of the embedded model further, on latents as the UNet draws them.

Alone, an autoencoder learns to decode what its encoder gives; the UNet's latents are a little off, and a loss
by pixels answers what it is unsure of with blur. Here most latents are the UNet's own, and to the loss by
pixels come one by features and one by a critic of patches, as in VQGAN (Esser et al. 2021, arXiv 2012.09841).
Latents stay as they are. Crops lie about the subject: that is where eyes and edges are.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.models import VAE
from sdjp_training.loop import checkpoint
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here, mixed_precision
from sdjp_training.loop.optim import MuonAdamW
from sdjp_training.loop.run import Training
from sdjp_training.scenes import painting
from sdjp_training.trainers import autoencoder, perceptual, samples
from sdjp_training.trainers.examples import Examples

log = logging.getLogger(__name__)

BATCH: Final = 6
CELLS: Final = 8
"""Side of a crop in cells of the latents."""
PIXELS: Final = 16
"""Pixels of a cell, each way."""
TRUE: Final = 0.25
"""Share of latents that the encoder gives."""
PERCEPTUAL: Final = 0.5
ADVERSARIAL: Final = 0.1
"""How strongly the critic pulls at the pixels, beside the other losses."""
ALONE: Final = 200
"""Steps in which the critic only looks."""
HELD_OUT: Final = 64


class Critic(nn.Sequential):
    """Tells drawn patches from decoded ones: PatchGAN (Isola et al. 2017, arXiv 1611.07004), 3 layers."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(
            nn.Conv2d(3, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.GroupNorm(8, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1),
            nn.GroupNorm(8, 4 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 4, 1, 1),
        )


class Crops:
    """Latents, and the pictures that they should become.

    Args:
        folder: Where the pool and its samples are; the last of them are for the figures.
    """

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "pool" / samples.FILE) as kept:
            rows, drawn = kept["rows"].tolist(), kept["latents"]
        data = Examples(folder)
        z, _, cells = data.of(rows, random.Random(0))
        self.true = z.cpu().half().numpy()
        self.drawn: NDArray[np.float16] = drawn
        self.pictures = np.stack([painting.draw(data.records[row], data.artwork) for row in rows])
        self._cells = [np.argwhere(cell > 1) for cell in cells[:, 0].cpu().numpy()]
        self.shown = len(rows) - HELD_OUT
        log.info("%d pictures", len(rows))

    def batch(self, n: int, rng: random.Random) -> tuple[Tensor, Tensor]:
        """Latents (n, C, 8, 8) float32, not scaled, and pictures (n, 3, 128, 128) in [-1, 1]."""
        z, x = [], []
        for row in rng.choices(range(self.shown), k=n):
            source = self.true if rng.random() < TRUE else self.drawn
            top, left = self._corner(row, rng)
            bottom, right = top + CELLS, left + CELLS
            z.append(source[row, :, top:bottom, left:right])
            x.append(self.pictures[row, PIXELS * top : PIXELS * bottom, PIXELS * left : PIXELS * right])
        return here(torch.from_numpy(np.stack(z))).float(), autoencoder.to_tensor(np.stack(x))

    def _corner(self, row: int, rng: random.Random) -> tuple[int, int]:
        """Where a crop begins that has some cell of the drawing, if there is one, near its middle."""
        cells, most = self._cells[row], self.true.shape[-1] - CELLS
        y, x = rng.choice(cells.tolist()) if len(cells) else (rng.randrange(most + CELLS) for _ in range(2))
        near = (value - CELLS // 2 + rng.randint(-2, 2) for value in (y, x))
        top, left = (min(max(value, 0), most) for value in near)
        return top, left


def parts(vae: VAE) -> nn.ModuleDict:
    """What learns: the decoder with the convolution before it, and the critic."""
    return nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv, "critic": Critic()})


def optimizer(model: nn.ModuleDict, lr: float = 1.0) -> MuonAdamW:
    """The optimizers of decoder and critic; ``lr`` is a factor."""
    return MuonAdamW(model, muon_lr=0.001 * lr, adam_lr=4e-4 * lr, adam=("decoder.conv_out", "critic"))


def train(folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0) -> None:
    """Train for ``minutes``, resuming from ``folder/decoder.pt``, else from the autoencoder.

    Args:
        folder: Where pool, samples and checkpoints are.
        minutes: How long.
        final: Let the learning rate fall to zero in the second half.
        lr: Factor on the learning rates.
    """
    torch.manual_seed(0)
    vae = autoencoder.load(folder)
    model = parts(vae).requires_grad_(True)
    critic = model["critic"]
    sees = perceptual.load(folder / "packages").to(torch.get_default_device())
    crops = Crops(folder)
    training = Training(folder / "decoder.pt", model, optimizer(model, lr))
    last: dict[str, float] = {}

    def learn(_: float) -> float:
        z, x = crops.batch(BATCH, training.rng)
        with mixed_precision():
            y = vae.decode(z).float()
        shown = y.detach().requires_grad_(True)
        with mixed_precision():
            by_pixels = autoencoder.reconstruction_loss(x, shown) + PERCEPTUAL * sees(x, shown)
            fooled = -critic(shown).float().mean()
        (pull,) = torch.autograd.grad(by_pixels, shown)
        (push,) = torch.autograd.grad(fooled, shown)
        # As strong as a share of the others, whatever the critic's slope (VQGAN, eq. 7).
        strength = ADVERSARIAL * pull.norm() / push.norm().clamp(min=1e-12)
        y.backward(pull + (strength * push if training.counts["step"] >= ALONE else 0))  # type: ignore[no-untyped-call]
        with mixed_precision():
            real, made = critic(x).float(), critic(y.detach()).float()
        judged = F.relu(1 - real).mean() + F.relu(1 + made).mean()
        judged.backward()  # type: ignore[no-untyped-call]
        last.update(critic=float(judged.detach()))
        return float(by_pixels.detach())

    @torch.no_grad()
    def figures(weights: Mapping[str, Tensor]) -> dict[str, float]:
        averaged = autoencoder.load(folder)
        parts(averaged).load_state_dict(weights)
        x = autoencoder.to_tensor(crops.pictures[crops.shown :])
        values = dict(last)
        for name, source in (("true", crops.true), ("drawn", crops.drawn)):
            z = here(torch.from_numpy(source[crops.shown :])).float()
            y = torch.cat([averaged.decode(one) for one in torch.split(z, 4)]).clamp(-1, 1)
            values[name] = float((-10 * torch.log10((x - y).square().mean(dim=(1, 2, 3)) / 4)).mean())
            far = [float(sees(a, b)) for a, b in zip(torch.split(x, 4), torch.split(y, 4), strict=True)]
            values[f"{name}_perceptual"] = float(np.mean(far))
        return values

    training.run(Clock(minutes, warm=30, every=180, cooling=0.5 if final else 0), learn, figures)


def load(folder: Path) -> VAE:
    """Read the autoencoder with the decoder as it was trained last: here, or with the encoder."""
    vae = autoencoder.load(folder)
    state = checkpoint.load(folder / "decoder.pt")
    if state is not None:
        parts(vae).load_state_dict(state["ema"])
    return vae.eval().requires_grad_(False)
