"""Device and dtype by name."""

from __future__ import annotations

import pytest
import torch

from sdjp import errors
from sdjp.hardware import bfloat16_is_fast, resolve_device, resolve_dtype


def test_devices_and_dtypes() -> None:
    assert resolve_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert resolve_dtype(torch.float16, torch.device("cpu")) == torch.float16
    assert resolve_dtype("auto", torch.device("cuda")) == torch.float16
    assert resolve_device("cpu") == torch.device("cpu")
    for bad in ("int8", torch.int8, "float99"):
        with pytest.raises(errors.InputError):
            resolve_dtype(bad, torch.device("cpu"))
    with pytest.raises(errors.InputError):
        resolve_device("abacus")


def test_auto_on_a_processor_takes_bfloat16_only_where_it_is_fast() -> None:
    expected = torch.bfloat16 if bfloat16_is_fast() else torch.float32
    assert resolve_dtype("auto", torch.device("cpu")) == expected
