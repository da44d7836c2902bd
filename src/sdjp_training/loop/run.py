"""The loop that trainings in one process share: steps, checkpoints, figures."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sdjp_training.loop import checkpoint
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.optim import EMA, MuonAdamW, Worker

Figures = Callable[[Mapping[str, Tensor]], dict[str, float]]


def run(
    path: Path,
    model: nn.Module,
    optimize: MuonAdamW,
    clock: Clock,
    loss_of: Callable[[random.Random], Tensor],
    figures: Figures,
    *,
    worker: Worker[Any] | None = None,
) -> None:
    """Train until the clock says so, resuming from ``path`` and logging beside it, in ``<name>.jsonl``.

    Args:
        path: The checkpoint.
        model: What learns.
        optimize: What updates it.
        clock: When to save and to end.
        loss_of: The loss of one batch, drawn with the random numbers that it is given.
        figures: What to log about averaged weights.
        worker: What computes the gradients for ``model``, where that is not the model itself.
    """
    ema, step = EMA(model, 0.995), 0
    state = checkpoint.resume_run(path, model, ema)
    if state is not None:
        optimize.load_state_dict(state["optimizer"])
        step = state["step"]
    if worker is not None:
        worker.take_over()
    rng = random.Random(step)
    losses: list[float] = []
    while True:
        done = clock.done
        if done < 1:
            loss = loss_of(rng)
            loss.backward()  # type: ignore[no-untyped-call]
            if worker is not None:
                worker.hand_over()
            optimize.step(clock.rate(done))
            if worker is not None:
                worker.take_over()
            ema.update(model)
            losses.append(loss.item())
            step += 1
        if clock.due(done):
            clock.lap()
            checkpoint.save_run(path, model, optimize, ema, step=step)
            mean = sum(losses) / max(1, len(losses))
            log = path.with_suffix(".jsonl")
            checkpoint.log_figures(log, step=step, loss=mean, **figures(ema.weights))
            losses.clear()
        if done >= 1:
            return
