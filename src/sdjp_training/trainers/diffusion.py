"""Train the UNet of the embedded model, and its text encoder with it: v-prediction on latents of the pool.

The text encoder was trained alone before. It goes on learning to tell the latents, and learns from what the
UNet would need to know (as in LDM, Rombach et al. 2022, arXiv 2112.10752, section 3.3). Several processes can
share a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from sdjp.config import MINI
from sdjp.models import UNet
from sdjp.samplers import Schedule
from sdjp_training.loop import checkpoint, processes
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here
from sdjp_training.loop.optim import MuonAdamW, Worker
from sdjp_training.loop.run import Training
from sdjp_training.trainers import latents, text_encoder
from sdjp_training.trainers.alignment import Alignment
from sdjp_training.trainers.examples import Examples, weighted_mean

BATCH: Final = 128  # over all workers
DROPPED: Final = 0.1  # captions left empty, for guidance
TEXT_RATE: Final = 0.3  # factor on the learning rates of the text encoder
TOLD: Final = 0.5  # weight of what its states tell in the loss
ALIGNED: Final = 0.05  # weight of where the UNet looks among them


def alpha_bar() -> Tensor:
    """Cumulative products of 1 - beta of the embedded model's schedule, (T,) float32."""
    return here(Schedule.from_config(MINI.schedule).alpha_bar).float()


def optimizer(model: UNet, lr: float = 1.0) -> MuonAdamW:
    """The optimizers of the UNet; ``lr`` is a factor."""
    return MuonAdamW(model, muon_lr=0.02 * lr, adam_lr=1e-3 * lr, adam=("conv_in.weight", "conv_out.weight"))


def _work(folder: Path, minutes: float, final: bool, lr: float, threads: int) -> None:
    _, count = processes.rank_and_count()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    data = Examples(folder)
    tokens, scale = text_encoder.tokenizer(folder), latents.scale(folder)
    signal = alpha_bar().sqrt()
    noise_level = (1 - alpha_bar()).sqrt()

    model = UNet.from_config(MINI.unet)
    with torch.no_grad():
        model.conv_out.weight.zero_()
        model.conv_out.bias.zero_()  # type: ignore[union-attr]
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    worker = Worker(model)
    training = Training(folder / "unet.pt", model, optimizer(model, lr), worker=worker, counts={"samples": 0})
    both = text_encoder.begin(folder)
    reader = Worker(both)
    texts = Training(folder / "text.pt", both, text_encoder.optimizer(both, TEXT_RATE * lr), worker=reader)
    clock = Clock(minutes, warm=60, every=180, cooling=1 / 3 if final else 0)
    torch.manual_seed(training.seed)
    n = BATCH // count
    others: list[tuple[float, float]] = []
    quarters: list[list[float]] = [[], [], [], []]  # losses of a quarter of the times each

    def learn(done: float) -> float:
        if training.counts["step"] % 20 == 0:
            data.refresh()
        z, said, cells = data.batch(n, training.rng, dropped=DROPPED)
        z = (z * scale).contiguous(memory_format=torch.channels_last)
        states = reader.network["model"](text_encoder.encode(tokens, said))
        # Spread over the batch, with more weight on high noise, where the text decides the layout.
        u = (torch.arange(n) + torch.rand(n)) / n
        t = (u.pow(0.8) * 1000).long().clamp(max=999)
        a, s = signal[t].view(-1, 1, 1, 1), noise_level[t].view(-1, 1, 1, 1)
        noise = torch.randn_like(z)
        looks = Alignment()
        v = worker.network((a * z + s * noise).to(worker.dtype), t, states, maps=looks).float()
        error = (v - (a * noise - s * z)).square()  # Salimans & Ho 2022, eq. 14
        captioned = here(torch.tensor([bool(one) for one in said])).view(-1, 1, 1, 1)
        untold = text_encoder.untold(reader.network["head"], states, z) * captioned
        loss = weighted_mean(error, cells) + TOLD * weighted_mean(untold, cells) + ALIGNED * looks.loss
        (loss / count).backward()  # type: ignore[no-untyped-call]
        texts.step(lambda _: float(loss.detach()), rate=clock.rate(done))
        each = error.detach().mean(dim=(1, 2, 3))
        training.counts["samples"] += BATCH
        others.append((float(untold.detach().mean()), float(looks.loss.detach())))
        for ti, value in zip(t.tolist(), each.tolist(), strict=True):
            quarters[ti // 250].append(value)
        return float(each.mean())

    def figures(_: Mapping[str, Tensor]) -> dict[str, float]:
        texts.save()
        values = {
            "per_second": count * sum(map(len, quarters)) / training.seconds,
            "scenes": len(data.records),
            **{f"loss_q{i}": float(np.mean(q)) for i, q in enumerate(quarters) if q},
        }
        values["untold"], values["unaligned"] = np.mean(others, axis=0).tolist()
        others.clear()
        for q in quarters:
            q.clear()
        return values

    training.run(clock, learn, figures)


def train(
    folder: Path, *, minutes: float, final: bool = False, lr: float = 1.0, workers: int = 1, threads: int = 1
) -> None:
    """Train for ``minutes``, resuming from ``folder/unet.pt`` and ``folder/text.pt``.

    Args:
        folder: Where the pool is and checkpoints go.
        minutes: How long.
        final: Let the learning rate fall to zero in the last third.
        lr: Factor on the learning rates.
        workers: Processes.
        threads: Threads of each.
    """
    text_encoder.prepare(folder)
    processes.run(_work, folder, minutes, final, lr, threads, workers=workers)


def load(folder: Path) -> UNet:
    """Return the trained UNet (its averaged weights)."""
    return checkpoint.averaged(folder / "unet.pt", UNet.from_config(MINI.unet), name="UNet")
