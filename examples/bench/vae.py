"""Decoding one picture of 512×512 with the autoencoder of Stable Diffusion v1, whole and in tiles.

python examples/bench/vae.py --rounds 5
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import part
import torch
from contenders import Field, Shared, Way, diffusers_module, laid_out, ways, with_engine
from torch import Tensor

from sdjp.config import SD_V1, TINY
from sdjp.models.vae_tiles import decode_tiled


def build(way: Way, shared: Shared, z: Tensor) -> Callable[[], Tensor]:
    """The call that is timed: ``way`` over the latents ``z``; a pipeline keeps no memory for that, either."""
    z = laid_out(z, way)
    if way.library == "diffusers":
        module = diffusers_module(shared, way)
        decode = torch.compile(module.decode) if way.compiled else module.decode
        return lambda: decode(z, return_dict=False)[0]
    run = with_engine(shared, way)
    return lambda: run(z)


def build_tiled(way: Way, shared: Shared, z: Tensor, tile: int) -> Callable[[], Tensor]:
    """The same in tiles of ``tile`` cells a side, which both libraries do for large pictures."""
    z = laid_out(z, way)
    if way.library == "diffusers":
        module = diffusers_module(shared, way)
        module.enable_tiling()
        module.tile_latent_min_size = tile
        module.tile_sample_min_size = tile * shared.config.vae.factor
        return lambda: module.decode(z, return_dict=False)[0]
    vae = shared.ours(way.dtype)
    return lambda: decode_tiled(vae, z, tile=tile)


def measure(*, tiny: bool = False, rounds: int = 5, every: bool = False) -> list[dict[str, object]]:
    """One row for each way, and one for each library in tiles."""
    config, cells = (TINY, 16) if tiny else (SD_V1, 64)
    shared = Shared(config, "vae")
    z = torch.randn(1, config.vae.latent_channels, cells, cells, generator=torch.Generator().manual_seed(1))
    chosen = ways(every=every)
    entries = {way.name: partial(build, way, shared, z) for way in chosen}
    dtype = max((way.dtype for way in chosen), key=lambda dtype: -dtype.itemsize)
    for way in (Way("diffusers", dtype, channels_last=True), Way("sdjp", dtype)):
        entries[f"{way.name} tiles"] = partial(build_tiled, way, shared, z, cells // 2)
    field = Field.of(
        entries,
        needs={way.name: way.copies * shared.parameters * way.dtype.itemsize for way in chosen},
    )
    rivals = [way.name for way in chosen if way.library == "diffusers" and not way.compiled]
    side = cells * config.vae.factor
    return field.rows(f"{side}×{side}", rounds=rounds, plain=rivals[0], rivals=rivals)


if __name__ == "__main__":
    part.main(__doc__, "vae", measure)
