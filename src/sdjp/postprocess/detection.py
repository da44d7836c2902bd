"""Looks for invisible watermarks, and says how likely chance alone would look the same.

The probability of a match is the larger of two: that of a fair coin (binomial), and that of the very bits
that were read, in random order (hypergeometric). The second is there because the methods of the original are
no fair coin: in a flat picture they read zeros only, and more than half of the bits of an English text are
zeros. It is then multiplied by the number of comparisons that were made (Bonferroni), for each kind of change
by itself, and by the number of kinds: so that looking further takes little away from what is plainly there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from PIL import Image as PILImage

from sdjp.errors import InputError, MissingDependencyError
from sdjp.images import to_rgb
from sdjp.postprocess.known_marks import KNOWN, Mark
from sdjp.postprocess.marking import METHODS, Bits, Method, Pixels, to_bytes
from sdjp.postprocess.marking.payload import MAX_BYTES, payload_of
from sdjp.postprocess.marking.spread import BLOCK, CHECK, TILE, Spread

if TYPE_CHECKING:
    from PIL.Image import Image

Change = Literal["none", "resized", "cropped"]

THRESHOLD: Final = 1e-6
"""A mark is found if chance would do as well less often than this."""

GRID: Final = 64  # widths of drawn pictures are multiples of it
WIDEST: Final = 2048  # pixels: former sizes that are looked at
WINDOW: Final = 1024  # pixels of each side that are looked at for a shift
DEEP_MODES: Final = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True, kw_only=True)
class Detection:
    """The mark that :func:`detect` read in a picture; unless ``found``, only the nearest candidate.

    Attributes:
        found: Whether there is a mark: ``chance`` is below one in a million.
        mark: The name of the mark in :data:`KNOWN`, or the text; None if nothing could be looked for.
        text: What was read; ``�`` for bytes that are no UTF-8; "" for a mark that is no text.
        method: The method by which it was read.
        bit_accuracy: Share of the bits of the mark that were read, 0 to 1; about 0.5 where there is none.
        exact: Whether all of them were.
        chance: Probability that at least one of all comparisons agrees so well in a picture without a mark.
        comparisons: How many were made for this kind of ``change``.
        change: Whether the picture had to be resized, or shifted as after cropping, to read it.
        unavailable: Methods that could not be looked for, since OpenCV cannot be loaded.
    """

    found: bool = False
    mark: str | None = None
    text: str = ""
    method: str | None = None
    bit_accuracy: float = 0.0
    exact: bool = False
    chance: float = 1.0
    comparisons: int = 0
    change: Change = "none"
    unavailable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {**asdict(self), "unavailable": list(self.unavailable)}


@dataclass(frozen=True)
class _Reading:
    """The bits read where ``expected`` might be; ``proven`` if it carries its own proof, the CRC-32."""

    mark: str
    method: str
    read: Bits
    expected: Bits
    change: Change
    is_text: bool
    proven: bool = False

    @property
    def by_chance(self) -> float:
        return 2.0 ** (-8 * CHECK) if self.proven else chance(self.read, self.expected)

    @property
    def text(self) -> str:
        length = len(self.read) // 8 - (CHECK if self.method == "spread" else 0)
        return to_bytes(self.read)[:length].decode("utf-8", "replace") if self.is_text else ""


def detect(
    image: Image, text: str | None = None, *, method: str | None = None, thorough: bool = False
) -> Detection:
    """Look for a watermark in a picture.

    Args:
        image: A picture of any mode; transparency is left out.
        text: The text that is expected. If None, all of :data:`KNOWN`, and any text by the method ``spread``,
            which can be read without knowing it.
        method: The method it was embedded with; if None, all.
        thorough: Whether to look for ``spread`` in pictures that were resized or cropped too, unless a mark
            is found without it (seconds, not fractions of one). In a cropped picture only known marks and
            the expected text are looked for.

    Returns:
        The candidate that chance explains worst.

    Raises:
        InputError: If the text or the method is not usable.
        MissingDependencyError: If ``method`` is given and cannot be loaded. If it is not given, what cannot
            be loaded is listed in :attr:`Detection.unavailable`.
    """
    marks = KNOWN if text is None else (_own(text),)
    check_method(method)
    pixels = _pixels(image)
    search = _Search(marks, blind=text is None, kinds=len(get_args(Change)) if thorough else 1)
    unavailable = []
    for name in METHODS if method is None else (method,):
        chosen = METHODS[name]
        try:
            chosen.require()
        except MissingDependencyError:
            if method is not None:
                raise
            unavailable.append(name)
            continue
        search.plain(chosen, pixels)
    spread = METHODS["spread"]
    if thorough and isinstance(spread, Spread) and method in (None, spread.name):
        for look in (search.resized, search.shifted):
            if search.verdict().found:
                break
            look(spread, pixels)
    return replace(search.verdict(), unavailable=tuple(unavailable))


def chance(read: Bits, expected: Bits) -> float:
    """Probability that bits without a mark agree so well; see the head of this file."""
    n, right = len(expected), int((read == expected).sum())
    coin: float = sum(math.comb(n, k) for k in range(right, n + 1)) / 2**n
    ones, wanted, both = int(read.sum()), int(expected.sum()), int((read & expected).sum())
    ways = sum(
        math.comb(wanted, k) * math.comb(n - wanted, ones - k) for k in range(both, min(ones, wanted) + 1)
    )
    return max(coin, ways / math.comb(n, ones))


def check_method(method: str | None) -> None:
    """Refuse a method that is not registered.

    Raises:
        InputError: If there is none of that name.
    """
    if method is not None and method not in METHODS:
        allowed = ", ".join(map(repr, METHODS))
        raise InputError(
            "watermark.method",
            ja=f"透かしの方式に {method!r} は使えません。使える値: {allowed}",
            en=f"the method of the watermark cannot be {method!r}. Allowed: {allowed}",
        )


def _own(text: str) -> Mark:
    payload_of(text)
    return Mark(text, text, tuple(METHODS), ja="指定された文字列", en="the text that was given")


def _pixels(image: Image) -> Pixels:
    # A mark is in the colours; laying transparent pixels over a background would paint it over.
    rgb = to_rgb(image) if image.mode in DEEP_MODES else image.convert("RGB")
    return np.array(rgb)


def _former_sizes(pixels: Pixels) -> Iterator[Pixels]:
    """The picture in sizes that it may have been drawn in, from 0.4 to 2.5 times its own."""
    height, width = pixels.shape[:2]
    image = PILImage.fromarray(pixels)
    for former in range(GRID, WIDEST + 1, GRID):
        size = (former, BLOCK * round(former * height / width / BLOCK))
        if 0.4 * width <= former <= 2.5 * width and former != width and BLOCK <= size[1] <= WIDEST:
            yield np.asarray(image.resize(size, PILImage.Resampling.LANCZOS))


class _Search:
    """Collects readings, and counts every comparison that was made for them."""

    def __init__(self, marks: tuple[Mark, ...], *, blind: bool, kinds: int) -> None:
        self.marks = marks
        self.blind = blind
        self.kinds = kinds
        self.readings: list[_Reading] = []
        self.comparisons: Counter[Change] = Counter()

    def plain(self, method: Method, pixels: Pixels, *, change: Change = "none") -> None:
        """Read a picture as it is."""
        capacity = method.capacity((pixels.shape[1], pixels.shape[0]))
        wanted = [(mark, mark.bits(method.name)) for mark in self.marks if method.name in mark.methods]
        wanted = [(mark, bits) for mark, bits in wanted if len(bits) <= capacity]
        blind = [n for n in range(1, MAX_BYTES + 1) if 8 * (n + CHECK) <= capacity]
        if not (self.blind and isinstance(method, Spread)):
            blind = []
        if not (wanted or blind):
            return
        read = method.reader(pixels)
        read_floats = method.reader(pixels.astype(np.float32)) if any(m.floats for m, _ in wanted) else read
        for mark, bits in wanted:
            found = read_floats(len(bits)) if mark.floats else read(len(bits))
            self.readings.append(_Reading(mark.name, method.name, found, bits, change, mark.is_text))
        for length in blind:  # a text that carries its own proof needs not be known
            bits = read(8 * (length + CHECK))
            payload = Spread.unframe(bits)
            if payload is not None:
                text = payload.decode("utf-8", "replace")
                self.readings.append(_Reading(text, method.name, bits, bits, change, True, proven=True))
        self.comparisons[change] += len(wanted) + len(blind)

    def resized(self, method: Method, pixels: Pixels) -> None:
        """Read a picture in each size that it may have had."""
        for former in _former_sizes(pixels):
            self.plain(method, former, change="resized")

    def shifted(self, method: Spread, pixels: Pixels) -> None:
        """Read a piece of a picture, wherever its blocks and its tile begin; keep the best for each mark."""
        piece = pixels[:WINDOW, :WINDOW]
        if min(piece.shape[:2]) < BLOCK * (TILE + 1):
            return
        for mark in self.marks:
            if method.name not in mark.methods:
                continue
            expected = mark.bits(method.name)
            best, most = expected, -1
            for reads in method.shifted(piece, len(expected)):
                right = (reads == expected).sum(1)
                self.comparisons["cropped"] += len(right)
                if right.max() > most:
                    best, most = reads[right.argmax()], int(right.max())
            self.readings.append(_Reading(mark.name, method.name, best, expected, "cropped", mark.is_text))

    def verdict(self) -> Detection:
        """The reading that chance explains worst."""
        corrected = [
            min(1.0, reading.by_chance * self.comparisons[reading.change] * self.kinds)
            for reading in self.readings
        ]
        if not corrected:
            return Detection()
        least = min(corrected)
        best = self.readings[corrected.index(least)]
        right = int((best.read == best.expected).sum())
        return Detection(
            found=least < THRESHOLD,
            mark=best.mark,
            text=best.text,
            method=best.method,
            bit_accuracy=right / len(best.expected),
            exact=right == len(best.expected),
            chance=least,
            comparisons=self.comparisons[best.change],
            change=best.change,
        )
