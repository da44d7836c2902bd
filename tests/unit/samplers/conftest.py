from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Tensor]:
    arrays = np.load(GOLDEN / "samplers.npz")
    return lambda name: torch.from_numpy(arrays[name])


@pytest.fixture(scope="session")
def golden_schedule() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN / "schedule.npz"))


@pytest.fixture(scope="session")
def toy() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The model behind the golden trajectories (formula in tests/golden/README.md)."""

    def model(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        channel = torch.arange(1, x.shape[1] + 1).view(1, -1, 1, 1)
        time = (t / 1000).view(-1, 1, 1, 1)
        text = c.mean(dim=(1, 2)).view(-1, 1, 1, 1)
        return torch.tanh(0.6 * x + 0.8 * time - 0.1 * channel + 1.5 * text)

    return model
