"""One guided call of the UNet of Stable Diffusion v1 at 512×512: two rows of latents, 77 tokens each.

python examples/bench/unet.py --rounds 7
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import part
import torch
from contenders import Field, Shared, Way, diffusers_module, laid_out, step, ways, with_engine
from torch import Tensor

from sdjp.config import SD_V1, TINY, ModelConfig


def inputs(config: ModelConfig, *, pictures: int = 1, cells: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Latents (2 B, C, cells, cells), timesteps (2 B,), text states (2 B, 77, D) for B guided pictures."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(pictures, config.unet.in_channels, cells, cells, generator=rng).repeat(2, 1, 1, 1)
    t = torch.full((2 * pictures,), 481.0)
    context = torch.randn(2 * pictures, config.text.max_length, config.unet.context_dim, generator=rng)
    return x, t, context


def build(way: Way, shared: Shared, given: tuple[Tensor, Tensor, Tensor]) -> Callable[[], Tensor]:
    """The call that is timed: ``way`` over the inputs ``given``, one step of many."""
    x, t, context = laid_out(given[0], way), given[1], given[2].to(way.dtype)
    if way.library == "diffusers":
        module = diffusers_module(shared, way)
        if way.compiled:
            module = torch.compile(module)
        return step(lambda: module(x, t, encoder_hidden_states=context, return_dict=False)[0], way)
    run = with_engine(shared, way)
    return step(lambda: run(x, t, context), way)


def measure(*, tiny: bool = False, rounds: int = 7, every: bool = False) -> list[dict[str, object]]:
    """One row for each way."""
    config, cells = (TINY, 16) if tiny else (SD_V1, 64)
    shared, given = Shared(config, "unet"), inputs(config, cells=cells)
    chosen = ways(every=every)
    field = Field.of(
        {way.name: partial(build, way, shared, given) for way in chosen},
        needs={way.name: way.copies * shared.parameters * way.dtype.itemsize for way in chosen},
    )
    rivals = [way.name for way in chosen if way.library == "diffusers" and not way.compiled]
    side = cells * config.vae.factor
    return field.rows(f"{side}×{side}", rounds=rounds, plain=rivals[0], rivals=rivals)


if __name__ == "__main__":
    part.main(__doc__, "unet", measure)
