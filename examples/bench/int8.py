"""Eight-bit integers: what they gain on this processor, and what they cost in the output of the UNet.

    python examples/bench/int8.py

``linear int8``: weights of the linear layers in int8, activations quantised as they come (torch.ao).
``OpenVINO int8 weights`` and ``OpenVINO int8``, where nncf is installed: weights alone, or weights and
activations of convolutions and linear layers, calibrated on the very input (the best case for it).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import part
import torch
from contenders import Field, Shared, Way, default_engine
from paired import Step
from torch import Tensor, nn
from unet import build, inputs

from sdjp.allocator import kept_pages
from sdjp.config import SD_V1, TINY
from sdjp.device import bfloat16_is_fast
from sdjp.errors import MissingDependencyError

Given = tuple[Tensor, Tensor, Tensor]


def linear(shared: Shared, given: Given) -> Callable[[], Tensor]:
    """The UNet with its linear layers in int8."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it will move to another package
        from torch.ao.quantization import quantize_dynamic

        module = shared.ours(torch.float32)
        time_embedding = module.time_embedding  # tiny, and it asks for the dtype of its weights
        module.time_embedding = nn.Identity()
        quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8, inplace=True)
        module.time_embedding = time_embedding
    return Step(lambda: module(*given), kept_pages)


def openvino(shared: Shared, given: Given, *, activations: bool) -> Callable[[], Tensor]:
    """The UNet in OpenVINO, quantised by nncf."""
    missing = [name for name in ("openvino", "nncf") if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise MissingDependencyError(
            "bench.nncf", ja=f"{names} は未インストール", en=f"{names}: not installed"
        )
    import nncf
    import openvino

    model = openvino.convert_model(shared.ours(torch.float32), example_input=given)
    arrays = [tensor.numpy() for tensor in given]
    if activations:
        data = nncf.Dataset([arrays])
        model = nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER)
    else:
        model = nncf.compress_weights(model)
    compiled: Any = openvino.compile_model(model, "CPU")
    return Step(lambda: torch.from_numpy(compiled(arrays)[0]))


def measure(*, tiny: bool = False, rounds: int = 5) -> list[dict[str, object]]:
    """One row for each way to use int8, after those without."""
    config, cells = (TINY, 16) if tiny else (SD_V1, 64)
    shared, given = Shared(config, "unet"), inputs(config, cells=cells)
    dtypes = [torch.float32] + [torch.bfloat16] * bfloat16_is_fast()
    plain = [Way("sdjp", dtype, engine=default_engine(dtype)) for dtype in dtypes]
    names = [way.name for way in plain]
    size = 4.0 * shared.parameters
    field = Field.of(
        {
            **{way.name: partial(build, way, shared, given) for way in plain},
            "linear int8": partial(linear, shared, given),
            "OpenVINO int8 weights": partial(openvino, shared, given, activations=False),
            "OpenVINO int8": partial(openvino, shared, given, activations=True),
        },
        needs={"linear int8": size, "OpenVINO int8 weights": 2.5 * size, "OpenVINO int8": 3.5 * size},
    )
    side = cells * config.vae.factor
    rows = field.rows(f"{side}×{side}", rounds=rounds, plain=names[0], rivals=names)
    renamed = {"to_plain": "to_float32", "to_best": "to_fastest"}
    return [{renamed.get(key, key): value for key, value in row.items()} for row in rows]


if __name__ == "__main__":
    part.main(__doc__, "int8", measure)
