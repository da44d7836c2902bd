"""A file of tensors, mapped into memory: what is in it, and one tensor at a time."""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

PIECE: Final = 16 << 20
"""Bytes of a file that are converted at once."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The place of one tensor in a file.

    Attributes:
        dtype: Its dtype.
        shape: Its shape.
        start: Byte of its first element, counted from the start of the file.
        stride: Elements from one index to the next in each dimension; None if they lie in order.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stride: tuple[int, ...] | None = None

    @property
    def extent(self) -> int:
        """Elements from the first to the last, both counted."""
        if self.stride is None or 0 in self.shape:
            return math.prod(self.shape)
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))

    @property
    def end(self) -> int:
        """Byte after the last element."""
        return self.start + self.extent * self.dtype.itemsize


@dataclass(frozen=True, kw_only=True)
class TensorFile:
    """A file whose tensors can be read by name.

    Attributes:
        path: The file.
        entries: Name to place.
        metadata: Free text that safetensors files carry.
        buffer: The mapped file. Writing to a tensor changes a private copy of the page, never the file.
    """

    path: Path
    entries: Mapping[str, Entry]
    buffer: mmap.mmap
    metadata: Mapping[str, str] = field(default_factory=dict)

    def read(
        self, name: str, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        """Return a tensor, in order and in the dtype and on the device that are asked for.

        Where nothing has to be changed it shares the memory of the map. Else it is brought over in pieces,
        and the pages of each piece are given back at once: the file does not come to stand in memory beside
        the tensor.
        """
        entry = self.entries[name]
        dtype = entry.dtype if dtype is None else dtype
        if entry.extent == 0:
            return torch.empty(entry.shape, dtype=dtype, device=device)
        if entry.stride is not None:  # elements may lie anywhere, even twice
            whole = self._elements(entry, 0, entry.extent).as_strided(entry.shape, entry.stride)
            return whole.to(device, dtype).contiguous()
        device = torch.device(device)
        if dtype == entry.dtype and device.type == "cpu" and entry.start % dtype.itemsize == 0:
            return self._elements(entry, 0, entry.extent).reshape(entry.shape)
        out = torch.empty(entry.extent, dtype=dtype, device=device)
        step = PIECE // entry.dtype.itemsize
        for first in range(0, entry.extent, step):
            last = min(first + step, entry.extent)
            out[first:last] = self._elements(entry, first, last)
            self._give_back(entry, last)
        return out.reshape(entry.shape)

    def give_back(self, name: str) -> None:
        """Give the pages of a tensor that nobody uses any more back to the system; read, they come back."""
        entry = self.entries[name]
        self._give_back(entry, entry.extent)

    def _elements(self, entry: Entry, first: int, last: int) -> Tensor:
        """Elements of the storage, flat; they share the memory of the map wherever they are aligned."""
        start = entry.start + first * entry.dtype.itemsize
        count = last - first
        if start % entry.dtype.itemsize == 0:
            return torch.frombuffer(self.buffer, dtype=entry.dtype, count=count, offset=start)
        copied = bytearray(self.buffer[start : start + count * entry.dtype.itemsize])
        return torch.frombuffer(copied, dtype=entry.dtype)

    def _give_back(self, entry: Entry, last: int) -> None:
        """Up to an element; whole pages only: others on the same page may have been written to."""
        if not hasattr(mmap, "MADV_DONTNEED"):  # Windows
            return
        size = entry.dtype.itemsize
        start = -(-entry.start // mmap.PAGESIZE) * mmap.PAGESIZE
        stop = (entry.start + last * size) // mmap.PAGESIZE * mmap.PAGESIZE
        if stop > start:
            self.buffer.madvise(mmap.MADV_DONTNEED, start, stop - start)
