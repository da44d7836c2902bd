"""The invisible watermark of the original scripts, which tells a machine's picture from a photograph.

The package invisible-watermark (https://github.com/ShieldMnt/invisible-watermark) writes the bits of a text
into the colours of the picture (method ``dwtDct``: one bit to each block of 8×8 pixels, over and over). The
mark survives PNG, brightness and a little noise; it does not survive JPEG with halved colours, resizing or
cropping, and some pictures do not even take it. So it is read back from the very pixels, and the report says
how much of it is there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from PIL import Image as PILImage

from sdjp.errors import InputError, MissingDependencyError
from sdjp.postprocess.base import Note, PostProcessor
from sdjp.types import Report

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

Method = Literal["dwtDct", "dwtDctSvd"]

TEXT: Final = "StableDiffusionV1"
"""The text that the original txt2img.py embeds."""

MAX_BYTES: Final = 64
"""Longest text: each of its bits stands at least twice in the smallest picture (1024 blocks, 512 bits)."""

MIN_PIXELS: Final = 256 * 256
BLOCK: Final = 8  # pixels: two for the Haar wavelet, times four


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What :func:`detect` read in a picture.

    Attributes:
        text: The text that was read; ``�`` for bytes that are no UTF-8.
        bit_accuracy: Share of the expected bits that were read, 0 to 1; about 0.5 where there is no mark.
        exact: Whether all of them were.
        found: Whether so many agree that chance would do it less than once in a million. A mark of one or two
            bytes can never be told from chance in this way.
    """

    text: str
    bit_accuracy: float
    exact: bool
    found: bool


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """Embeds a text in every picture and reads it back.

    Attributes:
        text: 1 to 64 bytes of UTF-8 (21 Japanese characters).
        method: ``"dwtDct"`` as in the original, or ``"dwtDctSvd"``, slower and readable in more pictures.

    Raises:
        InputError: If the text or the method is not usable.
    """

    text: str = TEXT
    method: Method = "dwtDct"

    def __post_init__(self) -> None:
        _payload(self.text)
        _check_method(self.method)

    @property
    def name(self) -> str:
        """The registry name."""
        return "watermark"

    def __call__(self, images: list[Image], /) -> tuple[list[Image], list[Report]]:
        """Mark each picture that is large enough; the report's ``data`` tells ``bit_accuracy``."""
        marked = [self._mark(image) for image in images]
        return [image for image, _ in marked], [report for _, report in marked]

    def _mark(self, image: Image) -> tuple[Image, Report]:
        data: dict[str, Any] = {"text": self.text, "method": self.method}
        if not fits(image.size, len(_payload(self.text))):
            return image, Report(
                name=self.name,
                status="skipped",
                ja=f"{image.width}×{image.height} の画像は小さすぎて、透かしを入れられません"
                "（256×256 ピクセル以上が必要です）。",
                en=f"{image.width}×{image.height} is too small for the watermark (it needs 256×256 pixels).",
                data=data,
            )
        encoder = _package().WatermarkEncoder()
        encoder.set_watermark("bytes", _payload(self.text))
        bgr = encoder.encode(_bgr(image), self.method)
        result = PILImage.fromarray(np.ascontiguousarray(bgr[..., ::-1]))
        read = detect(result, self.text, method=self.method)
        data |= {"bit_accuracy": read.bit_accuracy, "exact": read.exact}
        share = f"{math.floor(read.bit_accuracy * 1000) / 10:g}"  # rounded down: 100 only if it is all
        return result, Report(
            name=self.name,
            status="done",
            ja=f"透かし「{self.text}」を入れ、読み戻せることを確かめました。"
            if read.exact
            else f"透かし「{self.text}」を入れましたが、この絵柄では {share}% のビットしか読み戻せません。",
            en=f"the watermark '{self.text}' is in the picture and was read back."
            if read.exact
            else f"the watermark '{self.text}' was embedded, but only {share}% of its bits can be read back.",
            data=data,
        )


def make_watermark(value: bool | str) -> PostProcessor:
    """Turn the switch into a post-processor.

    Args:
        value: True for the text of the original, a text of one's own, or False for none.

    Raises:
        InputError: If it is something else, or a text that is empty or too long.
        MissingDependencyError: If it is on and invisible-watermark or OpenCV cannot be loaded.
    """
    if value is False:
        return Note(
            Report(
                name="watermark",
                status="off",
                ja="透かしはオフです。この画像に透かしは入っていません。",
                en="the watermark is off: there is none in this picture.",
            )
        )
    if not isinstance(value, bool | str):
        raise InputError(
            "watermark.type",
            ja="watermark には True、False、または埋め込む文字列を指定してください"
            f"（{value!r} は使えません）。",
            en=f"watermark must be True, False or a text to embed, not {value!r}.",
        )
    watermark = Watermark() if value is True else Watermark(text=value)
    _package()  # better to hear of a missing library now than after the picture is drawn
    return watermark


def detect(image: Image, text: str = TEXT, *, method: Method = "dwtDct") -> Detection:
    """Look for a watermark in a picture.

    Args:
        image: A picture of at least 256×256 pixels, neither cropped nor resized since it was marked.
        text: The text that is expected.
        method: The method it was embedded with.

    Raises:
        InputError: If the picture is too small, or the text or the method is not usable.
        MissingDependencyError: If invisible-watermark or OpenCV cannot be loaded.
    """
    expected = _payload(text)
    _check_method(method)
    if not fits(image.size, len(expected)):
        raise InputError(
            "watermark.small",
            ja=f"{image.width}×{image.height} の画像に透かしは入りません（256×256 ピクセル以上が必要です）。",
            en=f"{image.width}×{image.height} is too small for a watermark (it needs 256×256 pixels).",
        )
    read = bytes(_package().WatermarkDecoder("bytes", 8 * len(expected)).decode(_bgr(image), method))
    right = 8 * len(expected) - sum((a ^ b).bit_count() for a, b in zip(read, expected, strict=True))
    return Detection(
        text=read.decode("utf-8", "replace"),
        bit_accuracy=right / (8 * len(expected)),
        exact=read == expected,
        found=_chance(right, 8 * len(expected)) < 1e-6,
    )


def fits(size: tuple[int, int], length: int) -> bool:
    """Whether a picture of this size (width, height) takes a text of ``length`` bytes."""
    width, height = size
    return width * height >= MIN_PIXELS and (width // BLOCK) * (height // BLOCK) >= 8 * length


def _chance(right: int, bits: int) -> float:
    """Probability that a fair coin agrees with at least ``right`` of ``bits``."""
    return float(sum(math.comb(bits, k) for k in range(right, bits + 1)) / 2**bits)


def _payload(text: str) -> bytes:
    payload = text.encode("utf-8", "replace") if isinstance(text, str) else b""
    if not 1 <= len(payload) <= MAX_BYTES:
        raise InputError(
            "watermark.length",
            ja=f"透かしの文字列は UTF-8 で 1〜{MAX_BYTES} バイト（日本語なら {MAX_BYTES // 3} 文字まで）に"
            f"してください（指定されたものは {len(payload)} バイト）。"
            "透かしを入れない場合は watermark=False を指定してください。",
            en=f"the text of the watermark must have 1 to {MAX_BYTES} bytes of UTF-8, not {len(payload)}. "
            "For no watermark, use watermark=False.",
        )
    return payload


def _check_method(method: str) -> None:
    if method not in get_args(Method):
        allowed = ", ".join(map(repr, get_args(Method)))
        raise InputError(
            "watermark.method",
            ja=f"透かしの方式に {method!r} は使えません。使える値: {allowed}",
            en=f"the method of the watermark cannot be {method!r}. Allowed: {allowed}",
        )


def _bgr(image: Image) -> NDArray[np.uint8]:
    """The channels in OpenCV's order, as a copy: the package writes into what it is given."""
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])


def _package() -> Any:
    """Load invisible-watermark; it loads OpenCV, which on servers often lacks a system library."""
    try:
        import imwatermark
    except ImportError as error:
        raise MissingDependencyError(
            "watermark.missing",
            ja=f"透かしに必要な invisible-watermark（OpenCV）を読み込めません: {error}。"
            "pip install invisible-watermark で入ります。libGL が見つからない場合は、"
            "apt install libgl1 libglib2.0-0 を実行するか、"
            "opencv-python を opencv-python-headless に入れ替えてください。"
            "透かしなしで使うには watermark=False（コマンドでは --no-watermark）を指定してください。",
            en=f"cannot load invisible-watermark (OpenCV): {error}. Run: pip install invisible-watermark. "
            "If libGL is missing, run: apt install libgl1 libglib2.0-0, or replace opencv-python by "
            "opencv-python-headless. To go without a watermark, use watermark=False (--no-watermark on the "
            "command line).",
        ) from error
    return imwatermark
