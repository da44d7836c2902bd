"""Write safetensors files tensor by tensor, and put finished files and folders in their place in one step."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from sdjp.weights.files.readers import DTYPES

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class Unwritten(NamedTuple):
    """A tensor that is read when its turn comes."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


def write_safetensors(path: Path, tensors: Iterable[Unwritten], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; no more than one tensor is in memory at a time.

    The order is that of the safetensors library (wide dtypes first, then by name), so that all stay aligned.
    """
    ordered = sorted(tensors, key=lambda t: (-t.dtype.itemsize, t.name))
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, dtype, shape, _ in ordered:
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": _NAMES[dtype], "shape": shape, "data_offsets": (begin, end)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for _, dtype, shape, read in ordered:
            tensor = read().to(device="cpu", dtype=dtype).reshape(shape).contiguous()
            file.write(tensor.flatten().view(torch.uint8).numpy().data)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path to write a file or folder to, and move it to ``target`` when all is written.

    What was at ``target`` stays until then. If anything goes wrong it stays, and nothing is left over.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".sdjp-") as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        yield new
        if new.is_dir() and target.exists():
            target.rename(old)
            try:
                new.rename(target)
            except OSError:
                old.rename(target)
                raise
        else:
            os.replace(new, target)
