"""The invisible watermark, which tells a machine's picture from a photograph.

The original scripts write ``StableDiffusionV1`` by the method ``dwtDct`` and never look whether it can be
read. Here it is read back from the very pixels that will be written. Where it cannot be, or where it shows,
the next method is tried, and the report says which one it was and why (see ``marking/__init__.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from PIL import Image as PILImage

from sdjp.errors import InputError, MissingDependencyError
from sdjp.postprocess.base import Note, PostProcessor
from sdjp.postprocess.detection import THRESHOLD, chance, check_method
from sdjp.postprocess.marking import METHODS, Bits, Method, Pixels
from sdjp.postprocess.marking.payload import TEXT, payload_of
from sdjp.records import Report

if TYPE_CHECKING:
    from PIL.Image import Image

MethodName = Literal["auto", "dwtDct", "dwtDctSvd", "spread"]
Outcome = Literal["readable", "partly", "unreadable", "visible", "small", "missing"]

# A mark shows if it costs more than this. The package does so where values wrap around (dots), in stripes of
# colour (it exchanges two bands of the wavelet) and in saturated red (OpenCV's YUV has no room for it).
LOWEST_PSNR: Final = 30.0  # dB
LARGEST_CHANGE: Final = 100  # of 255


@dataclass(frozen=True)
class _Attempt:
    """The outcome of one method."""

    method: Method
    outcome: Outcome
    pixels: Pixels | None = None
    bit_accuracy: float | None = None
    psnr: float | None = None
    error: MissingDependencyError | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method.name,
            "outcome": self.outcome,
            "bit_accuracy": self.bit_accuracy,
            "psnr": self.psnr,
        }

    @property
    def reason(self) -> tuple[str, str]:
        """Why another method was needed, in Japanese and English."""
        share = percent(self.bit_accuracy or 0.0)
        error = self.error
        return {
            "readable": ("", ""),
            "partly": (f"{share}% のビットしか読み戻せない", f"only {share}% of its bits can be read back"),
            "unreadable": (
                f"{share}% のビットしか読み戻せない",
                f"only {share}% of its bits can be read back",
            ),
            "visible": ("跡が目に見えてしまう", "it would show"),
            "small": ("この文字列を入れるには画像が小さすぎる", "the picture is too small for this text"),
            "missing": (error.ja if error else "", error.en if error else ""),
        }[self.outcome]


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """Embeds a text in every picture and reads it back.

    Attributes:
        text: 1 to 64 bytes of UTF-8 (21 Japanese characters), without NUL.
        method: Where to begin: ``"auto"`` and ``"dwtDct"`` with the original's, ``"dwtDctSvd"`` with the
            other one of its package, ``"spread"`` with our own. What cannot be read back is tried again with
            the next one; "auto" also does without those that cannot be loaded.

    Raises:
        InputError: If the text or the method is not usable.
    """

    text: str = TEXT
    method: MethodName = "auto"

    def __post_init__(self) -> None:
        payload_of(self.text)
        if self.method != "auto":
            check_method(self.method)

    @property
    def name(self) -> str:
        """The registry name."""
        return "watermark"

    def require(self) -> None:
        """Load what a method needs that was asked for by its name.

        Raises:
            MissingDependencyError: If it cannot be loaded.
        """
        if self.method != "auto":
            METHODS[self.method].require()

    def __call__(self, images: list[Image], /) -> tuple[list[Image], list[Report]]:
        """Mark each picture that is large enough.

        Transparency stays as it is, and grey pictures stay grey (their brightness alone is marked); any other
        mode becomes RGB. The report's ``data`` tells ``method``, ``bit_accuracy``, ``exact``, ``psnr`` (dB,
        None if nothing changed) and all that was ``tried``.
        """
        marked = [self._mark(image) for image in images]
        return [image for image, _ in marked], [report for _, report in marked]

    def _mark(self, image: Image) -> tuple[Image, Report]:
        grey, alpha = image.mode in ("1", "L", "LA"), image.has_transparency_data
        pixels = np.array(image.convert("RGBA" if alpha else "RGB"))[..., :3]
        tried: list[_Attempt] = []
        for method in self._order(luma=grey):
            tried.append(_attempt(method, pixels, payload_of(self.text)))
            if tried[-1].outcome == "readable":
                break
        usable = [attempt for attempt in tried if attempt.outcome in ("readable", "partly")]
        best = max(usable, key=lambda attempt: attempt.bit_accuracy or 0.0, default=None)
        if best is None or best.pixels is None:
            return image, self._skipped(image, tried)
        result = PILImage.fromarray(best.pixels)
        if grey:
            result = result.convert("L")
        if alpha:
            result.putalpha(image.convert("RGBA").getchannel("A"))
        return result, self._done(best, [attempt for attempt in tried if attempt is not best])

    def _order(self, *, luma: bool) -> list[Method]:
        first = [] if self.method == "auto" else [METHODS[self.method]]
        order = [*first, *(method for method in METHODS.values() if method not in first)]
        return [method for method in order if method.luma] if luma else order

    def _done(self, best: _Attempt, others: list[_Attempt]) -> Report:
        exact = best.outcome == "readable"
        share, method = percent(best.bit_accuracy or 0.0), best.method.name
        ja = (
            f"透かし「{self.text}」を {method} 方式で入れ、読み戻せることを確かめました。"
            if exact
            else f"透かし「{self.text}」を {method} 方式で入れましたが、"
            f"この絵柄では {share}% のビットしか読み戻せません。"
        )
        en = (
            f"the watermark '{self.text}' is in the picture (method {method}) and was read back."
            if exact
            else f"the watermark '{self.text}' was embedded (method {method}), but only {share}% of its bits "
            "can be read back."
        )
        return Report(
            name=self.name,
            status="done",
            ja=ja + _why(others, "ja"),
            en=en + _why(others, "en"),
            data={
                "text": self.text,
                "method": method,
                "bit_accuracy": best.bit_accuracy,
                "exact": exact,
                "psnr": best.psnr,
                "tried": [attempt.to_json() for attempt in [*others, best]],
            },
        )

    def _skipped(self, image: Image, tried: list[_Attempt]) -> Report:
        size = f"{image.width}×{image.height}"
        small = all(attempt.outcome in ("small", "missing") for attempt in tried)
        side = _smallest_side(payload_of(self.text))
        return Report(
            name=self.name,
            status="skipped",
            ja=(
                f"{size} の画像は小さすぎて、透かし「{self.text}」を入れられません"
                f"（{side}×{side} ピクセル以上が必要です）。"
                if small
                else f"この {size} の画像には、読み戻せる透かしを入れられませんでした。"
                "透かしは入っていません。" + _why(tried, "ja")
            ),
            en=(
                f"{size} is too small for the watermark '{self.text}' (it needs {side}×{side} pixels)."
                if small
                else f"no watermark that can be read back fits this picture of {size}; there is none in it."
                + _why(tried, "en")
            ),
            data={"text": self.text, "tried": [attempt.to_json() for attempt in tried]},
        )


def make_watermark(value: bool | str | Watermark) -> PostProcessor:
    """Turn the switch into a post-processor.

    Args:
        value: True for the text of the original, a text of one's own, False for none, or a
            :class:`Watermark` to choose the method too.

    Raises:
        InputError: If it is something else, or a text that is empty or too long.
        MissingDependencyError: If a method was chosen that needs invisible-watermark or OpenCV, and they
            cannot be loaded.
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
    if isinstance(value, Watermark):
        value.require()  # better to hear of a missing library now than after the picture is drawn
        return value
    if not isinstance(value, bool | str):
        raise InputError(
            "watermark.type",
            ja="watermark には True、False、埋め込む文字列、または Watermark を指定してください"
            f"（{value!r} は使えません）。",
            en=f"watermark must be True, False, a text to embed or a Watermark, not {value!r}.",
        )
    return Watermark() if value is True else Watermark(text=value)


def percent(share: float) -> str:
    """A share in percent, rounded down: 100 only if it is all."""
    return f"{math.floor(share * 1000) / 10:g}"


def psnr(before: Pixels, after: Pixels) -> float | None:
    """Peak signal-to-noise ratio in dB over all channels; None if nothing changed."""
    error = float(np.square(after.astype(np.float64) - before).mean())
    return round(10 * math.log10(255**2 / error), 2) if error else None


def _attempt(method: Method, pixels: Pixels, payload: bytes) -> _Attempt:
    """Embed with one method, then decode."""
    bits: Bits = method.frame(payload)
    if len(bits) > method.capacity((pixels.shape[1], pixels.shape[0])):
        return _Attempt(method, "small")
    try:
        method.require()
    except MissingDependencyError as error:
        return _Attempt(method, "missing", error=error)
    marked = method.embed(pixels, bits)
    read = method.reader(marked)(len(bits))
    accuracy, cost = float((read == bits).mean()), psnr(pixels, marked)
    largest = int(np.abs(marked.astype(np.int16) - pixels).max())
    outcome: Outcome
    if largest > LARGEST_CHANGE or (cost is not None and cost < LOWEST_PSNR):
        outcome = "visible"
    elif accuracy == 1:
        outcome = "readable"
    else:
        outcome = "partly" if chance(read, bits) < THRESHOLD else "unreadable"
    return _Attempt(method, outcome, marked, accuracy, cost)


def _why(attempts: list[_Attempt], language: Literal["ja", "en"]) -> str:
    """Why each of the other methods was not it."""
    if not attempts:
        return ""
    i = 0 if language == "ja" else 1
    reasons = [f"{attempt.method.name}: {attempt.reason[i].rstrip('。.')}" for attempt in attempts]
    return f"（{'。'.join(reasons)}）" if language == "ja" else f" ({'; '.join(reasons)})"


def _smallest_side(payload: bytes) -> int:
    """The side of the smallest square picture that takes a payload by any method."""
    return next(
        side
        for side in range(8, 1025, 8)
        if any(len(method.frame(payload)) <= method.capacity((side, side)) for method in METHODS.values())
    )
