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

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import MINI, CLIPTextConfig
from sdjp.models import CLIPText
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp_training.loop import checkpoint, processes, run
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.optim import MuonAdamW, Worker
from sdjp_training.scenes import captions
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.trainers import latents
from sdjp_training.trainers.examples import Examples, weighted_mean
from sdjp_training.trainers.merges import subset

GRID = 8
CELL = 2
"""Cells of the latents, each way, that one state tells: 8 × 8 states tell 16 × 16 cells."""
TOLD = MINI.vae.latent_channels * CELL * CELL
"""Numbers that one state tells."""
CELLS = "B (H W) (C h w)"
PICTURE = "B C (H h) (W w)"
"""Axes of what states tell, and of the latents that it is about."""
BATCH = 128  # over all workers
HELD_OUT = 512  # scenes that are only for the figure
FITTED = 1024  # scenes that a new head is fitted to
RIDGE = 1e-4
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


def with_head(model: CLIPText) -> nn.ModuleDict:
    """The encoder, ``"model"``, and the map from its states to cells, ``"head"``."""
    return nn.ModuleDict({"model": model, "head": nn.Linear(MINI.text.width, TOLD)})


def optimizer(both: nn.ModuleDict, lr: float = 1.0) -> MuonAdamW:
    """The optimizers of the encoder and its head; ``lr`` is a factor."""
    return MuonAdamW(both, muon_lr=0.02 * lr, adam_lr=3e-3 * lr, adam=("embedding", "head"))


def untold(head: nn.Module, states: Tensor, z: Tensor) -> Tensor:
    """The squared error (B, C, 16, 16) of what the last of the states (B, 77, D) tell of scaled latents
    (B, C, 16, 16).
    """
    told = head(states[:, -GRID * GRID :]).float()  # (B, 64, 4 C)
    difference: Tensor = rearrange(told, f"{CELLS} -> {PICTURE}", H=GRID, h=CELL, w=CELL) - z
    return difference.square()


def begin(folder: Path) -> nn.ModuleDict:
    """A new encoder with its head."""
    model = CLIPText.from_config(text_config(tokenizer(folder)))
    for embedding in (model.token_embedding, model.position_embedding):
        nn.init.normal_(embedding.weight, std=0.05)
    return with_head(model)


@torch.no_grad()
def fit_head(both: nn.ModuleDict, data: Examples, tokens: ClipTokenizer, scale: float) -> None:
    """Give an encoder that has learnt already the head that tells most, by least squares (ridge regression).

    From a head of chance, its states would be pulled about until the head has learnt to read them.
    """
    z, texts, _ = data.batch(FITTED, random.Random(0))
    last = both["model"](encode(tokens, texts))[:, -GRID * GRID :].flatten(0, 1)  # (B 64, D)
    cells = rearrange(z * scale, f"{PICTURE} -> {CELLS}", h=CELL, w=CELL).flatten(0, 1)  # (B 64, 4 C)
    inputs = F.pad(last, (0, 1), value=1.0).double()  # the last is for the bias
    gram = inputs.T @ inputs
    # States are normed: they lie in a plane, and without this the weights across it would be huge.
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    fitted = torch.linalg.solve(gram + ridge, inputs.T @ cells.double())
    both["head"].load_state_dict({"weight": fitted[:-1].T, "bias": fitted[-1]})


def prepare(folder: Path) -> None:
    """Make what the processes of a training read, once and before they start."""
    tokens, scale = tokenizer(folder), latents.scale(folder)
    latents.bare(folder)
    path = folder / "text.pt"
    state = checkpoint.load(path)
    if state is not None and state["step"] == 0:  # restored, without its head
        with torch.device("cpu"):  # in double precision, which not every device has
            both = begin(folder)
            both.load_state_dict(state["model"])
            fit_head(both, Examples(folder), tokens, scale)
        checkpoint.save(path, {**state, "model": both.state_dict(), "ema": both.state_dict()})


def _work(folder: Path, minutes: float, final: bool, lr: float, threads: int) -> None:
    _, count = processes.rank_and_count()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    tokens, both = tokenizer(folder), begin(folder)
    data, scale = Examples(folder, held_out=HELD_OUT), latents.scale(folder)
    worker = Worker(both)

    def error(of: nn.ModuleDict, batch: tuple[Tensor, list[str], Tensor]) -> Tensor:
        z, texts, cells = batch
        return weighted_mean(untold(of["head"], of["model"](encode(tokens, texts)), z * scale), cells)

    def loss_of(rng: random.Random) -> Tensor:
        return error(worker.network, data.batch(BATCH // count, rng))

    @torch.no_grad()
    def figures(weights: Mapping[str, Tensor]) -> dict[str, float]:
        averaged = with_head(CLIPText.from_config(text_config(tokens)))
        averaged.load_state_dict(weights)
        batch = data.of(list(range(data.shown, len(data.records))), random.Random(0))
        z, _, cells = batch
        return {
            "held_out": error(averaged, batch).item(),
            "variance": weighted_mean((z * scale).square(), cells).item(),
        }

    clock = Clock(minutes, warm=20, every=120, cooling=0.5 if final else 0)
    run.run(folder / "text.pt", both, optimizer(both, lr), clock, loss_of, figures, worker=worker)


def train(
    folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0, workers: int = 1, threads: int = 1
) -> None:
    """Train for ``minutes``, resuming from ``folder/text.pt``.

    Args:
        folder: Where the pool is and checkpoints go.
        minutes: How long.
        final: Let the learning rate fall to zero in the second half.
        lr: Factor on the learning rates.
        workers: Processes.
        threads: Threads of each.
    """
    prepare(folder)
    processes.run(_work, folder, minutes, final, lr, threads, workers=workers)


def load(folder: Path) -> tuple[CLIPText, ClipTokenizer]:
    """Return the trained text encoder (its averaged weights) and its tokenizer."""
    tokens = tokenizer(folder)
    state = checkpoint.load(folder / "text.pt")
    assert state is not None, "train the text encoder first"
    model = CLIPText.from_config(text_config(tokens))
    prefix = "model."
    model.load_state_dict({k[len(prefix) :]: v for k, v in state["ema"].items() if k.startswith(prefix)})
    return model.eval().requires_grad_(False), tokens
