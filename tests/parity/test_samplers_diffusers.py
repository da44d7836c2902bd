"""Step by step against diffusers' schedulers, with one model, one start and the same noise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdjp.samplers import Plan, Schedule, eps_from_v, get_sampler
from sdjp.samplers.beta import quantile

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
    with_sigmas = type(scheduler).__name__.startswith(("Euler", "Heun"))
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


FEW_AND_MANY = pytest.mark.parametrize("steps", [1, 2, 4, 8, 20])


@FEW_AND_MANY
@PREDICTIONS
@pytest.mark.parametrize(("spacing", "config"), [("leading", SD), ("trailing", TRAILING)])
def test_heun(steps: int, prediction: str, spacing: str, config: dict[str, Any]) -> None:
    scheduler = diffusers.HeunDiscreteScheduler(**config, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    plan = SCHEDULE.plan(steps, spacing=spacing)
    # Of its two entries for a step the second is where ours arrives; the last step has only one.
    expected = theirs(scheduler, start())
    assert_same(ours("heun", plan, prediction, start()), [*expected[1::2], expected[-1]][:steps])


@FEW_AND_MANY
@PREDICTIONS
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_dpmpp_2m_sde(steps: int, prediction: str, spacing: str) -> None:
    plan = SCHEDULE.plan(steps, spacing=spacing)
    scheduler = diffusers.DPMSolverMultistepScheduler(
        **TRAILING, prediction_type=prediction, algorithm_type="sde-dpmsolver++"
    )
    scheduler.set_timesteps(timesteps=list(plan.timesteps))
    expected = theirs(scheduler, start(), generator=torch.Generator().manual_seed(6))
    assert_same(ours("dpm++_2m_sde", plan, prediction, start()), expected)


@FEW_AND_MANY
@PREDICTIONS
@pytest.mark.parametrize("spacing", ["trailing", "multistep_linspace", "multistep_leading"])
def test_unipc(steps: int, prediction: str, spacing: str) -> None:
    config = {**SD, "timestep_spacing": spacing.removeprefix("multistep_")}
    scheduler = diffusers.UniPCMultistepScheduler(**config, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    plan = SCHEDULE.plan(steps, spacing=spacing)
    assert scheduler.timesteps.tolist() == list(plan.timesteps)
    assert_same(ours("unipc", plan, prediction, start()), theirs(scheduler, start()))


@FEW_AND_MANY
@PREDICTIONS
def test_lcm(steps: int, prediction: str) -> None:
    scheduler = diffusers.LCMScheduler(**BETAS, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    plan = get_sampler("lcm").plan(SCHEDULE, steps)
    expected = theirs(scheduler, start(), generator=torch.Generator().manual_seed(6))
    assert_same(ours("lcm", plan, prediction, start()), expected)


@FEW_AND_MANY
@PREDICTIONS
@pytest.mark.parametrize("gamma", [None, 0.0, 0.3, 1.0])
def test_tcd(steps: int, prediction: str, gamma: float | None) -> None:
    scheduler = diffusers.TCDScheduler(**BETAS, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    plan = get_sampler("tcd").plan(SCHEDULE, steps, eta=gamma)
    told = {} if gamma is None else {"eta": gamma}
    expected = theirs(scheduler, start(), **told, generator=torch.Generator().manual_seed(6))
    assert_same(ours("tcd", plan, prediction, start()), expected)


def test_timesteps_of_latent_consistency_models() -> None:
    for scheduler in (diffusers.LCMScheduler(**BETAS), diffusers.TCDScheduler(**BETAS)):
        for steps in range(1, 51):
            scheduler.set_timesteps(steps)
            assert list(SCHEDULE.timesteps("lcm", steps)) == scheduler.timesteps.tolist()


@pytest.mark.parametrize("name", ["DPMSolverMultistep", "UniPCMultistep"])
@pytest.mark.parametrize("theirs", ["linspace", "leading"])
def test_timesteps_of_multistep_solvers(name: str, theirs: str) -> None:
    settings = {**SD, "timestep_spacing": theirs}
    scheduler = getattr(diffusers, f"{name}Scheduler")(**settings)
    for steps in range(1, 999):  # then diffusers asks for timestep 1000, or for the same one each time
        scheduler.set_timesteps(steps)
        assert list(SCHEDULE.timesteps(f"multistep_{theirs}", steps)) == scheduler.timesteps.tolist()


def test_timesteps_between_timesteps() -> None:
    scheduler = diffusers.EulerDiscreteScheduler(**BETAS, timestep_spacing="linspace")
    for steps in range(2, 1001, 37):  # not 1, which diffusers puts at 0, and k-diffusion at 999
        scheduler.set_timesteps(steps)
        assert SCHEDULE.timesteps("normal", steps) == pytest.approx(scheduler.timesteps.tolist(), abs=1e-3)


SIGMAS = pytest.mark.parametrize("spacing", ["karras", "exponential", "beta_sigmas"])
"""Spacings of sigmas: diffusers has a switch for each."""


def switched(name: str, spacing: str, **config: Any) -> Any:
    if spacing == "beta_sigmas":
        pytest.importorskip("scipy")
    settings = {
        **BETAS,
        "timestep_spacing": "linspace",
        f"use_{spacing.removesuffix('_sigmas')}_sigmas": True,
        **config,
    }
    return getattr(diffusers, f"{name}Scheduler")(**settings)


@SIGMAS
@pytest.mark.parametrize("steps", [2, 4, 8, 20, 100])  # not 1: see test_on_sigmas
def test_sigmas(spacing: str, steps: int) -> None:
    scheduler = switched("EulerDiscrete", spacing)
    scheduler.set_timesteps(steps)
    plan = SCHEDULE.plan(steps, spacing=spacing)
    sigmas = torch.tensor([(1 / a - 1) ** 0.5 for a in plan.alpha_bar])
    torch.testing.assert_close(sigmas, scheduler.sigmas[:-1], rtol=1e-4, atol=0)  # 1 - alpha_bar in float32
    # Between two timesteps diffusers has log sigma linear, we log alpha_bar: below t = 1 it shows most.
    assert plan.timesteps == pytest.approx(scheduler.timesteps.tolist(), abs=0.1)


# Not one step: it begins at the largest sigma in k-diffusion, in diffusers' multistep solvers below and here,
# and at the smallest with these two of diffusers.
@SIGMAS
@pytest.mark.parametrize("steps", [2, 4, 8, 20])
@PREDICTIONS
@pytest.mark.parametrize("name", ["euler", "heun"])
def test_on_sigmas(spacing: str, steps: int, prediction: str, name: str) -> None:
    scheduler = switched(f"{name.title()}Discrete", spacing, prediction_type=prediction)
    scheduler.set_timesteps(steps)
    expected = theirs(scheduler, start())
    expected = [*expected[1::2], expected[-1]][:steps] if name == "heun" else expected
    found = ours(name, SCHEDULE.plan(steps, spacing=spacing), prediction, start())
    assert_close(found, expected)


@SIGMAS
@FEW_AND_MANY
@PREDICTIONS
@pytest.mark.parametrize("name", ["dpm++_2m", "dpm++_2m_sde", "unipc"])
def test_multistep_on_sigmas(spacing: str, steps: int, prediction: str, name: str) -> None:
    kind = "UniPC" if name == "unipc" else "DPMSolver"
    sde = {"algorithm_type": "sde-dpmsolver++"} if name == "dpm++_2m_sde" else {}
    scheduler = switched(f"{kind}Multistep", spacing, prediction_type=prediction, **sde)
    scheduler.set_timesteps(steps)
    # These round timesteps, and ask the model of a whole one where its sigma lies beside.
    scheduler.timesteps = torch.arange(steps)
    plan = SCHEDULE.plan(steps, spacing=spacing)
    seeded = {"generator": torch.Generator().manual_seed(6)} if sde else {}
    out, x = [], start()
    for i in range(steps):
        t = torch.tensor(plan.timesteps[i])
        x = scheduler.step(model(x, t.expand(2)), scheduler.timesteps[i], x, **seeded).prev_sample
        out.append(x)
    assert_close(ours(name, plan, prediction, start()), out)


def assert_close(a: list[Tensor], b: list[Tensor]) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        # Most are within 1e-5, as above; t itself differs where it lies between timesteps, see test_sigmas.
        torch.testing.assert_close(x, y, rtol=0, atol=1e-4 * float(y.abs().max()))


def test_beta_quantiles() -> None:
    stats = pytest.importorskip("scipy.stats")
    for share in [0.0, 1e-9, 1e-4, *(i / 97 for i in range(98)), 1 - 1e-9, 1.0]:
        assert quantile(share) == pytest.approx(float(stats.beta.ppf(share, 0.6, 0.6)), abs=1e-14)
    for steps in (1, 2, 8, 25, 50):  # in the words of ComfyUI's "beta"
        shares = stats.beta.ppf(1 - np.linspace(0, 1, steps, endpoint=False), 0.6, 0.6)
        timesteps = SCHEDULE.timesteps("beta", steps)
        assert timesteps == pytest.approx(
            (999 * shares).tolist(), abs=0.5 + 1e-9
        )  # rounded; 499.5 either way


# k-diffusion's sample_dpmpp_sde in its own terms, on one Brownian path; torchsde is not needed for it.


def k_dpmpp_sde(
    denoised: Callable[[Tensor, float], Tensor], x: Tensor, sigmas: list[float], noise: Callable[[], Tensor]
) -> list[Tensor]:
    """x in k-diffusion's scale after each step; eta 1, s_noise 1, r 1/2."""
    out = []
    for sigma, sigma_next in itertools.pairwise(sigmas):
        x_0 = denoised(x, sigma)
        if sigma_next == 0:
            x = x + (x - x_0) / sigma * (sigma_next - sigma)
            out.append(x)
            continue
        t, t_next = -math.log(sigma), -math.log(sigma_next)
        s = t + (t_next - t) / 2
        sigma_s = math.exp(-s)
        path = [noise() * (sigma - sigma_s) ** 0.5, noise() * (sigma_s - sigma_next) ** 0.5]

        def step(x: Tensor, x_0: Tensor, end: float, increment: Tensor, sigma: float = sigma) -> Tensor:
            up = min(end, math.sqrt(end**2 * (sigma**2 - end**2) / sigma**2))
            down = math.sqrt(end**2 - up**2)
            h = math.log(sigma) - math.log(down)
            return down / sigma * x - math.expm1(-h) * x_0 + up * increment / math.sqrt(sigma - end)

        x_0 = denoised(step(x, x_0, sigma_s, path[0]), sigma_s)  # 1 / 2r = 1: the second answer alone
        x = step(x, x_0, sigma_next, path[0] + path[1])
        out.append(x)
    return out


@FEW_AND_MANY
@PREDICTIONS
@pytest.mark.parametrize("spacing", ["leading", "karras"])
def test_dpmpp_sde(steps: int, prediction: str, spacing: str) -> None:
    plan = SCHEDULE.plan(steps, spacing=spacing)
    denoise = eps_from_v(model, SCHEDULE) if prediction == "v_prediction" else model
    log_sigmas = (1 / SCHEDULE.alpha_bar - 1).log() / 2

    def denoised(x: Tensor, sigma: float) -> Tensor:
        low = int((log_sigmas <= math.log(sigma) + 1e-9).sum().clamp(1, 999)) - 1
        ends = log_sigmas[low].item(), log_sigmas[low + 1].item()
        t = torch.tensor([low + (math.log(sigma) - ends[0]) / (ends[1] - ends[0])], dtype=torch.float32)
        return x - sigma * denoise(x / (sigma**2 + 1) ** 0.5, t.expand(2))

    sigmas = [*((1 / a - 1) ** 0.5 for a in plan.alpha_bar), 0.0]
    expected = k_dpmpp_sde(denoised, start() * (sigmas[0] ** 2 + 1) ** 0.5, sigmas, noises())
    scaled = [x / (sigma**2 + 1) ** 0.5 for x, sigma in zip(expected, sigmas[1:], strict=True)]
    assert_close(ours("dpm++_sde", plan, prediction, start()), scaled)
