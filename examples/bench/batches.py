"""Pictures a minute over batch sizes and picture sizes, against the work that they need.

    python examples/bench/batches.py

The work is counted, not measured: two floating-point operations for each multiplication of the convolutions
and matrix products, attention included. A picture is 50 guided UNet calls and one decoding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import part
import torch
from contenders import Field, Shared, Way, default_engine, step, with_engine
from paired import compare
from torch.utils.flop_counter import FlopCounterMode
from unet import inputs

from sdjp.config import SD_V1, TINY, ModelConfig
from sdjp.device import bfloat16_is_fast
from sdjp.weights.networks import on_meta

STEPS = 50
CASES = [(1, 512), (2, 512), (4, 512), (8, 512), (1, 256), (1, 384), (1, 768), (1, 1024)]
TINY_CASES = [(1, 64), (2, 64), (1, 128)]
LIVE = 6_000
"""Bytes for each pixel that decoding holds at a time, at most: a few maps of 256 channels in float32."""


def work(config: ModelConfig, pictures: int, cells: int) -> tuple[float, float]:
    """Floating-point operations of a guided UNet call and of a decoding."""
    networks = on_meta(config)
    x, t, context = (tensor.to("meta") for tensor in inputs(config, pictures=pictures, cells=cells))
    z = torch.empty(pictures, config.vae.latent_channels, cells, cells, device="meta")
    counts = []
    calls: list[Callable[[], Any]] = [lambda: networks.unet(x, t, context), lambda: networks.vae.decode(z)]
    for call in calls:
        with FlopCounterMode(display=False) as counter:
            call()
        counts.append(float(counter.get_total_flops()))
    return counts[0], counts[1]


def measure(*, tiny: bool = False, rounds: int = 3) -> list[dict[str, object]]:
    """One row for each batch size and picture size, with the default engine and the fastest exact dtype."""
    config = TINY if tiny else SD_V1
    dtype = torch.bfloat16 if bfloat16_is_fast() else torch.float32
    way = Way("sdjp", dtype, engine=default_engine(dtype))
    unet = with_engine(Shared(config, "unet"), way)
    decode = with_engine(Shared(config, "vae"), way)
    rows = []
    for pictures, side in TINY_CASES if tiny else CASES:
        cells = side // config.vae.factor
        x, t, context = inputs(config, pictures=pictures, cells=cells)
        x, context = x.to(dtype), context.to(dtype)
        z = x[:pictures]
        field = Field.of(
            {
                "unet": lambda x=x, t=t, c=context: step(lambda: unet(x, t, c), way),  # type: ignore[misc]
                "decode": lambda z=z: lambda: decode(z),  # type: ignore[misc]
            },
            needs={"decode": float(LIVE * pictures * side**2)},
        )
        row: dict[str, object] = {"batch": pictures, "size": f"{side}×{side}", "contender": way.name}
        unet_work, decode_work = work(config, pictures, cells)
        row["tflop"] = (STEPS * unet_work + decode_work) / pictures / 1e12
        if field.reasons:
            row["note"] = next(iter(field.reasons.values()))
        else:
            timings = compare(field.calls, rounds=rounds, warmup=0)  # called once already
            seconds = STEPS * timings.spread("unet").median + timings.spread("decode").median
            row |= {
                "unet_seconds": timings.spread("unet").to_json(),
                "decode_seconds": timings.spread("decode").to_json(),
                "pictures_per_minute": 60 * pictures / seconds,
                "tflop_per_second": (STEPS * unet_work + decode_work) / seconds / 1e12,
                "rounds": rounds,
            }
        rows.append(row)
    return rows


if __name__ == "__main__":
    part.main(__doc__, "batches", measure)
