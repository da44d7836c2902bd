"""The loop of every training: steps, checkpoints, figures; several processes may share the steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sdjp_training.loop import checkpoint, processes
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.optim import EMA, MuonAdamW, Worker

Figures = Callable[[Mapping[str, Tensor]], dict[str, float]]
Learn = Callable[[float], float]


class Training:
    """A model that learns, with all that its checkpoint keeps.

    Args:
        path: The checkpoint; where there is one, the training goes on from it.
        model: The network that learns.
        optimizer: The optimizers of its weights.
        worker: The network that computes the gradients, where that is not the model itself.
        decay: Of the averaged weights.
        counts: Numbers, beside the steps, that go on counting after a break; ``seconds`` counts by itself.
        settings: Values that are written beside them; where a checkpoint has others, the optimizers begin
            anew.

    Attributes:
        rng: The source of chance; another for each process, and after each break.
        seconds: Time between the last two checkpoints.
    """

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        optimizer: MuonAdamW,
        *,
        worker: Worker[Any] | None = None,
        decay: float = 0.995,
        counts: Mapping[str, int] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.path, self.optimizer, self.settings = path, optimizer, dict(settings or {})
        self.counts: dict[str, int] = {"step": 0, **(counts or {})}
        self.seconds = 0.0
        self._model, self._worker = model, worker
        self.ema = EMA(model, decay)
        state = checkpoint.resume_run(path, model, self.ema)
        if state is not None:
            self.counts = {name: state[name] for name in self.counts}
            if all(state[name] == value for name, value in self.settings.items()):
                optimizer.load_state_dict(state["optimizer"])
        if worker is not None:
            worker.take_over()
        self.rank, count = processes.rank_and_count()
        self.seed = self.counts["step"] * count + self.rank
        self.rng = random.Random(self.seed)

    def run(self, clock: Clock, learn: Learn, figures: Figures) -> None:
        """Train until the clock says so, and log beside the checkpoint, in ``<name>.jsonl``.

        Args:
            clock: When to save and to end.
            learn: Adds the gradients of one step to those of the model, given the share of the run that is
                over, and returns the loss.
            figures: More for the log, of the averaged weights.
        """
        losses: list[float] = []
        while True:
            done = processes.agree(clock.done)
            if done < 1:
                losses.append(self.step(learn, done, clock.rate(done)))
            if self.rank == 0 and clock.due(done):
                self.seconds = clock.lap()
                if "seconds" in self.counts:
                    self.counts["seconds"] += round(self.seconds)
                self.save()
                loss = sum(losses) / max(1, len(losses))
                log = {**self.counts, "loss": loss, **figures(self.ema.weights)}
                checkpoint.log_figures(self.path.with_suffix(".jsonl"), **log)
                losses.clear()
                clock.lap()  # figures can take longer than what is between two of them
            if done >= 1:
                return

    def step(self, learn: Learn, done: float = 0.0, rate: float = 1.0) -> float:
        """Take one step, with learning rates multiplied by ``rate``; return its loss."""
        loss = learn(done)
        if self._worker is not None:
            self._worker.hand_over()
        processes.add_up_gradients(self._model)
        self.optimizer.step(rate)
        if self._worker is not None:
            self._worker.take_over()
        self.ema.update(self._model)
        self.counts["step"] += 1
        return loss

    def save(self) -> None:
        """Write the checkpoint."""
        checkpoint.save_run(self.path, self._model, self.optimizer, self.ema, **self.counts, **self.settings)


def run(
    path: Path,
    model: nn.Module,
    optimizer: MuonAdamW,
    clock: Clock,
    loss_of: Callable[[random.Random], Tensor],
    figures: Figures,
    *,
    worker: Worker[Any] | None = None,
) -> None:
    """Train a model whose steps are one batch each, or one of each process.

    Args:
        path: The checkpoint.
        model: The network that learns.
        optimizer: The optimizers of its weights.
        clock: When to save and to end.
        loss_of: The loss of one batch, drawn with the random numbers that it is given.
        figures: More for the log, of the averaged weights.
        worker: The network that computes the gradients, where that is not the model itself.
    """
    training = Training(path, model, optimizer, worker=worker)
    _, count = processes.rank_and_count()

    def learn(_: float) -> float:
        loss = loss_of(training.rng)
        (loss / count).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    training.run(clock, learn, figures)
