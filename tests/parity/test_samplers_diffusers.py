"""Step by step against diffusers' schedulers, with one model, one start and the same noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sdjp.samplers import Plan, Schedule, eps_from_v, get_sampler

diffusers = pytest.importorskip("diffusers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCHEDULE = Schedule()
BETAS = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
SD = {**BETAS, "timestep_spacing": "leading", "steps_offset": 1}
TRAILING = {**BETAS, "timestep_spacing": "trailing"}

PREDICTIONS = pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
STEPS = pytest.mark.parametrize("steps", [1, 2, 7, 14, 15, 50])


def model(x: Tensor, t: Tensor) -> Tensor:
    """What it predicts, eps or v, is a matter of reading."""
    channel = torch.arange(1, x.shape[1] + 1).view(1, -1, 1, 1)
    return torch.tanh(0.6 * x + 0.8 * (t.float() / 1000).view(-1, 1, 1, 1) - 0.1 * channel)


def start() -> Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(5))


def noises() -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(6)
    return lambda: torch.randn(2, 4, 8, 8, generator=generator)


def ours(name: str, plan: Plan, prediction: str, x: Tensor) -> list[Tensor]:
    denoise = eps_from_v(model, SCHEDULE) if prediction == "v_prediction" else model
    return [step.x for step in get_sampler(name)(denoise, x, plan, noises())]


def theirs(scheduler: Any, x: Tensor, **step: Any) -> list[Tensor]:
    """diffusers' own loop from unit noise; the latents after each step, in the scale of Stable Diffusion."""
    with_sigmas = "Euler" in type(scheduler).__name__
    if with_sigmas:
        x = x * (scheduler.sigmas[0] ** 2 + 1) ** 0.5
    out = []
    for i, t in enumerate(scheduler.timesteps):
        prediction = model(scheduler.scale_model_input(x, t), t.expand(2))
        x = scheduler.step(prediction, t, x, **step).prev_sample
        out.append(x / (scheduler.sigmas[i + 1] ** 2 + 1) ** 0.5 if with_sigmas else x)
    return out


def assert_same(a: list[Tensor], b: list[Tensor]) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        # diffusers keeps alpha_bar in float32: after a product of 1000 factors it is off by up to 3e-6, and
        # differences such as 1 - alpha_bar by more.
        torch.testing.assert_close(x, y, rtol=0, atol=1e-5 * float(y.abs().max()))


def test_leading_timesteps() -> None:
    scheduler = diffusers.DDIMScheduler(**SD)
    for steps in range(1, 1000):  # at 1000 diffusers asks for timestep 1000, which does not exist
        scheduler.set_timesteps(steps)
        assert list(SCHEDULE.timesteps("leading", steps)) == scheduler.timesteps.tolist()


@pytest.mark.parametrize("spacing", ["trailing", "linspace"])
def test_other_timesteps(spacing: str) -> None:
    scheduler = diffusers.DDIMScheduler(**BETAS, timestep_spacing=spacing)
    for steps in range(1, 1001):
        scheduler.set_timesteps(steps)
        expected = scheduler.timesteps.tolist()
        if (
            spacing == "trailing" and len(expected) > steps
        ):  # a rounding error of diffusers, first at 61 steps
            assert expected.pop() == -1
        assert list(SCHEDULE.timesteps(spacing, steps)) == expected


@STEPS
@PREDICTIONS
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim(steps: int, prediction: str, eta: float) -> None:
    scheduler = diffusers.DDIMScheduler(
        **SD, prediction_type=prediction, clip_sample=False, set_alpha_to_one=False
    )
    scheduler.set_timesteps(steps)
    plan = SCHEDULE.plan(steps, eta=eta)
    expected = theirs(scheduler, start(), eta=eta, generator=torch.Generator().manual_seed(6))
    assert_same(ours("ddim", plan, prediction, start()), expected)


# Not one step: diffusers then leaves out the second evaluation. Not v: it averages the v of different
# timesteps and reads the mean as one of the last timestep, where we average eps.
@pytest.mark.parametrize("steps", [2, 3, 7, 14, 15, 20, 30, 50])
def test_plms_is_pndm_without_runge_kutta(steps: int) -> None:
    scheduler = diffusers.PNDMScheduler(**SD, skip_prk_steps=True, set_alpha_to_one=False)
    scheduler.set_timesteps(steps)
    expected = theirs(scheduler, start())
    assert_same(
        ours("plms", SCHEDULE.plan(steps), "epsilon", start()), expected[1:]
    )  # its first is the trial


@STEPS
@PREDICTIONS
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_dpmpp_2m(steps: int, prediction: str, spacing: str) -> None:
    plan = SCHEDULE.plan(steps, spacing=spacing)
    scheduler = diffusers.DPMSolverMultistepScheduler(**TRAILING, prediction_type=prediction)
    if spacing == "trailing":
        scheduler.set_timesteps(steps)
    else:  # by these names this scheduler chooses other timesteps than diffusers' other ones
        scheduler.set_timesteps(timesteps=list(plan.timesteps))
    assert_same(ours("dpm++_2m", plan, prediction, start()), theirs(scheduler, start()))


@STEPS
@PREDICTIONS
def test_dpm_solver(steps: int, prediction: str) -> None:
    """On whole timesteps the original's solver is diffusers' one that stops at the first noise level."""
    plan = SCHEDULE.plan(steps, spacing="leading")
    scheduler = diffusers.DPMSolverMultistepScheduler(
        **BETAS, prediction_type=prediction, final_sigmas_type="sigma_min"
    )
    scheduler.set_timesteps(timesteps=list(plan.timesteps))
    assert_same(ours("dpm_solver", plan, prediction, start()), theirs(scheduler, start()))


@STEPS
@PREDICTIONS
@pytest.mark.parametrize(("spacing", "config"), [("leading", SD), ("trailing", TRAILING)])
def test_euler(steps: int, prediction: str, spacing: str, config: dict[str, Any]) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(**config, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    plan = SCHEDULE.plan(steps, spacing=spacing)
    assert_same(ours("euler", plan, prediction, start()), theirs(scheduler, start()))


@STEPS
@PREDICTIONS
@pytest.mark.parametrize(("spacing", "config"), [("leading", SD), ("trailing", TRAILING)])
def test_euler_a(steps: int, prediction: str, spacing: str, config: dict[str, Any]) -> None:
    scheduler = diffusers.EulerAncestralDiscreteScheduler(**config, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    plan = SCHEDULE.plan(steps, spacing=spacing)
    expected = theirs(scheduler, start(), generator=torch.Generator().manual_seed(6))
    assert_same(ours("euler_a", plan, prediction, start()), expected)


@pytest.mark.parametrize("strength", [0.02, 0.3, 0.75, 1.0])
@pytest.mark.parametrize("name", ["ddim", "dpm++_2m", "euler"])
def test_img2img_starts_where_diffusers_starts(name: str, strength: float) -> None:
    steps, x0, noise = 50, start(), noises()()
    plan = SCHEDULE.plan(steps).from_strength(strength)
    scheduler = {
        "ddim": diffusers.DDIMScheduler(**SD, clip_sample=False, set_alpha_to_one=False),
        "dpm++_2m": diffusers.DPMSolverMultistepScheduler(**SD),
        "euler": diffusers.EulerDiscreteScheduler(**SD),
    }[name]
    if name == "dpm++_2m":
        scheduler.set_timesteps(timesteps=list(plan.timesteps))
    else:
        scheduler.set_timesteps(steps)
    # The rule of diffusers' StableDiffusionImg2ImgPipeline.get_timesteps.
    first = max(steps - min(int(steps * strength), steps), 0)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    x = scheduler.add_noise(x0, noise, scheduler.timesteps[first : first + 1])
    for t in scheduler.timesteps[first:]:
        x = scheduler.step(model(scheduler.scale_model_input(x, t), t.expand(2)), t, x).prev_sample

    assert plan.noised_at is not None
    assert plan.noised_at == scheduler.timesteps[first]
    noisy = SCHEDULE.add_noise(x0, noise, plan.noised_at)
    assert_same(ours(name, plan, "epsilon", noisy)[-1:], [x])
