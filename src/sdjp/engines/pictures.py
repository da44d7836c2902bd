"""A picture gets the numbers that it gets alone, whatever is drawn beside it.

A processor's library chooses by the number of rows of a product how it goes through them: oneDNN sums over
pieces of other lengths (with AMX, in bfloat16, from a width of 640 on), MKL has kernels of their own for few
rows. So the last bit of a row depends on how many others there are, and after some steps pixels do. The
products of each picture are therefore computed by themselves, and so are convolutions of the smallest maps.
All else, which is where batches are faster, gives each row the same numbers in any batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Final

import torch
from torch import Tensor

_PICTURES: Final = ContextVar("pictures", default=1)


@contextlib.contextmanager
def drawn_together(pictures: int) -> Iterator[None]:
    """Say that the networks are called for so many pictures within a ``with`` block, with as many rows for
    each. Where their rows are not a multiple of it, they are computed as those of one picture.
    """
    before = _PICTURES.set(pictures)
    try:
        yield
    finally:
        _PICTURES.reset(before)


def by_picture(layer: Callable[..., Tensor], *x: Tensor) -> Tensor:
    """Apply a layer to rows x (B, …), those of one picture at a time: it sees as many as if drawn alone.

    Which rows these are does not matter, only how many.
    """
    pictures = _PICTURES.get()
    if pictures == 1 or len(x[0]) % pictures != 0:
        return layer(*x)
    return torch.cat([layer(*rows) for rows in zip(*(part.chunk(pictures) for part in x), strict=True)])
