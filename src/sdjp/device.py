"""The device and the dtype to compute on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import torch

from sdjp.errors import InputError

_FOR_CPUS: Final = (
    "入っている torch は CPU 専用です。GPU を使うには https://pytorch.org/get-started/locally/ の手順で"
    "入れ直してください。",
    " This torch is for CPUs alone; https://pytorch.org/get-started/locally/ tells how to get one for GPUs.",
)


def bfloat16_is_fast() -> bool:
    """Whether this processor multiplies bfloat16 by itself (AVX512-BF16, AMX); emulated, it is ten times
    slower.
    """
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch 2.5 and later
    return probe is not None and bool(probe())


def resolve_device(device: str | torch.device) -> torch.device:
    """Turn ``"auto"`` into the best device there is; check any other."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(
            "device.unknown",
            ja=f"デバイス {device!r} は使えません。"
            "'auto'、'cpu'、'cuda'、'cuda:0'、'mps' などを指定してください。",
            en=f"device {device!r} is not known. Use 'auto', 'cpu', 'cuda', 'cuda:0', 'mps' …",
        ) from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        # pip gives Windows, and whoever asks for it, a torch that knows no GPU.
        ja, en = ("", "") if torch.version.cuda or torch.version.hip else _FOR_CPUS
        raise InputError(
            "device.missing",
            ja=f"CUDA が見つかりません。{ja}CPU で動かすには device='auto' か 'cpu' を指定してください。",
            en=f"there is no CUDA device here.{en} To run on the CPU, use device='auto' or 'cpu'.",
        )
    return chosen


def resolve_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """Turn ``"auto"`` into the fastest dtype whose pictures look the same; check any other."""
    if dtype == "auto":
        if device.type == "cuda":
            return torch.float16
        return torch.bfloat16 if device.type == "cpu" and bfloat16_is_fast() else torch.float32
    names = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    chosen = names.get(dtype) if isinstance(dtype, str) else dtype
    if chosen not in names.values():
        raise InputError(
            "dtype.unknown",
            ja=f"dtype {dtype!r} は使えません。"
            f"'auto'、{'、'.join(map(repr, names))} のどれかを指定してください。",
            en=f"dtype {dtype!r} is not known. Use 'auto' or one of {', '.join(map(repr, names))}.",
        )
    assert chosen is not None
    return chosen


@contextlib.contextmanager
def plain_tensors() -> Iterator[None]:
    """Create ordinary tensors, even inside inference mode."""
    with torch.inference_mode(False), torch.no_grad():
        yield
