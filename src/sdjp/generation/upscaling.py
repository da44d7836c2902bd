"""Pictures enlarged: by Lanczos, or by a network, tile by tile.

A network of convolutions sees only the surroundings of a pixel, up to its ``reach``. A tile with a margin as
wide as that gives the very pixels of the whole picture, but for the rounding of sums in another order. So it
is where the reach is ``MARGIN`` at most, as that of the network that ships. That of a deep ``RRDBNet`` is
hundreds of pixels, of which the far ones count little; there tiles are only nearly what the whole would be.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image

from sdjp import images
from sdjp.errors import NonFiniteError
from sdjp.models.upscaler import Compact, RRDBNet
from sdjp.records import Report
from sdjp.weights.parts.upscaler import Upscaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE: Final = 256
"""Side of the largest square that goes through a network whole, in its own pixels."""
MARGIN: Final = 32
"""Pixels around a tile that are computed and thrown away, at most."""
_GRID: Final = 4
"""Tiles begin at multiples of this many pixels: networks may gather 4 × 4 of them."""


def enlarge(
    picture: Image.Image,
    upscaler: Upscaler | None,
    *,
    width: int,
    height: int,
    device: torch.device | str = "cpu",
    tile: int = TILE,
) -> Image.Image:
    """Enlarge a picture to a size.

    Memory is that of one tile and of the picture as the network makes it, 3 bytes a pixel.

    Args:
        picture: RGB.
        upscaler: Enlarges it as often as the size needs, once at least; then Lanczos takes it down to the
            size. If None, Lanczos alone takes it there.
        width: Pixels.
        height: Pixels.
        device: Where to compute; in float32.
        tile: Side of the tiles in pixels.

    Raises:
        NonFiniteError: If the network gives NaN or infinity.
    """
    if upscaler is not None:
        network = upscaler.network.to(device)
        small = True
        while small:
            picture = Image.fromarray(_in_tiles(network, np.asarray(picture), device=device, tile=tile))
            small = network.scale > 1 and (picture.width < width or picture.height < height)
    return images.fit_picture(picture, fit="stretch", height=height, width=width)


def report(upscaler: Upscaler) -> Report:
    """What the record of a picture says of the network that enlarged it."""
    return Report(
        name="upscaler",
        status="done",
        ja=f"{upscaler.name}（{upscaler.network.scale} 倍）で拡大しました。",
        en=f"enlarged by {upscaler.name} (scale {upscaler.network.scale}).",
        data={"name": upscaler.name, "sha256": upscaler.sha256, "scale": upscaler.network.scale},
    )


@torch.inference_mode()
def _in_tiles(
    network: Compact | RRDBNet, pixels: NDArray[np.uint8], *, device: torch.device | str, tile: int
) -> NDArray[np.uint8]:
    """Map pixels (H, W, 3) to (scale H, scale W, 3)."""
    height, width, _ = pixels.shape
    scale = network.scale
    margin = -(-min(network.reach, MARGIN) // _GRID) * _GRID
    out = np.empty((height * scale, width * scale, 3), np.uint8)
    for rows, columns in itertools.product(_spans(height, tile), _spans(width, tile)):
        outer = _with_margin(rows, margin, height), _with_margin(columns, margin, width)
        x = torch.from_numpy(pixels[outer].copy()).to(device).permute(2, 0, 1)[None]
        y = network((x.float() / 255).contiguous(memory_format=torch.channels_last))[0]
        if not bool(torch.isfinite(y).all()):
            raise NonFiniteError(
                "nan.upscaler",
                ja="拡大用のネットワークの計算で数値があふれました。重みのファイルが壊れている可能性があります。",
                en="the upscaler gave NaN or infinity: its weights are probably damaged.",
            )
        kept = y[:, _inside(rows, outer[0], scale), _inside(columns, outer[1], scale)]
        drawn = (kept.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        out[tuple(slice(s.start * scale, s.stop * scale) for s in (rows, columns))] = drawn
    return out


def _spans(side: int, tile: int) -> Iterator[slice]:
    """Cut a side into parts of much the same length, ``tile`` at most or little more."""
    count = -(-side // tile)
    edges = [round(i * side / count / _GRID) * _GRID for i in range(count)]
    return (slice(a, b) for a, b in itertools.pairwise([*edges, side]))


def _with_margin(span: slice, margin: int, side: int) -> slice:
    return slice(max(span.start - margin, 0), min(span.stop + margin, side))


def _inside(span: slice, outer: slice, scale: int) -> slice:
    """Where a span is within what comes of it and its margin."""
    return slice((span.start - outer.start) * scale, (span.stop - outer.start) * scale)
