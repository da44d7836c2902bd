"""Device and dtype by name."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from sdjp import errors
from sdjp.allocator import kept_pages
from sdjp.device import bfloat16_is_fast, resolve_device, resolve_dtype


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


FAULTS = """
import contextlib, ctypes, resource
from sdjp.allocator import kept_pages, lasting_memory

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def faults(block, size=64 << 20):
    # Page faults of asking for 64 MiB (of 4096 bytes a page) five times over, filling it and giving it back.
    with block:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            address = libc.malloc(size)
            ctypes.memset(address, 1, size)
            libc.free(address)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = faults(contextlib.nullcontext())
with kept_pages():
    faults(contextlib.nullcontext())  # the heap grows, once
    assert faults(kept_pages()) < plain / 5  # also where a second run goes on beside the first
    assert faults(contextlib.nullcontext()) < plain / 5  # which ended before this one
    assert faults(lasting_memory(), 96 << 20) > plain / 2  # more than the heap has: from pages of its own
    faults(contextlib.nullcontext(), 96 << 20)  # the heap grows
    assert faults(contextlib.nullcontext(), 96 << 20) < plain / 5
assert faults(contextlib.nullcontext()) > plain / 2  # and no longer
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator")
def test_kept_pages_stay_for_the_time_of_the_block() -> None:
    """In a process of its own: what other tests left in the heap would be counted, too."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_kept_pages_let_errors_through() -> None:
    with pytest.raises(KeyError), kept_pages():
        raise KeyError


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(errors.InputError) as caught:
        resolve_device("cuda")
    assert caught.value.code == "device.missing"
    bare = torch.version.cuda is None and torch.version.hip is None
    assert ("pytorch.org" in caught.value.ja) == ("pytorch.org" in caught.value.en) == bare
