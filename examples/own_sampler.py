"""A sampler of one's own: a generator over any model. · 自分のサンプラーを書く。

Heun's method (Karras et al. 2022, arXiv 2206.00364, algorithm 1): each step looks ahead with Euler's method
and then goes with the mean of both slopes. To give it to everybody, see docs/en/extending.md.
"""

from collections.abc import Iterator
from math import sqrt

import torch

from sdjp import Pipeline
from sdjp.images import to_pil
from sdjp.samplers import Plan, Sampler, classifier_free, eps_from_v
from sdjp.samplers.base import Denoise, Noise, Step, at


def heun(denoise: Denoise, x_T: torch.Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Two calls of the model a step; the last step, which has nothing to look ahead to, is Euler's."""
    x = x_T
    moves = list(plan.moves(end=1.0))
    for (i, t, a, a_prev), after in zip(moves, [*moves[1:], None], strict=True):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        slope = denoise(x, at(t, x))
        y = x / sqrt(a)
        x0 = y - sigma * slope
        if after is not None:
            ahead = sqrt(a_prev) * (y + (sigma_next - sigma) * slope)
            slope = (slope + denoise(ahead, at(after[1], x))) / 2
        x = sqrt(a_prev) * (y + (sigma_next - sigma) * slope)
        yield Step(i, t, x, x0)


sampler = Sampler(name="heun", function=heun)
pipe = Pipeline.from_pretrained(dtype="float32")
cond, uncond = pipe.encode_prompt(["雪の中の鳥居", ""]).split(1)
plan = sampler.plan(pipe.schedule, 12)
denoise = classifier_free(pipe.unet, cond, uncond, pipe.config.defaults.guidance_scale)
if pipe.config.schedule.prediction == "v":
    denoise = eps_from_v(denoise, pipe.schedule)

factor, defaults = pipe.vae.factor, pipe.config.defaults
shape = (1, pipe.config.vae.latent_channels, defaults.height // factor, defaults.width // factor)
generator = torch.Generator().manual_seed(7)
x = torch.randn(shape, generator=generator)
with torch.inference_mode():
    for step in sampler(denoise, x, plan, lambda: torch.randn(shape, generator=generator)):
        print(f"{step.index + 1}/{len(plan)}", flush=True)
    [picture] = to_pil(pipe.vae.decode(step.x / pipe.vae.scaling_factor))
picture.save("heun.png")
