"""Watermarks that are looked for without being named, from the sources of those who write them.

How to add one: append a :class:`Mark` to :data:`KNOWN`, with its bits from the program that embeds it, and
name it in docs/ja/watermark.md and docs/en/watermark.md. tests/unit/postprocess/test_detection.py embeds and
finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sdjp.postprocess.marking import METHODS, Bits
from sdjp.postprocess.marking.payload import TEXT, payload_of


@dataclass(frozen=True)
class Mark:
    """Something that can be embedded.

    Attributes:
        name: What it is called.
        content: A text, or a string of zeros and ones.
        methods: By which methods it is embedded.
        ja: Who embeds it.
        en: The same in English.
        is_text: Whether the content is a text.
        floats: Whether it is embedded in pixels that are floats. OpenCV lays the zero of their U plane
            elsewhere, so that it can be read from floats only.
    """

    name: str
    content: str
    methods: tuple[str, ...]
    ja: str
    en: str
    is_text: bool = True
    floats: bool = False

    def bits(self, method: str) -> Bits:
        """The bits that ``method`` writes for it."""
        if self.is_text:
            return METHODS[method].frame(payload_of(self.content))
        return np.array([int(digit) for digit in self.content], dtype=bool)


KNOWN: Final = (
    Mark(
        TEXT,
        TEXT,
        tuple(METHODS),
        ja="Stable Diffusion v1 の元のスクリプトと sdjp",
        en="the original scripts of Stable Diffusion v1, and sdjp",
    ),
    Mark(
        "SDV2",
        "SDV2",
        ("dwtDct",),
        ja="Stable Diffusion 2 の元のスクリプト",
        en="the original scripts of Stable Diffusion 2",
    ),
    Mark(
        "SDXL",
        f"{0b101100111110110010010000011110111011000110011110:048b}",
        ("dwtDct",),
        ja="SDXL（generative-models と diffusers）",
        en="SDXL (generative-models and diffusers)",
        is_text=False,
        floats=True,
    ),
    Mark(
        "FLUX.1",
        f"{0b001010101111111010000111100111001111010100101110:048b}",
        ("dwtDct",),
        ja="FLUX.1 の元のスクリプト",
        en="the original scripts of FLUX.1",
        is_text=False,
        floats=True,
    ),
)
