"""What holds for every sampler, whatever the model, the schedule, the number of steps and the noise."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdjp.samplers import SAMPLERS, Plan, Sampler, Schedule, Step
from tests import strategies


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stream(seed: int, shape: torch.Size) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(shape, generator=generator, dtype=torch.float64)


def each_with_its_own(seeds: list[int], shape: torch.Size) -> Callable[[], Tensor]:
    streams = [stream(seed, shape) for seed in seeds]
    return lambda: torch.stack([draw() for draw in streams])


def model(x: Tensor, t: Tensor) -> Tensor:
    time = (t.double() / 1000).view(-1, 1, 1, 1)
    return torch.sin(1.3 * x + 2 * time) + 0.3 * x.roll(1, dims=-1)


@settings(max_examples=60)
@given(strategies.plans(), strategies.latent_shapes, strategies.seeds)
def test_length_finiteness_and_determinism(
    run: tuple[Sampler, Schedule, Plan], size: tuple[int, int, int], seed: int
) -> None:
    sampler, _, plan = run
    x = normal(seed, 1, *size)
    first, second = (list(sampler(model, x, plan, stream(seed + 1, x.shape))) for _ in range(2))
    assert len(first) == len(second) == len(plan)
    assert [s.t for s in first] == list(plan.timesteps[plan.start :])
    for a, b in zip(first, second, strict=True):
        assert a.x.isfinite().all()
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.x0, b.x0)


@settings(max_examples=60)
@given(strategies.plans(), strategies.latent_shapes, strategies.seeds)
def test_a_model_that_knows_the_answer_is_obeyed(
    run: tuple[Sampler, Schedule, Plan], size: tuple[int, int, int], seed: int
) -> None:
    """If all data is one point, the true eps leads there from anywhere, in any number of steps."""
    sampler, schedule, plan = run
    assume(len(plan) > 0)
    answer, noise = normal(seed, 1, *size), normal(seed + 1, 1, *size)
    alpha_bar = {float(torch.tensor(t)): a for t, a in zip(plan.timesteps, plan.alpha_bar, strict=True)}
    alpha_bar[0.0] = schedule.alpha_bar_at(0)  # where PLMS tries the only step of a run
    for a, a_next in itertools.pairwise(plan.alpha_bar):  # where DPM++ SDE asks within a step
        middle = 1 / (1 + math.sqrt((1 / a - 1) * (1 / a_next - 1)))
        alpha_bar.setdefault(float(torch.tensor(schedule.timestep_at(middle))), middle)

    def oracle(x: Tensor, t: Tensor) -> Tensor:
        a = alpha_bar[float(t[0])]
        return (x - math.sqrt(a) * answer) / math.sqrt(1 - a)

    a = plan.alpha_bar[plan.start]
    x = math.sqrt(a) * answer + math.sqrt(1 - a) * noise
    done = list(sampler(oracle, x, plan, stream(seed + 2, x.shape)))
    # The schedule's own first noise level remains, or none.
    end = schedule.alpha_bar_at(0) if sampler.name in ("ddim", "plms", "dpm_solver", "tcd") else 1.0
    left = done[-1].x - math.sqrt(end) * answer
    if sampler.name == "lcm":  # it leaves c_skip of the last x: almost nothing, but near t = 0
        t = plan.timesteps[-1]
        c_skip, c_out = 0.25 / (100 * t**2 + 0.25), 10 * t / math.sqrt(100 * t**2 + 0.25)
        left -= c_skip * (done[-2].x if len(done) > 1 else x) + (c_out - 1) * answer
    assert float(left.abs().max()) <= 10 * math.sqrt(1 - end) + 1e-7
    assert all(torch.allclose(s.x0, answer, rtol=0, atol=1e-7) for s in done)
    if not sampler.stochastic and plan.eta == 0:
        assert torch.allclose(left, math.sqrt(1 - end) * noise, rtol=0, atol=1e-7)


@settings(max_examples=50)
@given(strategies.plans(), strategies.latent_shapes, st.lists(strategies.seeds, min_size=2, max_size=4))
def test_a_batch_is_its_images_one_by_one(
    run: tuple[Sampler, Schedule, Plan], size: tuple[int, int, int], seeds: list[int]
) -> None:
    sampler, _, plan = run
    x = torch.stack([normal(seed, *size) for seed in seeds])
    together = list(sampler(model, x, plan, each_with_its_own(seeds, x[0].shape)))
    for i, seed in enumerate(seeds):
        alone = list(sampler(model, x[i : i + 1], plan, each_with_its_own([seed], x[0].shape)))
        for a, b in zip(together, alone, strict=True):
            # float64; vectorised sines differ in the last digit with the length of the row
            assert torch.allclose(a.x[i : i + 1], b.x, rtol=1e-9, atol=1e-9)
            assert torch.allclose(a.x0[i : i + 1], b.x0, rtol=1e-9, atol=1e-9)


@settings(max_examples=40)
@given(strategies.plans(), strategies.plans(), strategies.seeds, st.randoms(use_true_random=False))
def test_interleaved_runs_do_not_disturb_each_other(
    one: tuple[Sampler, Schedule, Plan],
    other: tuple[Sampler, Schedule, Plan],
    seed: int,
    order: random.Random,
) -> None:
    runs = [(one, normal(seed, 1, 2, 3, 3)), (other, normal(seed + 1, 1, 2, 3, 3))]
    alone = [list(s(model, x, plan, stream(seed, x.shape))) for (s, _, plan), x in runs]
    live = {i: s(model, x, plan, stream(seed, x.shape)) for i, ((s, _, plan), x) in enumerate(runs)}
    mixed: list[list[Step]] = [[], []]
    while live:
        i = order.choice(sorted(live))
        step = next(live[i], None)
        if step is None:
            del live[i]
        else:
            mixed[i].append(step)
    for a, b in zip(alone, mixed, strict=True):
        assert [s.index for s in a] == [s.index for s in b]
        assert all(torch.equal(s.x, r.x) for s, r in zip(a, b, strict=True))


@settings(max_examples=40)
@given(strategies.schedules, st.integers(2, 40), strategies.spacings, strategies.seeds)
def test_euler_is_ddim_but_for_its_last_step(schedule: Schedule, steps: int, spacing: str, seed: int) -> None:
    """Song et al. 2021, equation 14: eta 0 against euler, eta 1 against euler_a with the same noise."""
    x = normal(seed, 1, 2, 3, 3)
    for name, eta in (("euler", 0.0), ("euler_a", 1.0)):
        euler, ddim = SAMPLERS[name], SAMPLERS["ddim"]
        ours = list(euler(model, x, euler.plan(schedule, steps, spacing=spacing), stream(seed, x.shape)))
        plan = ddim.plan(schedule, steps, spacing=spacing, eta=eta)
        theirs = list(ddim(model, x, plan, stream(seed, x.shape)))
        for a, b in zip(ours[:-1], theirs[:-1], strict=True):
            assert torch.allclose(a.x, b.x, rtol=1e-8, atol=1e-8)
        assert torch.allclose(ours[-1].x0, theirs[-1].x0, rtol=1e-8, atol=1e-8)
        assert torch.allclose(ours[-1].x, ours[-1].x0, rtol=1e-8, atol=1e-8)


@settings(max_examples=40)
@given(strategies.schedules, st.floats(0, 999), strategies.seeds)
def test_noise_that_was_added_can_be_taken_away(schedule: Schedule, t: float, seed: int) -> None:
    x0, noise = normal(seed, 2, 2, 3, 3), normal(seed + 1, 2, 2, 3, 3)
    x = schedule.add_noise(x0, noise, t)
    alpha_bar = schedule.alpha_bar_at(t)
    # The factors are float32, the division by the smallest alpha here (0.007) makes 6e-8 into 1e-5.
    assert torch.allclose((x - math.sqrt(1 - alpha_bar) * noise) / math.sqrt(alpha_bar), x0, atol=1e-3)
