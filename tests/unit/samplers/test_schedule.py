from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sdjp.config import MINI, ScheduleConfig
from sdjp.errors import InputError
from sdjp.samplers import SPACINGS, Schedule, get_sampler

SCHEDULE = Schedule()
Arrays = dict[str, np.ndarray]


def test_betas_and_alpha_bar_of_the_original(golden_schedule: Arrays) -> None:
    # float64 on both sides; a cumulative product of 1000 factors may differ in its last digits.
    np.testing.assert_allclose(SCHEDULE.betas.numpy(), golden_schedule["sd_v1/betas_f64"], rtol=1e-14)
    np.testing.assert_allclose(
        SCHEDULE.alpha_bar.numpy(), golden_schedule["sd_v1/alphas_cumprod_f64"], rtol=1e-12
    )
    assert torch.equal(SCHEDULE.alpha_bar.float(), torch.from_numpy(golden_schedule["sd_v1/alphas_cumprod"]))


def test_from_config_takes_the_models_numbers() -> None:
    schedule = Schedule.from_config(MINI.schedule)
    assert schedule.betas[-1].item() == pytest.approx(0.02)
    assert len(Schedule.from_config(ScheduleConfig(num_train_timesteps=100)).alpha_bar) == 100


def test_factors_for_tensors_are_exact_in_float32(golden_schedule: Arrays) -> None:
    t = torch.arange(1000)
    alpha, sigma = SCHEDULE.alpha_sigma(t, torch.zeros(1000, 2))
    expected = golden_schedule["sd_v1/alphas_cumprod_f64"]
    # log(alpha_bar) goes through float32, |log| <= 5.4: half an ulp of that, halved by the root.
    np.testing.assert_allclose(alpha[:, 0].numpy(), np.sqrt(expected), rtol=3e-7)
    np.testing.assert_allclose(sigma[:, 0].numpy(), np.sqrt(1 - expected), rtol=3e-7)


def test_between_timesteps_the_logarithm_is_linear() -> None:
    below, above = SCHEDULE.alpha_bar[979].item(), SCHEDULE.alpha_bar[980].item()
    assert SCHEDULE.alpha_bar_at(979.25) == pytest.approx(below**0.75 * above**0.25, rel=1e-12)
    assert SCHEDULE.alpha_bar_at(999) == pytest.approx(SCHEDULE.alpha_bar[999].item(), rel=1e-12)
    alpha, _ = SCHEDULE.alpha_sigma(torch.tensor(979.25), torch.zeros(1, 1, dtype=torch.float64))
    assert alpha.item() ** 2 == pytest.approx(below**0.75 * above**0.25, rel=1e-6)  # float32


@pytest.mark.parametrize(("spacing", "theirs"), [("compvis", "uniform"), ("quad", "quad")])
@pytest.mark.parametrize("steps", [1, 2, 5, 10, 20, 25, 30, 50, 100, 250])
def test_plan_is_the_originals_table(spacing: str, theirs: str, steps: int, golden_schedule: Arrays) -> None:
    case = f"ddim/{theirs}/{steps}"
    plan = SCHEDULE.plan(steps, spacing=spacing)
    assert list(plan.timesteps) == golden_schedule[f"{case}/timesteps"][::-1].tolist()
    # The original's tables went through float32: 6e-8 of a value.
    np.testing.assert_allclose(plan.alpha_bar, golden_schedule[f"{case}/alphas"][::-1], rtol=1e-7)
    np.testing.assert_allclose(plan.alpha_bar_prev, golden_schedule[f"{case}/alphas_prev"][::-1], rtol=1e-7)


@pytest.mark.parametrize("steps", [999, 1000])
def test_quad_with_more_steps_than_timesteps(steps: int, golden_schedule: Arrays) -> None:
    theirs = golden_schedule[f"ddim/quad/{steps}/timesteps"][::-1].tolist()
    assert list(SCHEDULE.timesteps("quad", steps)) == theirs


@pytest.mark.parametrize("eta", [0.5, 1.0])
@pytest.mark.parametrize(
    "case", ["uniform/10", "uniform/30", "uniform/50", "uniform/250", "quad/20", "quad/50"]
)
def test_sigma_of_ddim(case: str, eta: float, golden_schedule: Arrays) -> None:
    """From x = 0, with a model that sees no noise, a step adds sigma times the noise and nothing else."""
    theirs, steps = case.split("/")
    ddim = get_sampler("ddim")
    spacing = {"uniform": "compvis", "quad": "quad"}[theirs]
    plan = ddim.plan(SCHEDULE, int(steps), spacing=spacing, eta=eta)
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    sigmas = [
        next(iter(ddim(lambda x, t: torch.zeros_like(x), zero, replace(plan, start=i), lambda: one))).x.item()
        for i in range(len(plan))
    ]
    # The original computes 1 - alpha_bar from float32 (6e-8 of a difference as small as 1e-3); quad's
    # repeated timesteps give exactly 0 here and the root of that rounding there.
    expected = golden_schedule[f"ddim/{case}/sigmas_eta{eta}"][::-1]
    np.testing.assert_allclose(sigmas, expected, rtol=2e-4, atol=1e-5)


def test_compvis_spacing_for_every_number_of_steps(golden_schedule: Arrays) -> None:
    for steps in range(1, 1001):
        count, largest, usable = golden_schedule["census_uniform"][steps].tolist()
        if usable:
            timesteps = SCHEDULE.timesteps("compvis", steps)
            assert (len(timesteps), timesteps[0]) == (count, largest)
        else:
            with pytest.raises(InputError, match="compvis"):
                SCHEDULE.timesteps("compvis", steps)


@pytest.mark.parametrize(("steps", "nearest"), [(27, ("26", "28")), (300, ("250", "334")), (999, ("500",))])
def test_compvis_names_the_nearest_usable(steps: int, nearest: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        SCHEDULE.plan(steps, spacing="compvis")
    for text in (caught.value.ja, caught.value.en):
        assert all(number in text for number in (str(steps), *nearest, "leading"))
    for number in nearest:
        assert SCHEDULE.plan(int(number), spacing="compvis")


@pytest.mark.parametrize("alpha_bar", [0.999, 0.5, 0.02])
def test_a_timestep_is_found_by_its_noise(alpha_bar: float) -> None:
    assert SCHEDULE.alpha_bar_at(SCHEDULE.timestep_at(alpha_bar)) == pytest.approx(alpha_bar, rel=1e-12)
    assert SCHEDULE.timestep_at(SCHEDULE.alpha_bar_at(123.25)) == pytest.approx(123.25, abs=1e-9)
    assert SCHEDULE.timestep_at(1.0) == 0
    assert SCHEDULE.timestep_at(1e-9) == 999


@pytest.mark.parametrize("spacing", ["karras", "exponential", "beta_sigmas"])
def test_spacings_of_sigmas_span_the_model(spacing: str) -> None:
    plan = SCHEDULE.plan(7, spacing=spacing)
    assert (plan.timesteps[0], plan.timesteps[-1]) == (999, 0)
    sigmas = [math.sqrt(1 / a - 1) for a in plan.alpha_bar]
    high, low = sigmas[0], sigmas[-1]
    if spacing != "beta_sigmas":  # their paths: sigma^(1/7), log sigma
        path = [sigma ** (1 / 7) if spacing == "karras" else math.log(sigma) for sigma in sigmas]
        strides = [a - b for a, b in itertools.pairwise(path)]
        assert strides == pytest.approx([strides[0]] * 6, rel=1e-9)
    else:  # it is symmetric
        assert sigmas[3] == pytest.approx((high + low) / 2, rel=1e-9)
        assert sigmas[1] + sigmas[5] == pytest.approx(high + low, rel=1e-9)


def test_latent_consistency_models_have_fifty_timesteps() -> None:
    assert SCHEDULE.timesteps("lcm", 4) == (999, 759, 499, 259)
    assert SCHEDULE.timesteps("lcm", 50) == tuple(range(999, 0, -20))
    with pytest.raises(InputError, match="50") as caught:
        SCHEDULE.timesteps("lcm", 51)
    assert caught.value.code == "steps.lcm"
    assert Schedule(num_train_timesteps=20).timesteps("lcm", 20) == tuple(range(19, -1, -1))


@pytest.mark.parametrize("spacing", sorted(set(SPACINGS) - {"compvis"}))
def test_exactly_as_many_timesteps_as_steps(spacing: str) -> None:
    for steps in (
        range(1, 51) if spacing == "lcm" else range(1, 1001, 37 if spacing.startswith("beta") else 1)
    ):
        timesteps = SCHEDULE.timesteps(spacing, steps)
        assert len(timesteps) == steps
        assert timesteps[0] <= 999
        assert timesteps[-1] >= 0
        assert all(a >= b for a, b in itertools.pairwise(timesteps))


def test_leading_takes_all_thousand() -> None:
    assert SCHEDULE.timesteps("leading", 1000) == tuple(range(999, -1, -1))
    assert SCHEDULE.timesteps("leading", 4) == (751, 501, 251, 1)


@pytest.mark.parametrize("steps", [0, -1, 1001, 10**30, True, 20.0, "20", None, math.nan])
def test_unusable_steps(steps: object) -> None:
    with pytest.raises(InputError) as caught:
        SCHEDULE.plan(steps)  # type: ignore[arg-type]
    assert caught.value.code == "steps.range"
    assert "1000" in caught.value.ja
    assert repr(steps) in caught.value.en


def test_steps_from_numpy() -> None:
    assert len(SCHEDULE.plan(np.int64(20))) == 20


def test_unknown_spacing_lists_all() -> None:
    with pytest.raises(InputError) as caught:
        SCHEDULE.plan(20, spacing="karas")
    assert all(name in caught.value.ja and name in caught.value.en for name in SPACINGS)


@pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan, math.inf])
def test_eta_out_of_range(eta: float) -> None:
    with pytest.raises(InputError) as caught:
        SCHEDULE.plan(20, eta=eta)
    assert caught.value.code == "eta.range"


class TestFromStrength:
    plan = SCHEDULE.plan(50)

    @pytest.mark.parametrize(("strength", "runs"), [(1.0, 50), (0.75, 37), (0.5, 25), (0.02, 1), (0.001, 1)])
    def test_last_part_of_the_plan_runs(self, strength: float, runs: int) -> None:
        part = self.plan.from_strength(strength)
        assert len(part) == runs
        first_t = next(part.moves())[1]
        assert first_t == self.plan.timesteps[-runs] == part.noised_at

    def test_zero_runs_nothing_and_adds_no_noise(self) -> None:
        part = self.plan.from_strength(0.0)
        assert len(part) == 0
        assert list(part.moves()) == []
        assert part.noised_at is None

    def test_original_noises_one_timestep_deeper(self) -> None:
        part = self.plan.from_strength(0.5, rule="compvis")
        assert part.noised_at == self.plan.timesteps[24]
        assert next(part.moves())[1] == self.plan.timesteps[25]

    def test_original_at_full_strength_stays_in_the_table(self) -> None:
        part = self.plan.from_strength(1.0, rule="compvis")
        assert len(part) == 50
        assert part.noised_at == self.plan.timesteps[0]

    @pytest.mark.parametrize("strength", [-0.01, 1.01, math.nan])
    def test_out_of_range(self, strength: float) -> None:
        with pytest.raises(InputError) as caught:
            self.plan.from_strength(strength)
        assert caught.value.code == "strength.range"

    def test_unknown_rule(self) -> None:
        with pytest.raises(InputError, match="compvis"):
            self.plan.from_strength(0.5, rule="a1111")  # type: ignore[arg-type]


def test_add_noise_keeps_dtype_and_inputs() -> None:
    x0, noise = torch.ones(2, 4, 2, 2, dtype=torch.bfloat16), torch.ones(2, 4, 2, 2, dtype=torch.bfloat16)
    noisy = SCHEDULE.add_noise(x0, noise, 500)
    assert noisy.dtype == torch.bfloat16
    assert torch.equal(x0, torch.ones_like(x0))
    alpha_bar = SCHEDULE.alpha_bar_at(500)
    expected = math.sqrt(alpha_bar) + math.sqrt(1 - alpha_bar)
    assert noisy[0, 0, 0, 0].item() == pytest.approx(expected, rel=2**-8)  # one rounding to bfloat16
