"""Our samplers against trajectories of the original code (tests/golden/README.md, "samplers.npz")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sdjp.samplers import Schedule, Step, classifier_free, get_sampler

Golden = Callable[[str], Tensor]
Model = Callable[[Tensor, Tensor, Tensor], Tensor]

SCHEDULE = Schedule()
RUNS = {
    "ddim_eta0": ("ddim", 0.0),
    "ddim_eta0.5": ("ddim", 0.5),
    "plms": ("plms", 0.0),
    "dpm": ("dpm_solver", 0.0),
}
SPACING = {"ddim": "compvis", "plms": "compvis", "dpm_solver": "time_uniform"}


def no_noise() -> Tensor:
    raise AssertionError("a deterministic run drew noise")


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    # Up to 50 float32 steps on both sides, in another order of operations: 2e-6 of the largest value is seen.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("scale", [1.0, 3.0, 7.5])
@pytest.mark.parametrize("steps", [5, 10, 50])
@pytest.mark.parametrize("run", RUNS)
def test_trajectory(run: str, steps: int, scale: float, golden: Golden, toy: Model) -> None:
    name, eta = RUNS[run]
    sampler = get_sampler(name)
    plan = sampler.plan(SCHEDULE, steps, spacing=SPACING[name], eta=eta)
    guided = classifier_free(toy, golden("c"), golden("uc"), scale)
    calls: list[float] = []

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        calls.append(float(t[0]))
        return guided(x, t)

    noises = iter(golden("noise_seq"))
    done = list(sampler(denoise, golden("x_T"), plan, lambda: next(noises) if eta else no_noise()))

    # The original's fractional t (DPM) went through several float32 roundings near 1000, each of 6e-5.
    torch.testing.assert_close(torch.tensor(calls), golden(f"{run}/S{steps}/t_calls"), rtol=0, atol=1e-4)
    assert [s.index for s in done] == list(range(steps))
    x = torch.stack([done[i - 1].x for i in golden(f"kept/S{steps}/x")])
    x0 = torch.stack([done[i].x0 for i in golden(f"kept/S{steps}/pred_x0")])
    assert_close(x, golden(f"{run}/S{steps}/scale{scale}/x"))
    assert_close(x0, golden(f"{run}/S{steps}/scale{scale}/pred_x0"))


@pytest.mark.parametrize(
    ("steps", "strength", "scale", "eta"),
    [
        (50, 0.0, 5.0, 0.0),
        (50, 0.01, 5.0, 0.0),
        (50, 0.3, 5.0, 0.0),
        (50, 0.5, 5.0, 0.0),
        (50, 0.75, 5.0, 0.0),
        (50, 0.75, 7.5, 0.0),
        (50, 0.75, 5.0, 0.5),
        (10, 0.75, 1.0, 0.0),
        (10, 0.75, 5.0, 0.0),
        (30, 1.0, 5.0, 0.0),
    ],
)
def test_img2img_of_the_original(
    steps: int, strength: float, scale: float, eta: float, golden: Golden, toy: Model
) -> None:
    case = f"img2img/S{steps}/strength{strength}/scale{scale}/eta{eta}"
    ddim = get_sampler("ddim")
    plan = ddim.plan(SCHEDULE, steps, spacing="compvis", eta=eta).from_strength(strength, rule="compvis")
    assert len(plan) == int(golden(f"{case}/t_enc"))
    assert plan.noised_at is not None
    x = SCHEDULE.add_noise(golden("img2img/x0"), golden("img2img/enc_noise"), plan.noised_at)
    assert_close(x, golden(f"{case}/z_enc"))
    noises = iter(golden("noise_seq"))
    denoise = classifier_free(toy, golden("c"), golden("uc"), scale)
    done = list(ddim(denoise, x, plan, lambda: next(noises)))
    assert [s.t for s in done] == golden(f"{case}/t_calls").tolist()
    assert_close(done[-1].x if done else x, golden(f"{case}/final"))
    if steps < 50 and done:
        assert_close(torch.stack([s.x for s in done]), golden(f"{case}/x"))


@pytest.mark.parametrize(("case", "result"), [("q_sample", "x"), ("encode_original_steps", "z")])
def test_add_noise_of_one_timestep_each(case: str, result: str, golden: Golden) -> None:
    noisy = SCHEDULE.add_noise(golden("img2img/x0"), golden("img2img/enc_noise"), golden(f"{case}/t"))
    assert_close(noisy, golden(f"{case}/{result}"))


def test_masked_sampling_by_single_steps(golden: Golden, toy: Model) -> None:
    """A caller may take one step at a time, changing x in between: ``start`` selects the step."""
    ddim = get_sampler("ddim")
    plan = ddim.plan(SCHEDULE, 10, spacing="compvis")
    denoise = classifier_free(toy, golden("c"), golden("uc"), 3.0)
    mask, x = golden("ddim_mask/S10/scale3.0/mask"), golden("x_T")
    for i, t in enumerate(plan.timesteps):
        kept = SCHEDULE.add_noise(golden("img2img/x0"), golden("noise_seq")[i], t)
        x = mask * kept + (1 - mask) * x
        assert_close(x, golden("ddim_mask/S10/scale3.0/x_in_each_step")[i])
        x = next(iter(ddim(denoise, x, replace(plan, start=i), no_noise))).x
    assert_close(x, golden("ddim_mask/S10/scale3.0/final"))


def sample_from_seed(
    name: str, eta: float, x_T: Tensor, golden: Golden, toy: Model, generator: torch.Generator
) -> Step:
    sampler = get_sampler(name)
    plan = sampler.plan(SCHEDULE, 5, spacing=SPACING[name], eta=eta)
    denoise = classifier_free(toy, golden("c")[:1], None, 1.0)
    steps: Iterator[Step] = sampler(denoise, x_T, plan, lambda: torch.randn(x_T.shape, generator=generator))
    return list(steps)[-1]


@pytest.mark.parametrize(
    ("run", "name", "eta", "draws_unused"),
    # What the original draws and multiplies by 0; we do not draw it. At eta 1 every draw is used by both.
    [
        ("ddim", "ddim", 0.0, 5),
        ("ddim_eta1", "ddim", 1.0, 0),
        ("plms", "plms", 0.0, 6),
        ("dpm", "dpm_solver", 0.0, 0),
    ],
)
def test_random_draws_after_seed_42(
    run: str, name: str, eta: float, draws_unused: int, golden: Golden, toy: Model
) -> None:
    generator = torch.Generator().manual_seed(42)
    for iteration in ("iter0", "iter1"):
        x_T = torch.randn(1, 4, 8, 8, generator=generator)
        assert torch.equal(x_T, golden(f"rng_seed42_cpu/{run}/{iteration}/x_T"))
        final = sample_from_seed(name, eta, x_T, golden, toy, generator)
        assert_close(final.x, golden(f"rng_seed42_cpu/{run}/{iteration}/final"))
        for _ in range(draws_unused):
            torch.randn(1, 4, 8, 8, generator=generator)
