"""Checkpoints that survive a crash in the middle of writing, and logs of figures."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from sdjp_training.loop.device import here
from sdjp_training.loop.optim import EMA, MuonAdamW

M = TypeVar("M", bound=nn.Module)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``path`` in one step: the old file stays until the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """Read what :func:`save` wrote, or return None where there is nothing yet."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def save_run(path: Path, model: nn.Module, optimizer: MuonAdamW, ema: EMA, **values: Any) -> None:
    """Write all that a run needs to go on, and ``values`` of its own."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    save(path, {**state, "ema": ema.weights, "ema_steps": ema.steps, **values})


def averaged(path: Path, model: M, *, name: str) -> M:
    """Give a network the averaged weights of a checkpoint, ready to be used; ``name`` is what it is."""
    state = load(path)
    assert state is not None, f"train the {name} first"
    model.load_state_dict(state["ema"])
    return model.eval().requires_grad_(False)


def resume_run(path: Path, model: nn.Module, ema: EMA) -> dict[str, Any] | None:
    """Go on where :func:`save_run` stopped; the optimiser's state and the counts are the caller's."""
    state = load(path)
    if state is not None:
        model.load_state_dict(state["model"])
        ema.weights = {name: here(weight) for name, weight in state["ema"].items()}
        ema.steps = state["ema_steps"]
    return state


def log_figures(path: Path, **figures: float) -> None:
    """Append one JSON line with the time and ``figures``, and print it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"time": round(time.time(), 1), **{k: round(v, 5) for k, v in figures.items()}}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)
