"""Train the text encoder of the embedded model: from a caption, tell what each cell of the picture looks
like.

The states of the last 64 of the 77 tokens (padding, nearly always) each predict, through one linear map that
is thrown away later, the latents of one cell of an 8×8 grid. The UNet then reads the scene, as it is to draw
it, from states that already know it.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import MINI, CLIPTextConfig
from sdjp.models import CLIPText
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp_training.loop import checkpoint, run
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here, mixed_precision
from sdjp_training.loop.optim import MuonAdamW
from sdjp_training.scenes import captions, shards
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.trainers import latents
from sdjp_training.trainers.merges import subset

GRID = 8
CELL = 2
"""Cells of the latents, each way, that one state tells: 8 × 8 states tell 16 × 16 cells."""
TOLD = MINI.vae.latent_channels * CELL * CELL
"""Numbers that one state tells."""
BATCH = 64
FIRST_MERGES = 3000


def tokenizer(folder: Path) -> ClipTokenizer:
    """The byte-pair table of the embedded model: CLIP's, reduced to what captions need and its most common
    merges.
    """
    path = folder / "merges.txt"
    if not path.exists():
        words = captions.vocabulary(Artwork(folder / "artwork"))
        subset(ClipTokenizer.from_assets(), sorted(words), FIRST_MERGES).save_merges(path)
    return ClipTokenizer.from_merges_file(path)


def text_config(tokens: ClipTokenizer) -> CLIPTextConfig:
    """The size of the text encoder for this table."""
    assert MINI.text.kind == "clip"
    return dataclasses.replace(MINI.text, vocab_size=tokens.vocab_size)


def encode(tokens: ClipTokenizer, texts: list[str]) -> Tensor:
    """Token ids (B, 77), start and end included, padded with the end token; what is too long is cut."""
    rows = []
    for text in texts:
        ids = tokens.encode(text)[:75]
        rows.append([tokens.start_id, *ids] + [tokens.end_id] * (76 - len(ids)))
    return torch.tensor(rows)


def targets(encoded: NDArray[np.generic], scale: float) -> Tensor:
    """Map latents (B, C, 16, 16) to what each of the 64 last states tells of them (B, 64, 4 C)."""
    z = here(torch.from_numpy(encoded)).float() * scale
    z = z.reshape(len(z), -1, GRID, CELL, GRID, CELL)  # (B, C, 8, 2, 8, 2)
    return z.permute(0, 2, 4, 1, 3, 5).reshape(len(z), GRID * GRID, TOLD)


def with_head(model: CLIPText) -> nn.ModuleDict:
    """The encoder, ``"model"``, and the map from its states to cells, ``"head"``."""
    return nn.ModuleDict({"model": model, "head": nn.Linear(MINI.text.width, TOLD)})


def optimizer(both: nn.ModuleDict, lr: float = 1.0) -> MuonAdamW:
    """The optimizers of the encoder and its head; ``lr`` is a factor."""
    return MuonAdamW(both, muon_lr=0.02 * lr, adam_lr=3e-3 * lr, adam=("embedding", "head"))


def train(folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0) -> None:
    """Train for ``minutes``, resuming from ``folder/text.pt``. ``final`` lets the learning rate fall to
    zero.
    """
    artwork = Artwork(folder / "artwork")
    tokens = tokenizer(folder)
    model = CLIPText.from_config(text_config(tokens))
    for embedding in (model.token_embedding, model.position_embedding):
        nn.init.normal_(embedding.weight, std=0.05)
    both = with_head(model)
    data = shards.read(folder, "latents")
    records = [r for rows, _ in data for r in rows]
    z, scale = np.concatenate([array for _, array in data]), latents.scale(folder)
    held_out = 512  # the last scenes are for the figure

    def error(of: nn.ModuleDict, rows: list[int], rng: random.Random) -> Tensor:
        ids = encode(tokens, [captions.caption(records[i], artwork, rng) for i in rows])
        cells = of["head"](of["model"](ids)[:, -GRID * GRID :]).float()
        return F.mse_loss(cells, targets(z[rows], scale))

    def loss_of(rng: random.Random) -> Tensor:
        rows = [rng.randrange(len(records) - held_out) for _ in range(BATCH)]
        with mixed_precision():
            return error(both, rows, rng)

    @torch.no_grad()
    def figures(weights: Mapping[str, Tensor]) -> dict[str, float]:
        averaged = with_head(CLIPText.from_config(text_config(tokens)))
        averaged.load_state_dict(weights)
        rows = list(range(len(records) - held_out, len(records)))
        truth = targets(z[rows], scale)
        return {
            "held_out": error(averaged, rows, random.Random(0)).item(),
            "variance": truth.var().item(),
        }

    clock = Clock(minutes, warm=20, every=120, cooling=0.5 if final else 0)
    run.run(folder / "text.pt", both, optimizer(both, lr), clock, loss_of, figures)


def load(folder: Path) -> tuple[CLIPText, ClipTokenizer]:
    """Return the trained text encoder (its averaged weights) and its tokenizer."""
    tokens = tokenizer(folder)
    state = checkpoint.load(folder / "text.pt")
    assert state is not None, "train the text encoder first"
    model = CLIPText.from_config(text_config(tokens))
    prefix = "model."
    model.load_state_dict({k[len(prefix) :]: v for k, v in state["ema"].items() if k.startswith(prefix)})
    return model.eval().requires_grad_(False), tokens
