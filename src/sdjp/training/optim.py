"""Muon for matrices, AdamW for the rest.

Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ : momentum whose matrix is replaced by
the nearest semi-orthogonal one, found with a quintic Newton-Schulz iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sdjp.hardware import bfloat16_is_fast


def mixed_precision() -> AbstractContextManager[None]:
    """Autocast to bfloat16 where the processor has instructions for it; elsewhere it would be ten times
    slower.
    """
    if bfloat16_is_fast():
        return torch.autocast("cpu", torch.bfloat16)
    return nullcontext()


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """Move the singular values of ``matrix`` (m, n) near 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x: Tensor = matrix
    wide = x.shape[0] > x.shape[1]
    if wide:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if wide else x


class Muon(Optimizer):
    """Momentum, orthogonalised; convolution kernels are taken as (out, in h w) matrices."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                momentum = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(momentum, group["momentum"]).flatten(1)
                update = orthogonalise(update)
                scale = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(update.view_as(p), alpha=-group["lr"] * scale)


class MuonAdamW:
    """Both optimisers behind one interface.

    Args:
        model: Matrices and kernels go to Muon; biases, norms, embeddings and what ``adam`` names to AdamW.
        muon_lr: Learning rate of Muon.
        adam_lr: Learning rate of AdamW.
        adam: Names of parameters (by part) that AdamW takes although they are matrices.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        muon_lr: float,
        adam_lr: float,
        adam: tuple[str, ...] = (),
        decay: float = 0.0,
    ) -> None:
        muon: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, p in model.named_parameters():
            matrix = p.ndim >= 2 and not any(part in name for part in adam)
            (muon if matrix else rest).append(p)
        self.optimizers = [
            Muon(muon, lr=muon_lr, decay=decay),
            torch.optim.AdamW(rest, lr=adam_lr, betas=(0.9, 0.98), weight_decay=0.0, fused=False),
        ]
        self.base = [muon_lr, adam_lr]

    def step(self, scale: float = 1.0) -> None:
        """Take one step with both learning rates multiplied by ``scale``, then forget the gradients."""
        for optimizer, lr in zip(self.optimizers, self.base, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = lr * scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the states of both."""
        return [o.state_dict() for o in self.optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Restore the states of both."""
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)


class EMA:
    """An exponential moving average of a model's weights, with a short memory early on."""

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {k: v.detach().clone().float() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights of ``model``."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            self.weights[name].lerp_(value.float(), 1 - decay)
