"""The random numbers of the original's scripts: those that its code drew after seed 42, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sdjp.cli.original_noise import Stream
from sdjp.samplers import Schedule, get_sampler

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "samplers.npz")
SHAPE = (1, 4, 8, 8)


def golden(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


def toy(x: Tensor, t: Tensor) -> Tensor:
    """The model behind the golden runs (formula in tests/golden/README.md), with its first text."""
    channel = torch.arange(1, x.shape[1] + 1).view(1, -1, 1, 1)
    text = golden("c")[:1].mean()
    return torch.tanh(0.6 * x + 0.8 * (t / 1000).view(-1, 1, 1, 1) - 0.1 * channel + 1.5 * text)


@pytest.mark.parametrize(
    ("run", "name", "eta"),
    [("ddim", "ddim", 0.0), ("ddim_eta1", "ddim", 1.0), ("plms", "plms", 0.0), ("dpm", "dpm_solver", 0.0)],
)
def test_two_batches_after_seed_42(run: str, name: str, eta: float) -> None:
    stream = Stream(42, rows=1, kept=(False,))
    sampler = get_sampler(name)
    spacing = None if name == "dpm_solver" else "compvis"
    plan = sampler.plan(Schedule(), 5, spacing=spacing, eta=eta)
    for iteration in ("iter0", "iter1"):
        x = stream(SHAPE)
        assert torch.equal(x, golden(f"rng_seed42_cpu/{run}/{iteration}/x_T"))
        for step in sampler(toy, x, plan, lambda: stream(SHAPE)):
            x = step.x
            stream.step(step)
        stream.finish(name)
        final = golden(f"rng_seed42_cpu/{run}/{iteration}/final")
        # Five float32 steps on both sides, in another order of operations.
        torch.testing.assert_close(x, final, rtol=0, atol=1e-5 * float(final.abs().max()))


def test_a_batch_is_drawn_at_once() -> None:
    stream = Stream(42, rows=3, kept=(False,))
    assert torch.equal(stream((3, 4, 8, 8)), golden("rng_seed42_cpu/start_code_3x4x8x8"))


def test_what_is_kept_is_drawn_once_for_the_whole_run() -> None:
    """``--fixed_code``: drawn first, for a whole batch; a shorter last batch takes its first rows."""
    stream = Stream(42, rows=3, kept=(True,))
    code = golden("rng_seed42_cpu/start_code_3x4x8x8")
    assert torch.equal(stream((3, 4, 8, 8)), code)
    stream.finish("dpm_solver")
    assert torch.equal(stream((2, 4, 8, 8)), code[:2])
    stream.finish("dpm_solver")
    assert torch.equal(stream((1, 4, 8, 8)), code[:1])


def test_a_picture_is_encoded_once_and_noised_each_time() -> None:
    reference = torch.Generator().manual_seed(7)
    posterior, first, unused, second = (torch.randn(SHAPE, generator=reference) for _ in range(4))
    stream = Stream(7, rows=1, kept=(True, False))
    assert torch.equal(stream(SHAPE), posterior)
    assert torch.equal(stream(SHAPE), first)
    stream.step(None)  # a step of DDIM, whose noise comes to nothing
    stream.finish("ddim")
    assert torch.equal(stream(SHAPE), posterior)
    assert torch.equal(stream(SHAPE), second)
    assert not torch.equal(unused, second)
