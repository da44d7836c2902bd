"""Which device and which dtype to compute on, and with which memory."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import threading
from collections.abc import Callable, Iterator

import torch

from sdjp.errors import InputError


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
        raise InputError(
            "device.missing",
            ja="CUDA が見つかりません。device='auto' か 'cpu' を指定してください。",
            en="there is no CUDA device here. Use device='auto' or 'cpu'.",
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
    """Have tensors that are made here be of use outside of inference mode, too."""
    with torch.inference_mode(False), torch.no_grad():
        yield


class _Pages:
    """How many runs want the allocator to keep its pages."""

    users = 0
    lock = threading.Lock()


@contextlib.contextmanager
def kept_pages() -> Iterator[None]:
    """Let freed memory stay with this process for the time of a ``with`` block, then give it back.

    A UNet asks for gigabytes of short-lived tensors at each call. glibc gives each large one back to the
    system when it is freed and asks for it again at the next layer, which the system then has to fill with
    zeros, page by page: a fifth of the time of a call on a CPU. Elsewhere than with glibc this does nothing.
    """
    tune = _mallopt()
    if tune is None:
        yield
        return
    with _Pages.lock:
        if _Pages.users == 0:
            tune(_MMAP_MAX, 0)  # from the heap, not from mappings of their own
            tune(_TRIM_THRESHOLD, 2**31 - 1)
        _Pages.users += 1
    try:
        yield
    finally:
        with _Pages.lock:
            _Pages.users -= 1
            if _Pages.users == 0:
                tune(_MMAP_MAX, 65536)
                tune(_MMAP_THRESHOLD, 32 << 20)  # where glibc's own adjustment, now off, would end
                tune(_TRIM_THRESHOLD, 64 << 20)
                ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def lasting_memory() -> Iterator[None]:
    """Have what is made here, to stay, not let the heap grow: what finds no room in it gets pages of its own.
    Within :func:`kept_pages` it would otherwise come to lie between short-lived tensors that the heap grows
    for, and leave holes that no large one fits into.
    """
    tune = _mallopt()
    with _Pages.lock:
        if tune is not None and _Pages.users > 0:
            tune(_MMAP_MAX, 65536)
            tune(_MMAP_THRESHOLD, 64 << 10)
        try:
            yield
        finally:
            if tune is not None and _Pages.users > 0:
                tune(_MMAP_MAX, 0)


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of malloc.h


def _mallopt() -> Callable[[int, int], int] | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        function: Callable[[int, int], int] = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return None
    return function
