"""What the trainings of the picture model have in common: clock, gradients in 16 bits, shipped weights."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sdjp.config import MINI, TINY
from sdjp.device import bfloat16_is_fast
from sdjp.models import UNet
from sdjp.weights.source import locate
from sdjp_training.loop import checkpoint, optim
from sdjp_training.loop.clock import PAUSE, Clock
from sdjp_training.loop.run import Training
from sdjp_training.release import mini_export, restore
from sdjp_training.trainers import diffusion


def test_a_pause_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("sdjp_training.loop.clock.time.time", lambda: now)
    clock = Clock(10, warm=60, every=300, cooling=0)
    now += 30
    assert clock.spent == 30
    assert clock.rate(clock.done) == 0.5
    now += 3600  # stopped for an hour
    assert clock.spent == 30 + PAUSE
    assert clock.done < 1
    assert clock.due(clock.done)  # what was done before the pause is saved


def test_figures_that_take_long_leave_the_time_between_them_to_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("sdjp_training.loop.clock.time.time", lambda: now)
    model = nn.Linear(2, 2)
    training = Training(tmp_path / "model.pt", model, optim.MuonAdamW(model, muon_lr=0.01, adam_lr=0.01))
    steps = []

    def learn(_: float) -> float:
        nonlocal now
        now += 10
        model(torch.ones(2)).sum().backward()
        return 0.0

    def figures(_: Mapping[str, Tensor]) -> dict[str, float]:
        nonlocal now
        steps.append(training.counts["step"])
        now += 500
        return {}

    training.run(Clock(60, warm=1, every=100, cooling=0), learn, figures)
    assert min(later - earlier for earlier, later in pairwise(steps[:-1])) == 11


def network() -> UNet:
    torch.manual_seed(0)
    return UNet.from_config(TINY.unet)


@pytest.mark.parametrize("fast", [False, True])
def test_gradients_reach_the_model_and_its_steps_reach_the_worker(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optim, "bfloat16_is_fast", lambda: fast)
    model, plain = network(), network()
    worker = optim.Worker(model)
    assert worker.dtype == (torch.bfloat16 if fast else torch.float32)
    x, t, context = (
        torch.randn(2, 4, 8, 8),
        torch.tensor([10.0, 900.0]),
        torch.randn(2, 7, TINY.unet.context_dim),
    )
    worker.network(x.to(worker.dtype), t, context.to(worker.dtype)).float().square().mean().backward()
    worker.hand_over()
    plain(x, t, context).square().mean().backward()
    ours, right = (
        torch.cat([p.grad.flatten() for p in m.parameters() if p.grad is not None]) for m in (model, plain)
    )
    assert ours.dtype == torch.float32
    # bfloat16 keeps 8 bits; errors of a few layers add up.
    assert (ours - right).norm() <= (0.1 if fast else 1e-6) * right.norm()
    before = [p.detach().clone() for p in worker.network.parameters()]
    optimizer = diffusion.optimizer(model)
    optimizer.step()
    worker.take_over()
    own = list(worker.network.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, own, strict=True))
    for p, q in zip(model.parameters(), own, strict=True):
        assert torch.equal(p.to(worker.dtype), q)
        assert p.grad is None
        assert q.grad is None


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    for shape in [(24, 40), (40, 24)]:
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        values = torch.linalg.svdvals(optim.orthogonalise(matrix))
        assert float(values.min()) > 0.6  # Jordan et al.: between 0.7 and 1.2, less what 16 bits round away
        assert float(values.max()) < 1.3


def test_shipped_weights_become_checkpoints_and_the_same_weights_again(tmp_path: Path) -> None:
    restore.restore(tmp_path)
    mini_export.export(tmp_path, tmp_path / "again")
    shipped, again = (load_file(f / "model.safetensors") for f in (locate("mini").path, tmp_path / "again"))
    assert set(shipped) == set(again)
    assert all(torch.equal(shipped[name], again[name]) for name in shipped)
    state = checkpoint.load(tmp_path / "unet.pt")
    assert state is not None
    assert state["samples"] == 0
    model = UNet.from_config(MINI.unet)  # and the training takes it up
    assert checkpoint.resume_run(tmp_path / "unet.pt", model, optim.EMA(model)) is not None
    kept = (tmp_path / "unet.pt").stat().st_mtime_ns
    restore.restore(tmp_path)
    assert (tmp_path / "unet.pt").stat().st_mtime_ns == kept


@pytest.mark.skipif(not bfloat16_is_fast(), reason="this processor has no instructions for bfloat16")
def test_sixteen_bits_are_used_where_they_are_fast() -> None:
    assert optim.Worker(network()).dtype == torch.bfloat16
