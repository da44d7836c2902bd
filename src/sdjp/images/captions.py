"""Captions under pictures: drawn with a font that has their characters, or numbered where none has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageDraw

from sdjp.errors import InputError
from sdjp.images.fonts import Font, find_font

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

PAPER: Final = "white"
INK: Final = (34, 34, 34)
NARROWEST: Final = 128
"""Pixels: a smaller picture stands in a cell of this width, or its caption would be a column of letters."""
LINES: Final = 8
"""A caption that needs more ends in an ellipsis."""

# A word of letters, or one other character; signs that may not begin a line stay with what is before them.
_PIECE: Final = re.compile(
    r"\s+|(?:[!-~\u00a1-\u02ff]+|.)[、。，．・：；？！）」』】〉》〕］｝ー…々ゝゞっゃゅょッャュョ]*"
)


@dataclass(frozen=True, kw_only=True)
class Captioned:
    """Pictures with captions.

    Attributes:
        pictures: RGB, each on white paper with its caption below; all captions are of one height.
        numbered: The captions that could not be drawn, by the numbers that stand in their places.
    """

    pictures: tuple[Image.Image, ...]
    numbered: dict[int, str]


def captioned(
    pictures: Sequence[Image.Image], captions: Sequence[str], *, font: str | Path | None = None
) -> Captioned:
    """Write a caption under each picture.

    Args:
        pictures: Of any sizes.
        captions: One for each; line breaks stay, long lines are wrapped.
        font: A file of a font; one of this computer that has the characters, if None.

    Raises:
        InputError: If there are not as many of both, or ``font`` cannot be read.
    """
    if len(captions) != len(pictures) or not all(isinstance(text, str) for text in captions):
        raise InputError(
            "grid.captions",
            ja=f"captions には、画像と同じ {len(pictures)} 個の文字列を指定してください"
            f"（{len(captions)} 個が指定されました）。",
            en=f"captions must be {len(pictures)} strings, one for each picture; {len(captions)} were given.",
        )
    texts = ["\n".join(" ".join(line.split()) for line in text.splitlines()) for text in captions]
    chosen = find_font(texts) if font is None else _open(Path(font))
    numbered = {n: text for n, text in enumerate(texts, start=1) if not chosen.has(text)}
    drawn = [f"({n})" if n in numbered else text for n, text in enumerate(texts, start=1)]
    return Captioned(pictures=tuple(_set(pictures, drawn, chosen)), numbered=numbered)


def _open(path: Path) -> Font:
    font = Font(path)
    try:
        font.at(12)
        font.has("a")
    except Exception as error:
        raise InputError(
            "grid.font",
            ja=f"フォント {path} を読めません。"
            "TrueType か OpenType のファイル（.ttf、.otf、.ttc）を指定してください。",
            en=f"cannot read the font {path}. Give a TrueType or OpenType file (.ttf, .otf, .ttc).",
        ) from error
    return font


def _set(pictures: Sequence[Image.Image], texts: Sequence[str], chosen: Font) -> list[Image.Image]:
    widest = max(picture.width for picture in pictures)
    size = min(max(round(widest / 18), 13), 32)
    font = chosen.at(size)
    leading = round(size * 1.4)
    margin = size // 2
    widths = [max(picture.width, NARROWEST) for picture in pictures]
    set_ = [wrap(text, font, width - 2 * margin) for text, width in zip(texts, widths, strict=True)]
    height = max(map(len, set_)) * leading + 2 * margin
    sheets = []
    for picture, lines, width in zip(pictures, set_, widths, strict=True):
        sheet = Image.new("RGB", (width, picture.height + height), PAPER)
        sheet.paste(picture.convert("RGB"), ((width - picture.width) // 2, 0))
        draw = ImageDraw.Draw(sheet)
        for n, line in enumerate(lines):
            draw.text((margin, picture.height + margin + n * leading), line, fill=INK, font=font)
        sheets.append(sheet)
    return sheets


def wrap(text: str, font: FreeTypeFont | ImageFont, width: int) -> list[str]:
    """Break text into lines of at most ``width`` pixels: between words, between Japanese characters, and
    inside a word only if it is wider than a line.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _pieces(paragraph, font, width):
            if line and font.getlength(line + piece.rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            line = line + piece if line else piece.lstrip()
        lines.append(line.rstrip())
    if len(lines) > LINES:
        kept = lines[LINES - 1]
        while kept and font.getlength(kept + "...") > width:
            kept = kept[:-1]
        lines = [*lines[: LINES - 1], kept + "..."]
    return lines


def _pieces(text: str, font: Any, width: int) -> list[str]:
    pieces = [match[0] for match in _PIECE.finditer(text)]
    return [part for piece in pieces for part in ([piece] if font.getlength(piece) <= width else piece)]
