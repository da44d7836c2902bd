"""The most memory that one picture takes, for each saving: 512×512 with Stable Diffusion v1.

    python examples/bench/memory.py

Random weights in float32 from a ``.safetensors``; each row is a process of its own, from its start to the
picture: Python, PyTorch, weights, and what is computed in between. Two steps of DDIM: more take no more.
bfloat16 is measured only where the processor computes with it, or with ``--all``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import part
import torch
from resident import fresh, resident, write_random

from sdjp import Pipeline
from sdjp.config import SD_V1, TINY
from sdjp.device import bfloat16_is_fast

SETTINGS = (  # memory, engine
    ("normal", "auto"),
    ("normal", "eager"),
    ("slices", "eager"),
    ("tiles", "eager"),
    ("sequential", "auto"),
    ("low", "auto"),
)


def measure(*, tiny: bool, every: bool = False) -> list[dict[str, object]]:
    """One row for each dtype and setting."""
    rows: list[dict[str, object]] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        write_random(path, TINY if tiny else SD_V1, torch.float32)
        for dtype in ["float32"] + ["bfloat16"] * (every or bfloat16_is_fast()):
            for memory, engine in SETTINGS:
                rows.append(row(str(path), dtype, memory, engine))
    return rows


def row(path: str, dtype: str, memory: str, engine: str, *, steps: int = 2) -> dict[str, object]:
    """One process, one picture."""
    found = fresh("memory", "draw", path=path, dtype=dtype, memory=memory, engine=engine, steps=steps)
    return {
        "case": f"{found['width']}×{found['height']}",
        "dtype": dtype,
        "memory": memory,
        "engine": found["engine"],
        "weights_gb": found["weights"] / 1e9,
        "loaded_gb": found["loaded"] / 1e9,
        "peak_gb": found["peak"] / 1e9,
    }


def draw(path: str, dtype: str, memory: str, engine: str, steps: int) -> dict[str, Any]:
    """Load, draw, and tell what that took; in a process of its own."""
    pipe = Pipeline.from_pretrained(
        path, dtype=dtype, memory=memory, engine=engine, safety="off", watermark=False, device="cpu"
    )
    loaded = resident()
    result = pipe.generate("赤い車", seed=1, sampler="ddim", num_inference_steps=steps)
    peak = resident().get("VmHWM", 0)  # before the weights are asked for: an engine may have to bring them
    networks = (pipe.unet, pipe.vae, pipe.text_encoder)
    return {
        "width": result.images[0].width,
        "height": result.images[0].height,
        "engine": pipe.engine.name,
        "weights": sum(p.numel() * p.element_size() for network in networks for p in network.parameters()),
        "loaded": loaded.get("RssAnon", 0) + loaded.get("RssFile", 0),
        "peak": peak,
    }


if __name__ == "__main__":
    part.main(__doc__, "memory", measure)
