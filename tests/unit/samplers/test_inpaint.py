"""The part of a picture that is known stays, with every sampler."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sdjp.samplers import (
    SAMPLERS,
    Schedule,
    beside,
    classifier_free,
    get_sampler,
    keep_known,
    renew_known,
)

Golden = Callable[[str], Tensor]
Model = Callable[[Tensor, Tensor, Tensor], Tensor]
SCHEDULE = Schedule()


def randn(seed: int) -> Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


MASK = torch.zeros(1, 1, 8, 8)
MASK[..., 2:5, 3:8] = 1


def model(x: Tensor, t: Tensor) -> Tensor:
    return torch.tanh(0.7 * x + 0.3)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_what_is_known_is_there_at_every_step_and_at_the_end(name: str, strength: float) -> None:
    sampler, clean = SAMPLERS[name], randn(1)
    plan = sampler.plan(SCHEDULE, 10).from_strength(strength)
    assert plan.noised_at is not None
    x = SCHEDULE.add_noise(clean, randn(2), plan.noised_at)
    generator = torch.Generator().manual_seed(3)
    denoise = keep_known(model, clean, MASK, SCHEDULE)
    steps = list(sampler(denoise, x, plan, lambda: torch.randn(x.shape, generator=generator)))
    known = (MASK == 0).expand_as(clean)
    # x0 is a difference divided by sqrt(alpha_bar), 0.07 at the first step. Multistep methods mix the eps of
    # several steps, which agree where the noise is the same; PLMS rounds most.
    for step in steps[1:]:
        torch.testing.assert_close(step.x0[known], clean[known], rtol=0, atol=2e-4)
    # Samplers that end at alpha_bar[0] leave the noise of that timestep, 0.03.
    assert (steps[-1].x[known] - clean[known]).abs().max() < 0.2
    free = list(sampler(model, x, plan, lambda: torch.randn(x.shape, generator=generator)))[-1].x
    assert (free[known] - clean[known]).abs().max() > 0.5, "the model would have changed it"


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_mask_that_is_all_white_changes_nothing(name: str) -> None:
    sampler, x = SAMPLERS[name], randn(2)
    plan = sampler.plan(SCHEDULE, 5)

    def last(denoise: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        *_, step = sampler(denoise, x, plan, lambda: torch.randn(x.shape, generator=generator))
        return step.x

    masked = keep_known(model, randn(1), torch.ones(1, 1, 8, 8), SCHEDULE)
    torch.testing.assert_close(last(masked), last(model), rtol=0, atol=1e-5)


def test_masked_sampling_of_the_original(golden: Golden, toy: Model) -> None:
    """``mask`` of the original is 1 where the picture stays."""
    case = "ddim_mask/S10/scale3.0"
    ddim = get_sampler("ddim")
    plan = ddim.plan(SCHEDULE, 10, spacing="compvis")
    seen: list[Tensor] = []
    guided = classifier_free(toy, golden("c"), golden("uc"), 3.0)

    def remembering(x: Tensor, t: Tensor) -> Tensor:
        seen.append(x)
        return guided(x, t)

    noises = iter(golden("noise_seq"))
    redrawn = 1 - golden(f"{case}/mask")
    denoise = renew_known(remembering, golden("img2img/x0"), redrawn, SCHEDULE, lambda: next(noises))
    *_, last = ddim(denoise, golden("x_T"), plan, lambda: torch.zeros(0))
    # As in test_samplers_golden.py: ten float32 steps in another order of operations.
    expected = golden(f"{case}/x_in_each_step")
    torch.testing.assert_close(torch.stack(seen), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    final = golden(f"{case}/final")
    torch.testing.assert_close(
        last.x * redrawn, final * redrawn, rtol=0, atol=1e-5 * float(final.abs().max())
    )


def test_channels_beside_go_to_every_picture() -> None:
    def nine(x: Tensor, t: Tensor) -> Tensor:
        assert x.shape == (2, 9, 8, 8)
        return x[:, 4:5] * x[:, :4] + x[:, 5:]

    x, masked = randn(0), randn(1)[:1]
    eps = beside(nine, torch.cat([MASK, masked], dim=1))(x, torch.zeros(2))
    assert torch.equal(eps, MASK * x + masked)
