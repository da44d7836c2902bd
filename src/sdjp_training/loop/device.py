"""Where a training computes: on torch's default device. New tensors are made there; what NumPy has made is
sent there.

``with on(resolve_device("cuda")): train(...)`` is all that a caller does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

import sdjp.device


def on(device: torch.device) -> AbstractContextManager[object]:
    """Let trainings within a ``with`` block compute on ``device``."""
    return nullcontext() if device.type == "cpu" else device  # a default device costs time at every call


def here(tensor: Tensor) -> Tensor:
    """Send a tensor to where the training computes."""
    return tensor.to(torch.get_default_device())


def bfloat16_is_fast() -> bool:
    """Whether there are instructions for bfloat16 there; elsewhere it would be ten times slower."""
    kind = torch.get_default_device().type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return kind == "cpu" and sdjp.device.bfloat16_is_fast()


def mixed_precision() -> AbstractContextManager[None]:
    """Autocast to bfloat16 where that is fast."""
    if bfloat16_is_fast():
        return torch.autocast(torch.get_default_device().type, torch.bfloat16)
    return nullcontext()
