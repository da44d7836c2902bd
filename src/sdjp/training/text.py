"""Train the text encoder of the embedded model: from a caption, tell what each cell of the picture looks
like.

The states of the last 64 of the 77 tokens (padding, nearly always) each predict, through one linear map that
is thrown away later, the pixels of one cell of an 8×8 grid over a 32×32 thumbnail. The UNet then reads the
layout of the scene from states that already know it.
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import MINI, CLIPTextConfig
from sdjp.models import CLIPText
from sdjp.text.tokenizer import ClipTokenizer
from sdjp.training import captions, checkpoint, pool
from sdjp.training.artwork import Artwork
from sdjp.training.clock import Clock
from sdjp.training.optim import EMA, MuonAdamW, mixed_precision

GRID = 8
CELL = pool.THUMB // GRID
BATCH = 64
FIRST_MERGES = 3000


def tokenizer(folder: Path) -> ClipTokenizer:
    """The byte-pair table of the embedded model: CLIP's, reduced to what captions need and its most common
    merges.
    """
    path = folder / "merges.txt"
    if not path.exists():
        words = captions.vocabulary(Artwork(folder / "artwork"))
        ClipTokenizer.from_assets().subset(sorted(words), FIRST_MERGES).save_merges(path)
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


def targets(thumbs: np.ndarray) -> Tensor:
    """Map thumbnails (B, 32, 32, 3) uint8 to cells (B, 64, 48) in [-1, 1]."""
    x = torch.from_numpy(thumbs).float() / 127.5 - 1
    x = x.reshape(-1, GRID, CELL, GRID, CELL, 3)  # (B, 8, 4, 8, 4, 3)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(len(thumbs), GRID * GRID, CELL * CELL * 3)


def with_head(model: CLIPText) -> nn.ModuleDict:
    """The encoder, ``"model"``, and the map from its states to cells, ``"head"``."""
    return nn.ModuleDict({"model": model, "head": nn.Linear(MINI.text.width, CELL * CELL * 3)})


def optimizer(both: nn.ModuleDict, lr: float = 1.0) -> MuonAdamW:
    """What updates the encoder and its head; ``lr`` is a factor."""
    return MuonAdamW(both, muon_lr=0.02 * lr, adam_lr=3e-3 * lr, adam=("embedding", "head"))


def train(folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0) -> None:
    """Train for ``minutes``, resuming from ``folder/text.pt``. ``final`` lets the learning rate fall to
    zero.
    """
    artwork = Artwork(folder / "artwork")
    tokens = tokenizer(folder)
    path, log = folder / "text.pt", folder / "text.jsonl"
    model = CLIPText.from_config(text_config(tokens))
    for embedding in (model.token_embedding, model.position_embedding):
        nn.init.normal_(embedding.weight, std=0.05)
    both = with_head(model)
    head = both["head"]
    optimize = optimizer(both, lr)
    ema = EMA(both, 0.995)
    step = 0
    state = checkpoint.resume_run(path, both, ema)
    if state is not None:
        optimize.load_state_dict(state["optimizer"])
        step = state["step"]
    data = pool.shards(folder, "thumbs")
    records = [r for rows, _ in data for r in rows]
    thumbs = np.concatenate([array for _, array in data])
    held_out = 512  # the last scenes are for the figure
    rng = random.Random(step)
    clock = Clock(minutes, warm=20, every=120, cooling=0.5 if final else 0)
    losses: list[float] = []
    while True:
        done = clock.done
        if done < 1:
            rows = [rng.randrange(len(records) - held_out) for _ in range(BATCH)]
            ids = encode(tokens, [captions.caption(records[i], artwork, rng) for i in rows])
            with mixed_precision():
                cells = head(model(ids)[:, -GRID * GRID :]).float()
            loss = F.mse_loss(cells, targets(thumbs[rows]))
            loss.backward()  # type: ignore[no-untyped-call]
            optimize.step(clock.rate(done))
            ema.update(both)
            losses.append(loss.item())
            step += 1
        if clock.due(done):
            clock.lap()
            checkpoint.save_run(path, both, optimize, ema, step=step)
            judge = nn.ModuleDict(
                {"model": CLIPText.from_config(text_config(tokens)), "head": nn.Linear(192, 48)}
            )
            judge.load_state_dict(ema.weights)
            rows = list(range(len(records) - held_out, len(records)))
            fixed = random.Random(0)
            with torch.no_grad():
                ids = encode(tokens, [captions.caption(records[i], artwork, fixed) for i in rows])
                truth = targets(thumbs[rows])
                error = F.mse_loss(judge["head"](judge["model"](ids)[:, -GRID * GRID :]), truth)
            checkpoint.log_figures(
                log,
                step=step,
                loss=sum(losses) / max(1, len(losses)),
                held_out=error.item(),
                variance=truth.var().item(),
            )
            losses.clear()
        if done >= 1:
            return


def load(folder: Path) -> tuple[CLIPText, ClipTokenizer]:
    """Return the trained text encoder (its averaged weights) and its tokenizer."""
    tokens = tokenizer(folder)
    state = checkpoint.load(folder / "text.pt")
    assert state is not None, "train the text encoder first"
    model = CLIPText.from_config(text_config(tokens))
    prefix = "model."
    model.load_state_dict({k[len(prefix) :]: v for k, v in state["ema"].items() if k.startswith(prefix)})
    return model.eval().requires_grad_(False), tokens
