"""A sampler of one's own: a generator over any model. · 自分のサンプラーを書く。

The two-step method of Adams and Bashforth on dx/dsigma = eps (Karras et al. 2022, arXiv 2206.00364): each
step follows the slope on, as it changed over the step before. To give it to everybody, see
docs/en/extending.md.
"""

from collections.abc import Iterator
from math import sqrt

import torch

from sdjp import Pipeline
from sdjp.images import to_pil
from sdjp.samplers import Plan, Sampler, classifier_free, eps_from_v
from sdjp.samplers.base import Denoise, Noise, Step, at


def adams_bashforth(denoise: Denoise, x_T: torch.Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """One call of the model a step; the first step, which has no past, is Euler's."""
    x = x_T
    eps_before, h_before = x_T, 0.0
    for i, t, a, a_prev in plan.moves(end=1.0):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        h = sigma_next - sigma
        eps = slope = denoise(x, at(t, x))
        if h_before != 0:
            slope = eps + h / (2 * h_before) * (eps - eps_before)
        y = x / sqrt(a)
        x = sqrt(a_prev) * (y + h * slope)
        eps_before, h_before = eps, h
        yield Step(i, t, x, y - sigma * eps)


sampler = Sampler(name="adams_bashforth", function=adams_bashforth)
pipe = Pipeline.from_pretrained(dtype="float32")
cond, uncond = pipe.encode_prompt(["雪の中の鳥居", ""]).split(1)
plan = sampler.plan(pipe.schedule, 12)
denoise = classifier_free(pipe.unet, cond, uncond, pipe.config.defaults.guidance_scale)
if pipe.config.schedule.prediction == "v":
    denoise = eps_from_v(denoise, pipe.schedule)

factor, defaults = pipe.vae.factor, pipe.config.defaults
shape = (1, pipe.config.vae.latent_channels, defaults.height // factor, defaults.width // factor)
generator = torch.Generator().manual_seed(7)
x = defaults.noise_multiplier * torch.randn(shape, generator=generator)
with torch.inference_mode():
    for step in sampler(denoise, x, plan, lambda: torch.randn(shape, generator=generator)):
        print(f"{step.index + 1}/{len(plan)}", flush=True)
    [picture] = to_pil(pipe.vae.decode(step.x / pipe.vae.scaling_factor))
picture.save("adams_bashforth.png")
