"""A file of tensors, mapped into memory: what is in it, and one tensor at a time."""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from sdjp.errors import WeightsError


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where one tensor lies.

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

    def read(self, name: str) -> Tensor:
        """Return a tensor. It shares the memory of the map wherever its bytes are aligned."""
        entry = self.entries[name]
        count = entry.extent
        if count == 0:
            return torch.empty(entry.shape, dtype=entry.dtype)
        if entry.start % entry.dtype.itemsize == 0:
            flat = torch.frombuffer(self.buffer, dtype=entry.dtype, count=count, offset=entry.start)
        else:
            flat = torch.frombuffer(bytearray(self.buffer[entry.start : entry.end]), dtype=entry.dtype)
        if entry.stride is None:
            return flat.reshape(entry.shape)
        return flat.as_strided(entry.shape, entry.stride)


def map_file(path: Path) -> mmap.mmap:
    """Map a file that is not empty; pages are read when they are used and copied when they are written to."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def damaged(path: Path, ja: str, en: str) -> WeightsError:
    """Return the error for a file of weights that is cut short or broken."""
    return WeightsError(
        "weights.damaged",
        ja=f"{path} は壊れているか、途中で切れています（{ja}）。もう一度ダウンロードしてください。",
        en=f"{path} is damaged or cut short ({en}). Download it again.",
    )
