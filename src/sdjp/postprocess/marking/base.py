"""The protocol of a marking method: bits into pixels, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
"""RGB, (H, W, 3), 0 to 255."""

AnyPixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.float32]"
"""The same, or as floats from 0 to 255."""

Bits: TypeAlias = "NDArray[np.bool_]"
"""(n,), the most significant bit of each byte first."""

Reader: TypeAlias = Callable[[int], Bits]
"""From a number of bits to these bits; the picture is looked at once, however many numbers are asked for."""


class Method(Protocol):
    """One way to write bits into a picture; what is given is never modified."""

    @property
    def name(self) -> str:
        """The registry name, such as ``"dwtDct"``."""
        ...

    @property
    def luma(self) -> bool:
        """Whether only the brightness changes, so that a grey picture stays grey."""
        ...

    def require(self) -> None:
        """Load what it needs.

        Raises:
            MissingDependencyError: If that is not possible.
        """
        ...

    def frame(self, payload: bytes) -> Bits:
        """The bits that are written for a payload."""
        ...

    def capacity(self, size: tuple[int, int]) -> int:
        """How many bits a picture of this size (width, height) takes; 0 if none."""
        ...

    def embed(self, pixels: Pixels, bits: Bits) -> Pixels:
        """Write at most :meth:`capacity` bits."""
        ...

    def reader(self, pixels: AnyPixels) -> Reader:
        """Read at most :meth:`capacity` bits; without a mark they say nothing."""
        ...


def to_bits(payload: bytes) -> Bits:
    """The bits of bytes, the most significant of each byte first."""
    return np.unpackbits(np.frombuffer(payload, dtype=np.uint8)).astype(bool)


def to_bytes(bits: Bits) -> bytes:
    """The bytes of bits; the reverse of :func:`to_bits`."""
    return np.packbits(bits).tobytes()
