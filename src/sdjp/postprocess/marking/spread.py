"""Dither modulation of block frequencies: needs NumPy alone, lives through JPEG, resizing and cropping.

B. Chen, G. W. Wornell, "Quantization index modulation", IEEE Trans. Inf. Theory 47 (4), 2001,
doi:10.1109/18.923725: dither modulation with spread transform. Each block of 8×8 pixels (as in JPEG) gives
the low frequencies of its luma; their projection on a keyed direction is moved to the nearest point of one of
two lattices, ``STEP`` between the points of each, one for a 0 and one for a 1. The bits stand in a keyed
order, each time turned over or not by the key, in a tile of 16×16 blocks that is repeated over the picture:
reading adds up what all copies say, and any piece of 128×128 pixels holds every bit.

Turning bits over by the key makes each bit that is read in an unmarked picture a fair coin, whatever the
picture shows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from sdjp.postprocess.marking.base import AnyPixels, Bits, Pixels, Reader, to_bits, to_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

BLOCK: Final = 8
TILE: Final = 16  # blocks, that is 128 pixels
PERIOD: Final = 4  # blocks after which directions repeat: few, so that a shift is found soon
LAYERS: Final = 4  # bits that one block carries at most
PER_BIT: Final = 2  # frequencies of one bit: few, or JPEG rounds each of its changes to nothing
STEP: Final = 28.0  # grey levels, in an orthonormal DCT; its square / 12 / 64 is the mean square error: 48 dB
OFFSET: Final = 1 / 16  # steps: a flat block says a little, and each value of a bit moves it about as far
CLOSE: Final = 1 / 16  # steps; a quarter of a step is where one value of a bit turns into the other
ROUNDS: Final = 24
KEY: Final = 0x5D1A  # of order, signs and directions: no secret
CHECK: Final = 4  # bytes of CRC-32 behind the payload
LUMA: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as JPEG has it

# Rows and columns of the DCT. None above 2, so that they outlive halving the size; JPEG keeps them well too.
FREQUENCIES: Final = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2))


@dataclass(frozen=True)
class Carriers:
    """The values that carry bits. The first axes are (rows, columns, layers) and repeat after ``PERIOD``.

    Attributes:
        directions: (…, frequencies), unit vectors; those of one block have no frequency in common.
        step: Between the points of one lattice; smaller with more layers, so that the error stays the same.
    """

    directions: Floats
    step: float

    def rolled(self, rows: int, columns: int) -> Carriers:
        """As they are in a picture of which so many blocks were cut off."""
        return Carriers(np.roll(self.directions, (-rows, -columns), (0, 1)), self.step)


@dataclass(frozen=True)
class Layout:
    """The bit at each place of a tile; (rows, columns, layers).

    Attributes:
        place: A permutation; its remainder by the number of bits says which bit.
        sign: -1 where it is turned over, else 1.
    """

    place: NDArray[np.int64]
    sign: Floats

    def bits(self, votes: Floats, count: int) -> Bits:
        """Count the votes of a whole tile."""
        weights = (votes * self.sign).ravel()
        bits: Bits = np.bincount((self.place % count).ravel(), weights=weights, minlength=count) > 0
        return bits


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

    @staticmethod
    def unframe(bits: Bits) -> bytes | None:
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
        rows, columns, layers = _tile_shape(found, len(bits))
        carriers, layout = carriers_of(layers), layout_of(rows, columns, layers)
        signed = np.where(bits[layout.place % len(bits)], layout.sign, -layout.sign)
        shift = OFFSET + _over(signed, found) / 4
        nearest = np.round(_project(found, carriers) / carriers.step - shift)
        wanted = (nearest + shift) * carriers.step
        for _ in range(ROUNDS):
            error = wanted - _project(_transform(values), carriers)
            if np.abs(error).max() < CLOSE * carriers.step:
                break
            values = np.clip(values + _pattern(error, carriers, values.shape)[..., None], 0, 255)
        return np.round(values).astype(np.uint8)

    def reader(self, pixels: AnyPixels) -> Reader:
        """Add up what all copies of a bit say."""
        found = _transform(pixels.astype(np.float64))

        @cache
        def tile(rows: int, columns: int, layers: int) -> Floats:
            return _tile(found, carriers_of(layers), rows, columns)

        def read(count: int) -> Bits:
            shape = _tile_shape(found, count)
            return layout_of(*shape).bits(tile(*shape), count)

        return read

    def shifted(self, pixels: Pixels, count: int) -> Iterator[NDArray[np.bool_]]:
        """Read a piece cut from a larger picture, wherever its blocks and its tile may begin.

        Yields:
            For each of the 64 places where blocks may begin, (256, count): what is read if the tile begins at
            any of its blocks.
        """
        layers = -(-count // TILE**2)
        carriers, layout = carriers_of(layers), layout_of(TILE, TILE, layers)
        chooses = layout.sign[..., None] * np.eye(count)[layout.place % count]
        near = list(product(range(PERIOD), repeat=2))
        far = product(range(0, TILE, PERIOD), repeat=2)
        begins = np.stack([np.roll(chooses, (-row, -column), (0, 1)) for row, column in far])
        begins = begins.reshape(len(begins), -1, count).transpose(1, 0, 2).reshape(-1, len(begins) * count)
        for y, x in product(range(BLOCK), repeat=2):
            found = _transform(pixels[y:, x:].astype(np.float64))
            votes = [
                np.roll(_tile(found, carriers.rolled(r, c), TILE, TILE), (r, c), (0, 1)) for r, c in near
            ]
            yield (np.stack(votes).reshape(len(near), -1) @ begins).reshape(-1, count) > 0


def _check(payload: bytes) -> bytes:
    return zlib.crc32(payload).to_bytes(CHECK, "big")


def _tile_shape(found: Floats, count: int) -> tuple[int, int, int]:
    """Rows, columns and layers: 16×16 blocks, unless the picture is smaller."""
    rows, columns = min(found.shape[0], TILE), min(found.shape[1], TILE)
    return rows, columns, -(-count // (rows * columns))


@cache
def carriers_of(layers: int) -> Carriers:
    """The carriers of ``layers`` bits in each block."""
    rng = np.random.RandomState(KEY)  # the generator whose numbers NumPy promises never to change
    shape = (PERIOD, PERIOD, LAYERS)
    order = rng.rand(PERIOD, PERIOD, len(FREQUENCIES)).argsort(-1).reshape(*shape, PER_BIT)
    directions = np.zeros((*shape, len(FREQUENCIES)))
    signs = np.where(rng.rand(*shape, PER_BIT) < 0.5, -1.0, 1.0)
    np.put_along_axis(directions, order, signs / np.sqrt(PER_BIT), axis=-1)
    return Carriers(directions[:, :, :layers], STEP / np.sqrt(layers))


@lru_cache(maxsize=64)
def layout_of(rows: int, columns: int, layers: int) -> Layout:
    """The layout of a tile."""
    rng = np.random.RandomState(KEY + 1)
    place = rng.permutation(rows * columns * layers).reshape(rows, columns, layers)
    return Layout(place, np.where(rng.rand(rows, columns, layers) < 0.5, -1.0, 1.0))


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


def _pattern(change: Floats, carriers: Carriers, shape: tuple[int, ...]) -> Floats:
    """The change of the luma that changes the projections by ``change``; (H, W)."""
    rows, columns, _ = change.shape
    frequencies = np.einsum("rcl,rclf->rcf", change, _over(carriers.directions, change))
    blocks = np.einsum("rcf,fyx->rycx", frequencies, _basis(), optimize=True)
    luma = np.zeros(shape[:2])
    luma[: rows * BLOCK, : columns * BLOCK] = blocks.reshape(rows * BLOCK, columns * BLOCK)
    return luma


def _project(found: Floats, carriers: Carriers) -> Floats:
    """On the directions; (rows, columns, layers)."""
    result: Floats = np.einsum("rcf,rclf->rcl", found, _over(carriers.directions, found))
    return result


def _tile(found: Floats, carriers: Carriers, rows: int, columns: int) -> Floats:
    """The sum of all copies of a tile, positive for 1; (rows, columns, layers)."""
    votes = np.sin(2 * np.pi * (_project(found, carriers) / carriers.step - OFFSET))
    votes = np.pad(votes, ((0, -votes.shape[0] % rows), (0, -votes.shape[1] % columns), (0, 0)))
    result: Floats = votes.reshape(-1, rows, votes.shape[1] // columns, columns, votes.shape[2]).sum((0, 2))
    return result


def _over(tile: NDArray[Any], like: Floats) -> NDArray[Any]:
    """Repeat a tile over as many blocks as ``like`` has."""
    rows, columns = like.shape[:2]
    return tile[np.ix_(np.arange(rows) % tile.shape[0], np.arange(columns) % tile.shape[1])]
