"""Dither modulation of block frequencies: needs NumPy alone, lives through JPEG, resizing and cropping.

B. Chen, G. W. Wornell, "Quantization index modulation", IEEE Trans. Inf. Theory 47 (4), 2001,
doi:10.1109/18.923725: dither modulation with spread transform. Each block of 8×8 pixels (as in JPEG) gives
the low frequencies of its luma; their projection on a keyed direction is moved to the nearest point of one of
two lattices, ``STEP`` between the points of each, one for a 0 and one for a 1. The bits stand in a keyed order
in a tile of 16×16 blocks that is repeated over the picture: reading adds up what all copies say, and any
piece of 128×128 pixels holds every bit.

The dither makes each bit that is read in an unmarked picture a fair coin, whatever the picture shows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from sdjp.postprocess.marking.base import Bits, Pixels, Reader, to_bits, to_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

BLOCK: Final = 8
TILE: Final = 16  # blocks, that is 128 pixels
LAYERS: Final = 4  # bits that one block carries at most
PER_BIT: Final = 2  # frequencies of one bit: few, or JPEG rounds each of its changes to nothing
STEP: Final = 40.0  # grey levels, in an orthonormal DCT; its square / 12 / 64 is the error: 45 dB
CLOSE: Final = STEP / 16  # a quarter of STEP is where one value of a bit turns into the other
ROUNDS: Final = 24
KEY: Final = 0x5D1A  # of order, directions and dither: no secret
CHECK: Final = 4  # bytes of CRC-32 behind the payload
LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as JPEG has it

# Rows and columns of the DCT. None above 2, so that they outlive halving the size; JPEG keeps them well too.
FREQUENCIES: Final = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2))


@dataclass(frozen=True)
class Layout:
    """What is where in a tile; the first axes of each array are (rows, columns, layers).

    Attributes:
        directions: (…, frequencies), unit vectors; those of one block have no frequency in common.
        dither: Shift of the lattices, 0 to 1 steps.
        place: A permutation; its remainder by the number of bits says which bit is here.
        step: Between the points of one lattice; smaller with more layers, so that the error stays the same.
    """

    directions: Floats
    dither: Floats
    place: NDArray[np.int64]
    step: float


@dataclass(frozen=True)
class Spread:
    """The method of sdjp itself."""

    name: str = "spread"
    luma: bool = True

    def require(self) -> None:
        """Nothing is needed but NumPy."""

    def frame(self, payload: bytes) -> Bits:
        """The payload and its CRC-32, so that it can be read without knowing it."""
        return to_bits(payload + _check(payload))

    def unframe(self, bits: Bits) -> bytes | None:
        """The payload, if the CRC-32 agrees; chance does that once in 2³²."""
        framed = to_bytes(bits)
        payload = framed[:-CHECK]
        return payload if framed[-CHECK:] == _check(payload) else None

    def capacity(self, size: tuple[int, int]) -> int:
        """Four bits for each block of the tile: 1024 from 128×128 pixels on, 256 at 64×64."""
        width, height = size
        return LAYERS * min(width // BLOCK, TILE) * min(height // BLOCK, TILE)

    def embed(self, pixels: Pixels, bits: Bits) -> Pixels:
        """Move every projection to the nearest point of its bit's lattice.

        What clips at black or white is made good by the rest of its block, in rounds (alternating
        projections): so flat black and white take a mark too, and nothing wraps around.
        """
        values = pixels.astype(np.float64)
        found = _transform(values)
        layout = _layout_for(pixels, len(bits))
        bit = np.where(bits[layout.place % len(bits)], 0.25, -0.25)
        shift = _over(layout.dither + bit, found)
        wanted = _project(found, layout) / layout.step - shift
        wanted = (np.round(wanted) + shift) * layout.step
        for _ in range(ROUNDS):
            error = wanted - _project(_transform(values), layout)
            if np.abs(error).max() < CLOSE:
                break
            values = np.clip(values + _pattern(error, layout, values.shape)[..., None], 0, 255)
        return np.round(values).astype(np.uint8)

    def reader(self, pixels: Pixels) -> Reader:
        """Add up what all copies of a bit say."""
        found = _transform(pixels.astype(np.float64))

        @cache
        def tile(layers: int) -> tuple[Layout, Floats]:
            layout = layout_of(min(found.shape[0], TILE), min(found.shape[1], TILE), layers)
            return layout, _tile(found, layout)

        def read(count: int) -> Bits:
            layout, votes = tile(_layers(pixels, count))
            where = (layout.place % count).ravel()
            bits: Bits = np.bincount(where, weights=votes.ravel(), minlength=count) > 0
            return bits

        return read

    def shifted(self, pixels: Pixels, count: int) -> Iterator[NDArray[np.bool_]]:
        """Read a piece cut from a larger picture at each of the 64 places where its blocks may begin.

        Yields:
            (256, count): what is read if the tile begins at each of its blocks.
        """
        layout = layout_of(TILE, TILE, -(-count // TILE**2))
        chooses = np.eye(count)[(layout.place % count).ravel()]  # (places, count)
        row, column = np.ix_(np.arange(TILE), np.arange(TILE))
        for y, x in product(range(BLOCK), repeat=2):
            votes = _tile(_transform(pixels[y:, x:].astype(np.float64)), layout)
            turned = [votes[(row + r) % TILE, (column + c) % TILE] for r in range(TILE) for c in range(TILE)]
            yield np.stack(turned).reshape(TILE**2, -1) @ chooses > 0


def _check(payload: bytes) -> bytes:
    return zlib.crc32(payload).to_bytes(CHECK, "big")


def _layers(pixels: Pixels, count: int) -> int:
    rows, columns = pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK
    return -(-count // (min(rows, TILE) * min(columns, TILE)))


def _layout_for(pixels: Pixels, count: int) -> Layout:
    height, width = pixels.shape[:2]
    return layout_of(min(height // BLOCK, TILE), min(width // BLOCK, TILE), _layers(pixels, count))


@lru_cache(maxsize=64)
def layout_of(rows: int, columns: int, layers: int) -> Layout:
    """The layout of a tile of ``rows`` × ``columns`` blocks, 16×16 unless the picture is smaller."""
    rng = np.random.RandomState(KEY)  # the generator whose numbers NumPy promises never to change
    every = (TILE, TILE, LAYERS)
    order = rng.rand(TILE, TILE, len(FREQUENCIES)).argsort(-1).reshape(*every, PER_BIT)
    directions = np.zeros((*every, len(FREQUENCIES)))
    signs = 2.0 * (rng.rand(*every, PER_BIT) < 0.5) - 1
    np.put_along_axis(directions, order, signs / np.sqrt(PER_BIT), axis=-1)
    dither = rng.rand(*every)
    used = np.s_[:rows, :columns, :layers]
    place = rng.permutation(rows * columns * layers).reshape(rows, columns, layers)
    return Layout(directions[used], dither[used], place, STEP / np.sqrt(layers))


@cache
def _basis() -> Floats:
    """The DCT-II patterns of :data:`FREQUENCIES`, orthonormal; (frequencies, 8, 8)."""
    n = np.arange(BLOCK)
    waves = np.sqrt(2 / BLOCK) * np.cos(np.pi * (2 * n + 1) * n[:, None] / (2 * BLOCK))
    waves[0] /= np.sqrt(2)
    return np.stack([np.outer(waves[u], waves[v]) for u, v in FREQUENCIES])


def _transform(values: Floats) -> Floats:
    """The frequencies of the luma of all whole blocks; (rows, columns, frequencies)."""
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    luma = values[: rows * BLOCK, : columns * BLOCK] @ LUMA
    blocks = luma.reshape(rows, BLOCK, columns, BLOCK)
    result: Floats = np.einsum("rycx,fyx->rcf", blocks, _basis(), optimize=True)
    return result


def _pattern(change: Floats, layout: Layout, shape: tuple[int, ...]) -> Floats:
    """The change of the luma that changes the projections by ``change``; (H, W)."""
    rows, columns, _ = change.shape
    frequencies = np.einsum("rcl,rclf->rcf", change, _over(layout.directions, change))
    blocks = np.einsum("rcf,fyx->rycx", frequencies, _basis(), optimize=True)
    luma = np.zeros(shape[:2])
    luma[: rows * BLOCK, : columns * BLOCK] = blocks.reshape(rows * BLOCK, columns * BLOCK)
    return luma


def _project(found: Floats, layout: Layout) -> Floats:
    """On the directions of the tile; (rows, columns, layers)."""
    result: Floats = np.einsum("rcf,rclf->rcl", found, _over(layout.directions, found))
    return result


def _tile(found: Floats, layout: Layout) -> Floats:
    """What all copies of the tile say together, positive for 1; (rows, columns, layers) of the tile."""
    position = _project(found, layout) / layout.step
    votes = np.sin(2 * np.pi * (position - _over(layout.dither, position)))
    rows, columns, layers = layout.place.shape
    missing = (-votes.shape[0] % rows, -votes.shape[1] % columns)
    votes = np.pad(votes, ((0, missing[0]), (0, missing[1]), (0, 0)))
    result: Floats = votes.reshape(-1, rows, votes.shape[1] // columns, columns, layers).sum((0, 2))
    return result


def _over(tile: NDArray[Any], like: Floats) -> NDArray[Any]:
    """Repeat a tile over as many blocks as ``like`` has."""
    rows, columns = like.shape[:2]
    return tile[np.ix_(np.arange(rows) % tile.shape[0], np.arange(columns) % tile.shape[1])]
