"""The allocator of the C library, tuned for the time of a run: glibc only, nothing elsewhere."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import threading
from collections.abc import Callable, Iterator


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
                give_back()


def give_back() -> None:
    """Give freed memory that the allocator has kept back to the system."""
    if _mallopt() is not None:
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
