"""Examples that the text encoder and the UNet learn from: latents of scenes, their captions, and how much
each cell counts.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from sdjp_training.loop.device import here
from sdjp_training.scenes import captions, shards
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Layout, Scene
from sdjp_training.trainers import latents

DRAWN: Final = 0.05  # how much a cell of a drawing differs from the bare background, squared, at least
DRAWN_WEIGHT: Final = 4.0  # of such cells in the loss
WEIGHTS: Final[Mapping[Layout, float]] = {
    "empty": 3, "pair": 2, "riding": 2.5, "above": 1.5, "holding": 1.5,
}  # fmt: skip
"""How often scenes are shown, beside those of one subject: what is learnt last more often, and so are places
without a subject, of which there are few scenes."""


class Examples:
    """Latents and captions, growing while shards are still being encoded.

    Args:
        folder: Where the pool is.
        held_out: How many of the last scenes are not shown.
    """

    def __init__(self, folder: Path, held_out: int = 0) -> None:
        self.folder = folder
        self.artwork = Artwork(folder / "artwork")
        self.bare = latents.bare(folder)
        self.known, self._held_out = 0, held_out
        self.refresh()

    def refresh(self) -> None:
        """Take in shards that are new."""
        if len(list((self.folder / "pool").glob("*.latents.npy"))) == self.known:
            return
        data = shards.read(self.folder, "latents")
        self.known = len(data)
        self.records = [r for rows, _ in data for r in rows]
        self.latents = np.concatenate([array for _, array in data])
        self.shown = len(self.records) - self._held_out
        self._weights = [weight(record, self.artwork) for record in self.records[: self.shown]]

    def batch(self, n: int, rng: random.Random, *, dropped: float = 0.0) -> tuple[Tensor, list[str], Tensor]:
        """Draw scenes at random, as often as each is to be shown.

        Args:
            n: How many.
            rng: The source of chance.
            dropped: The share of captions that are left empty.

        Returns:
            Latents (n, C, h, w) float32, not scaled; a fresh caption for each; the weights of their cells in
            the loss (n, 1, h, w).
        """
        return self.of(self.sample(n, rng), rng, dropped=dropped)

    def sample(self, n: int, rng: random.Random) -> list[int]:
        """The numbers of ``n`` scenes, as often as each is to be shown."""
        return rng.choices(range(self.shown), weights=self._weights, k=n)

    def of(
        self, rows: list[int], rng: random.Random, *, dropped: float = 0.0
    ) -> tuple[Tensor, list[str], Tensor]:
        """The same of scenes whose numbers are given."""
        scenes = [self.records[i] for i in rows]
        texts = ["" if rng.random() < dropped else captions.caption(s, self.artwork, rng) for s in scenes]
        z = here(torch.from_numpy(self.latents[rows])).float()
        bare = torch.stack([self.bare[f"{scene.place} {scene.style}"] for scene in scenes])
        return z, texts, cell_weights(z, here(bare).float())


def weight(scene: Scene, artwork: Artwork) -> float:
    """How often a scene is shown, beside others: as its rarest subject is, more often what is learnt last."""
    weights = (artwork.concepts[artwork.index[emoji]].weight for emoji in scene.emojis)
    return float(min(weights, default=1.0) * WEIGHTS.get(scene.layout, 1.0))


def cell_weights(z: Tensor, bare: Tensor) -> Tensor:
    """Weights (n, 1, h, w) of the cells of latents (n, C, h, w) in the loss, given those of backgrounds.

    Backgrounds are few and soon known. Most of a picture is one of them, and drawings, which are many, would
    be left with a small share of the loss.
    """
    drawn = (z - bare).square().mean(dim=1, keepdim=True) > DRAWN
    return 1 + (DRAWN_WEIGHT - 1) * drawn.float()


def weighted_mean(error: Tensor, cells: Tensor) -> Tensor:
    """The mean of errors (n, C, h, w) by the weights (n, 1, h, w) of cells."""
    return (error * cells).mean() / cells.mean()
