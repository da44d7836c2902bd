"""The two methods of the package invisible-watermark, ``dwtDct`` and ``dwtDctSvd``, bit for bit.

https://github.com/ShieldMnt/invisible-watermark, used by the original scripts. Both change one value in each
block of 8×8 pixels of the U plane (blue against brightness), over and over the same bits. Neither looks
whether what it wrote can be read, nor whether a value leaves the range of a byte and wraps around.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sdjp.errors import MissingDependencyError
from sdjp.postprocess.marking.base import AnyPixels, Bits, Pixels, Reader, to_bits

MIN_PIXELS: Final = 256 * 256
BLOCK: Final = 8  # pixels: two for the Haar wavelet, times four
ONE: Final = 127 / 255  # the package takes a bit for 1 if more than this share of its blocks say so


@dataclass(frozen=True)
class ImWatermark:
    """A method of the package.

    Attributes:
        name: As the package calls it.
        luma: False: it changes colours.
    """

    name: str
    luma: bool = False

    def require(self) -> None:
        """Load the package.

        Raises:
            MissingDependencyError: If it or OpenCV cannot be loaded.
        """
        _package()

    def frame(self, payload: bytes) -> Bits:
        """The payload and nothing else."""
        return to_bits(payload)

    def capacity(self, size: tuple[int, int]) -> int:
        """One bit for each block, if there are at least 256×256 pixels."""
        width, height = size
        return (width // BLOCK) * (height // BLOCK) if width * height >= MIN_PIXELS else 0

    def embed(self, pixels: Pixels, bits: Bits) -> Pixels:
        """Let the package write."""
        encoder = _package().WatermarkEncoder()
        encoder.set_watermark("bits", [int(bit) for bit in bits])
        bgr = encoder.encode(_bgr(pixels), self.name)
        return np.ascontiguousarray(bgr[..., ::-1])

    def reader(self, pixels: AnyPixels) -> Reader:
        """Let the package read each block by itself, then count votes as it does."""
        blocks = (pixels.shape[0] // BLOCK) * (pixels.shape[1] // BLOCK)
        said = np.asarray(_package().WatermarkDecoder("bits", blocks).decode(_bgr(pixels), self.name))

        def read(count: int) -> Bits:
            which = np.arange(blocks) % count
            votes = np.bincount(which, weights=said, minlength=count)
            result: Bits = votes / np.bincount(which, minlength=count) > ONE
            return result

        return read


def _bgr(pixels: AnyPixels) -> Any:
    """The channels in OpenCV's order, as a copy: the package writes into what it is given."""
    return np.ascontiguousarray(pixels[..., ::-1])


def _package() -> Any:
    """Load invisible-watermark; it loads OpenCV, which on servers often lacks a system library."""
    try:
        import imwatermark
    except ImportError as error:
        raise MissingDependencyError(
            "watermark.missing",
            ja=f"invisible-watermark（OpenCV）を読み込めません: {error}。"
            "pip install invisible-watermark で入ります。libGL が見つからない場合は、"
            "apt install libgl1 libglib2.0-0 を実行するか、"
            "opencv-python を opencv-python-headless に入れ替えてください。"
            "OpenCV なしで透かしを入れるには、方式に spread（コマンドでは --watermark-method spread）を、"
            "透かしなしで使うには watermark=False（--no-watermark）を指定してください。",
            en=f"cannot load invisible-watermark (OpenCV): {error}. Run: pip install invisible-watermark. "
            "If libGL is missing, run: apt install libgl1 libglib2.0-0, or replace opencv-python by "
            "opencv-python-headless. The method spread (--watermark-method spread on the command line) needs "
            "no OpenCV. To go without a watermark, use watermark=False (--no-watermark).",
        ) from error
    return imwatermark
