"""What every registered sampler and every spacing keeps to."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from sdjp.samplers import SAMPLERS, SPACINGS, Plan, Sampler, Schedule, Step

SCHEDULE = Schedule()
PLACE = torch.linspace(-1, 1, 64, dtype=torch.float32).view(4, 4, 4)
DOCS = Path(__file__).parents[2] / "docs"

each_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


def model(x: Tensor, t: Tensor) -> Tensor:
    """A smooth eps that depends on x, on t and on the place."""
    return torch.tanh(0.7 * x + 0.5 * (t / 1000).view(-1, 1, 1, 1) + PLACE).to(x.dtype)


def latents(batch: int = 2, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(batch, 4, 4, 4, generator=torch.Generator().manual_seed(0)).to(dtype)


def noise_like(x: Tensor) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(1)
    return lambda: torch.randn(x.shape, generator=generator).to(x.dtype)


def run(sampler: Sampler, x: Tensor, steps: int, **options: object) -> list[Step]:
    plan = sampler.plan(SCHEDULE, steps, **options)  # type: ignore[arg-type]
    return list(sampler(model, x, plan, noise_like(x)))


def evaluations(sampler: Sampler, plan: Plan) -> int:
    """How often a run calls the model, as the registry says."""
    return len(plan) * sampler.evaluations_per_step + sampler.extra_evaluations if len(plan) else 0


def no_noise() -> Tensor:
    raise AssertionError("a deterministic sampler drew noise")


@pytest.mark.parametrize("name", SAMPLERS)
def test_listed_under_its_name(name: str) -> None:
    assert SAMPLERS[name].name == name
    assert SAMPLERS[name].spacing in SPACINGS


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", [*SAMPLERS, *SPACINGS])
def test_described_in_both_manuals(name: str, language: str) -> None:
    assert f"`{name}`" in (DOCS / language / "samplers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_manuals_tell_how_often_the_model_is_called(name: str, language: str) -> None:
    each, extra = SAMPLERS[name].evaluations_per_step, SAMPLERS[name].extra_evaluations
    told = f"{'' if each == 1 else each}S" + (f" {'+' if extra > 0 else '−'} {abs(extra)}" if extra else "")
    rows = (DOCS / language / "samplers.md").read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith(f"| `{name}` |"))  # spacings come later on the page
    assert row.split(" | ")[2].removesuffix(" 回") == told


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_manuals_show_the_timesteps_of_five_steps(spacing: str, language: str) -> None:
    shown = ", ".join(f"{t:g}" for t in SCHEDULE.timesteps(spacing, 5))
    assert f"| `{spacing}` | {shown} |" in (DOCS / language / "samplers.md").read_text(encoding="utf-8")


def test_example_of_the_manual_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """That of one language: the code of the other is the same."""
    blocks = (DOCS / "ja" / "samplers.md").read_text(encoding="utf-8").split("```python\n")
    [example] = [b.split("```")[0] for b in blocks if b.startswith("import torch")]
    example, count = re.subn(r"\d+, \d+, generator", "8, 8, generator", example)  # a smaller picture
    assert count == 1
    result = SimpleNamespace(latents=torch.zeros(1, 8, 16, 16))  # of the picture that the page draws before
    exec(example, {"result": result})
    assert capsys.readouterr().out.splitlines()[-1] == "25 / 25 1"


@each_sampler
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 14, 15, 20, 30, 1000])
def test_as_many_steps_as_asked_for(sampler: Sampler, steps: int) -> None:
    # The spacing of latent consistency models has 50 timesteps.
    spacing = "leading" if sampler.spacing == "lcm" and steps > 50 else None
    done = run(sampler, latents(1), steps, spacing=spacing)
    assert [s.index for s in done] == list(range(steps))
    assert all(0 <= s.t <= 999 for s in done)
    assert torch.stack([x for s in done for x in (s.x, s.x0)]).isfinite().all()


@each_sampler
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_spacing_with_every_sampler(sampler: Sampler, spacing: str) -> None:
    for steps in (1, 10, 50):
        done = run(sampler, latents(1), steps, spacing=spacing)
        assert len(done) == steps
        assert done[-1].x.isfinite().all()


@each_sampler
@pytest.mark.parametrize("strength", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 20])
def test_evaluations_are_told_beforehand(sampler: Sampler, steps: int, strength: float) -> None:
    plan = sampler.plan(SCHEDULE, steps).from_strength(strength)
    calls = 0

    def counted(x: Tensor, t: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return model(x, t)

    x = latents()
    assert len(list(sampler(counted, x, plan, noise_like(x)))) == len(plan)
    assert calls == evaluations(sampler, plan)


@each_sampler
def test_noise_is_drawn_as_the_registry_says(sampler: Sampler) -> None:
    plan = sampler.plan(SCHEDULE, 5, eta=0)
    x = latents()
    if sampler.stochastic:
        with pytest.raises(AssertionError):
            list(sampler(model, x, plan, no_noise))
    else:
        assert len(list(sampler(model, x, plan, no_noise))) == 5
    if sampler.takes_eta:
        with pytest.raises(AssertionError):
            list(sampler(model, x, sampler.plan(SCHEDULE, 5, eta=0.1), no_noise))
    assert sampler.eta == 0 or sampler.takes_eta


@each_sampler
def test_the_model_sees_float32_timesteps_of_the_batch(sampler: Sampler) -> None:
    def checked(x: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (3,)
        assert t.dtype == torch.float32
        assert (t == t[0]).all()
        return model(x, t)

    x = latents(3, torch.bfloat16)
    list(sampler(checked, x, sampler.plan(SCHEDULE, 4), noise_like(x)))


@each_sampler
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtype_is_kept(sampler: Sampler, dtype: torch.dtype) -> None:
    done = run(sampler, latents(dtype=dtype), 10)
    assert all(s.x.dtype == s.x0.dtype == dtype for s in done)
    exact = run(sampler, latents(dtype=dtype).double(), 10)[-1].x
    # Ten steps with a few roundings each: 30 ulps of the largest value. A timestep or a coefficient rounded
    # to 16 bits would go far beyond.
    error = (done[-1].x.double() - exact).abs().max() / exact.abs().max()
    assert error < 30 * torch.finfo(dtype).eps


@each_sampler
def test_inputs_stay_as_they_are(sampler: Sampler) -> None:
    x = latents()
    before = x.clone()
    given: list[tuple[Tensor, Tensor]] = []

    def remembering(x: Tensor, t: Tensor) -> Tensor:
        given.append((x, x.clone()))
        return model(x, t)

    done: list[tuple[Step, Tensor, Tensor]] = []
    for step in sampler(remembering, x, sampler.plan(SCHEDULE, 6), noise_like(x)):
        done.append((step, step.x.clone(), step.x0.clone()))
    assert torch.equal(x, before)
    assert all(torch.equal(seen, then) for seen, then in given)
    assert all(torch.equal(s.x, x) and torch.equal(s.x0, x0) for s, x, x0 in done)


@each_sampler
def test_nothing_runs_before_the_first_step_is_asked_for(sampler: Sampler) -> None:
    def never(x: Tensor, t: Tensor) -> Tensor:
        raise AssertionError

    sampler(never, latents(), sampler.plan(SCHEDULE, 5), no_noise)


@each_sampler
def test_nothing_runs_after_the_caller_stops(sampler: Sampler) -> None:
    calls: list[float] = []

    def counted(x: Tensor, t: Tensor) -> Tensor:
        calls.append(float(t[0]))
        return model(x, t)

    x = latents()
    for step in sampler(counted, x, sampler.plan(SCHEDULE, 20), noise_like(x)):
        if step.index == 2:
            break
    assert len(calls) == 3 * sampler.evaluations_per_step + max(sampler.extra_evaluations, 0)
