from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sdjp.config import TINY
from sdjp.errors import InputError
from sdjp.models import UNet
from sdjp.samplers import Schedule, classifier_free, eps_from_v

Model = Callable[[Tensor, Tensor, Tensor], Tensor]


@pytest.fixture
def cond() -> Tensor:
    return torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def uncond() -> Tensor:
    return torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 7.5, -1.0])
@pytest.mark.parametrize("t", [torch.tensor(981.0), torch.tensor([981, 1])])
def test_equation(scale: float, t: Tensor, x: Tensor, cond: Tensor, uncond: Tensor, toy: Model) -> None:
    eps_cond, eps_uncond = toy(x, t.expand(2), cond), toy(x, t.expand(2), uncond)
    guided = classifier_free(toy, cond, uncond, scale)(x, t)
    # float32; 1e-6 is a few roundings of values up to 8.5
    torch.testing.assert_close(guided, eps_uncond + scale * (eps_cond - eps_uncond), rtol=0, atol=1e-5)


def test_one_call_unconditional_half_first(x: Tensor, cond: Tensor, uncond: Tensor, toy: Model) -> None:
    seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def model(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        seen.append((x, t, c))
        return toy(x, t, c)

    classifier_free(model, cond, uncond, 7.5)(x, torch.tensor([7, 9]))
    [(x_twice, t_twice, context)] = seen
    assert torch.equal(x_twice, torch.cat([x, x]))
    assert t_twice.tolist() == [7, 9, 7, 9]
    assert torch.equal(context, torch.cat([uncond, cond]))


def test_scale_one_is_a_single_conditional_call(x: Tensor, cond: Tensor, toy: Model) -> None:
    sizes: list[int] = []

    def model(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        sizes.append(len(x))
        return toy(x, t, c)

    t = torch.tensor(500.0)
    assert torch.equal(classifier_free(model, cond, None, 1)(x, t), toy(x, t.expand(2), cond))
    assert sizes == [2]


def test_bfloat16_answers_are_combined_in_float32(
    x: Tensor, cond: Tensor, uncond: Tensor, toy: Model
) -> None:
    def model(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        return toy(x, t, c).bfloat16()

    t = torch.tensor([500.0, 500.0])
    guided = classifier_free(model, cond, uncond, 7.5)(x, t)
    u, c = model(x, t, uncond).float(), model(x, t, cond).float()
    assert guided.dtype == torch.float32
    torch.testing.assert_close(guided, u + 7.5 * (c - u))


@pytest.mark.parametrize("scale", [math.nan, math.inf, -math.inf])
def test_scale_must_be_finite(scale: float, cond: Tensor, uncond: Tensor, toy: Model) -> None:
    with pytest.raises(InputError) as caught:
        classifier_free(toy, cond, uncond, scale)
    assert caught.value.code == "scale.finite"


@pytest.mark.parametrize("uncond", [None, torch.zeros(2, 5, 4), torch.zeros(1, 3, 4)])
def test_unconditional_states_must_fit(uncond: Tensor | None, cond: Tensor, toy: Model) -> None:
    with pytest.raises(InputError) as caught:
        classifier_free(toy, cond, uncond, 7.5)
    assert caught.value.code == "uncond.shape"
    assert "(2, 3, 4)" in caught.value.ja


def test_around_a_real_unet() -> None:
    torch.manual_seed(0)
    unet = UNet.from_config(TINY.unet).eval()
    x, t = torch.randn(1, 4, 8, 8), torch.tensor(981.0)
    cond, uncond = torch.randn(1, 7, 32), torch.randn(1, 7, 32)
    with torch.inference_mode():
        guided = classifier_free(unet, cond, uncond, 3.0)(x, t)
        u, c = unet(x, t.expand(1), uncond), unet(x, t.expand(1), cond)
    # A batch of two and two of one sum in different orders: 1e-5 at most in a UNet of this size.
    torch.testing.assert_close(guided, u + 3.0 * (c - u), rtol=0, atol=1e-4)


@pytest.mark.parametrize("t", [torch.tensor([0, 999]), torch.tensor([979.02, 0.5]), torch.tensor(501.0)])
def test_eps_from_the_true_v(t: Tensor) -> None:
    schedule = Schedule()
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 2, 4, 8, 8, generator=generator).double()
    alpha_bar = torch.tensor([schedule.alpha_bar_at(float(s)) for s in t.expand(2)], dtype=torch.float64)
    alpha, sigma = alpha_bar.sqrt().view(-1, 1, 1, 1), (1 - alpha_bar).sqrt().view(-1, 1, 1, 1)
    v = alpha * eps - sigma * x0
    denoise = eps_from_v(lambda x, t: v, schedule)
    # The factors are float32 (6e-8), and t is too: 979.02 is off by 2e-5 of a timestep.
    torch.testing.assert_close(denoise(alpha * x0 + sigma * eps, t), eps, rtol=0, atol=2e-6)


def test_guidance_and_v_in_either_order(x: Tensor, cond: Tensor, uncond: Tensor, toy: Model) -> None:
    schedule, t = Schedule(), torch.tensor([981.0, 21.0])
    outside = eps_from_v(classifier_free(toy, cond, uncond, 7.5), schedule)(x, t)

    def at(context: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda x, t: toy(x, t, context)

    eps = [eps_from_v(at(c), schedule)(x, t) for c in (uncond, cond)]
    torch.testing.assert_close(outside, eps[0] + 7.5 * (eps[1] - eps[0]), rtol=0, atol=1e-5)
