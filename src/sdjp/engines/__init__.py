"""Engines: how the UNet and the decoder are run.

::

    engine = make_engine("packed", device="cpu", dtype=torch.float32)
    eps = engine.unet(unet)(x, t, context)
    pixels = engine.decoder(vae)(z)

The networks are the same, and so are their answers but for rounding.

How to add one:

1. Write ``<name>.py`` here: a class as ``base.py`` describes it. Its ``__init__`` refuses where what it needs
   is missing; heavy packages are imported inside its methods.
2. Add one line to :data:`ENGINES` below.
3. Run ``pytest tests/contract/test_engines.py``: it finds the new one by itself.
4. Describe it in docs/ja/speed.md and docs/en/speed.md, with its line of ``examples/bench/unet.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch

from sdjp.engines.base import Engine, writes
from sdjp.engines.compiled import Compiled
from sdjp.engines.eager import Eager
from sdjp.engines.openvino import OpenVINO
from sdjp.engines.packed import Packed, problem
from sdjp.errors import InputError

__all__ = ["AUTO", "ENGINES", "Engine", "make_engine", "writes"]

AUTO: Final = "auto"

ENGINES: Final[Mapping[str, Callable[[torch.device, torch.dtype], Engine]]] = {
    "eager": Eager,
    "packed": Packed,
    "compile": Compiled,
    "openvino": OpenVINO,
}


def make_engine(
    name: str = AUTO, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Engine:
    """Make the engine called ``name``.

    Args:
        name: One of :data:`ENGINES`; ``"auto"`` is ``"packed"`` on a CPU that can, else ``"eager"``.
        device: Where the networks are.
        dtype: Theirs.

    Raises:
        InputError: If there is no such engine, or not here.
        MissingDependencyError: If what it needs is not installed.
    """
    if name == AUTO:
        name = "packed" if torch.device(device).type == "cpu" and problem(dtype) is None else "eager"
    if name not in ENGINES:
        names = ", ".join((AUTO, *ENGINES))
        raise InputError(
            "engine.unknown",
            ja=f"engine {name!r} はありません。使えるもの: {names}",
            en=f"there is no engine {name!r}. Allowed: {names}",
        )
    return ENGINES[name](torch.device(device), dtype)
