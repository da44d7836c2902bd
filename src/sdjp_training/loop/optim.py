"""Muon for matrices, AdamW for the rest.

Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ : momentum whose matrix is replaced by
the nearest semi-orthogonal one, found with a quintic Newton-Schulz iteration.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sdjp_training.loop.device import bfloat16_is_fast


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """Move the singular values of ``matrix`` (m, n) near 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T.contiguous() if tall else matrix
    x = x / (x.norm() + 1e-7)
    if bfloat16_is_fast():  # precise enough for it, as its author found
        x = x.bfloat16()
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)


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


Network = TypeVar("Network", bound=nn.Module)


class Worker(Generic[Network]):
    """The network that computes gradients for a model: a copy of it in bfloat16 where the processor has
    instructions for that, and the model itself elsewhere. The model keeps its weights in float32.

    Faster than autocast, which converts weights and activations at every other operation.
    """

    def __init__(self, model: Network) -> None:
        self._model = model
        self.dtype = torch.bfloat16 if bfloat16_is_fast() else torch.float32
        self.network: Network = model if self.dtype == torch.float32 else copy.deepcopy(model).to(self.dtype)

    def hand_over(self) -> None:
        """Give the gradients to the model, in float32."""
        for theirs, own in self._pairs():
            if own.grad is not None:
                theirs.grad, own.grad = own.grad.float(), None

    @torch.no_grad()
    def take_over(self) -> None:
        """Take the weights of the model after a step."""
        for theirs, own in self._pairs():
            own.copy_(theirs)

    def _pairs(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        if self.network is self._model:
            return []
        return list(zip(self._model.parameters(), self.network.parameters(), strict=True))


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
