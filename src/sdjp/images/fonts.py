"""Fonts of this computer, and which characters they have: read from the table ``cmap`` of the files
(OpenType 1.9, "cmap"), so that no text is drawn as rows of empty boxes.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import BinaryIO, Final

from PIL import ImageFont

KNOWN: Final = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "NotoSansJP-Regular.ttf",
    "NotoSansJP-Regular.otf",
    "NotoSansJP-VF.ttf",
    "BIZUDPGothic-Regular.ttf",
    "ヒラギノ角ゴシック W3.ttc",
    "Hiragino Sans GB.ttc",
    "BIZ-UDGothicR.ttc",
    "YuGothR.ttc",
    "meiryo.ttc",
    "msgothic.ttc",
    "ipaexg.ttf",
    "ipagp.ttf",
    "ipag.ttf",
    "TakaoPGothic.ttf",
    "VL-PGothic-Regular.ttf",
    "VL-Gothic-Regular.ttf",
    "mplus-1p-regular.ttf",
    "Arial Unicode.ttf",
)
"""Files of sans-serif fonts with Japanese characters, as systems and packages of theirs name them."""

_LARGEST: Final = 8 << 20  # bytes of a ``cmap``; those of Japanese fonts have some 100 kB
_ENCODINGS: Final = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3))  # all of Unicode first, then its first plane
_PATIENCE: Final = 10.0  # seconds for fontconfig, which may have to look through all fonts first
_SELECTORS: Final = {0xFE0E: None, 0xFE0F: None, 0x200D: None}  # how an emoji looks; nothing of their own


@dataclass(frozen=True)
class Font:
    """One font of a file.

    Attributes:
        path: The file; None: the font that Pillow brings, which has no Japanese.
        index: Which of the file's fonts.
    """

    path: Path | None
    index: int = 0

    def has(self, text: str) -> bool:
        """Whether every character of ``text`` has a glyph; white space needs none."""
        return all(self._glyph(ord(c)) != 0 for c in text.translate(_SELECTORS) if not c.isspace())

    def at(self, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        """The font at a size in pixels."""
        if self.path is None:
            return ImageFont.load_default(size)
        layout = ImageFont.Layout.BASIC  # the same with and without libraqm
        return ImageFont.truetype(str(self.path), size, self.index, layout_engine=layout)

    def _glyph(self, code: int) -> int:
        if self.path is None:
            return int(0x20 <= code < 0x7F)
        return self._characters.glyph(code)

    @cached_property
    def _characters(self) -> _Characters:
        assert self.path is not None
        return _read(self.path, self.index)


BUILT_IN: Final = Font(None)


def find_font(texts: Sequence[str]) -> Font:
    """The first font here that has the characters of all texts; if none has, that of the most of them."""
    best, most = BUILT_IN, _drawn(BUILT_IN, texts)
    if most < len(texts):
        for font in _fonts():
            drawn = _drawn(font, texts)
            if drawn > most:
                best, most = font, drawn
            if drawn == len(texts):
                break
    return best


def _drawn(font: Font, texts: Sequence[str]) -> int:
    try:
        return sum(map(font.has, texts))
    except (OSError, ValueError, struct.error):  # away, or no font
        return 0


def _fonts() -> Iterator[Font]:
    """Fonts that may have Japanese characters, the likeliest first."""
    seen = set()
    for font in (*_of_fontconfig(), *_of_folders()):
        if font not in seen:
            seen.add(font)
            yield font


def _of_fontconfig() -> list[Font]:
    """What fontconfig takes for Japanese, as its own programs do; nothing where it is not there."""
    program = shutil.which("fc-match")
    if program is None:
        return []
    command = [program, "--sort", "--format", "%{file}\t%{index}\n", "sans-serif:lang=ja"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.rpartition("\t") for line in os.fsdecode(done.stdout).splitlines()]
    # The upper half of an index names an instance of a variable font.
    return [Font(Path(path), int(index) & 0xFFFF) for path, _, index in rows if path and index.isdigit()]


def _of_folders() -> list[Font]:
    """The known files in the folders where systems keep fonts, in their order."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for parent, _, names in os.walk(folder):
            for name in names:  # file systems of macOS have ギ as キ and a mark
                found.setdefault(unicodedata.normalize("NFC", name), Path(parent, name))
    return [Font(found[name]) for name in KNOWN if name in found]


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        windows = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"))
        return [local / "Microsoft" / "Windows" / "Fonts", windows / "Fonts"]
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    shared = [Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]
    return [home / ".fonts", home / ".local/share/fonts", *shared]


# The table ``cmap``.


@dataclass(frozen=True)
class _Characters:
    """Ranges of code points, in order: (first, last, first glyph, None), or with a glyph for each."""

    firsts: tuple[int, ...]
    ranges: tuple[tuple[int, int, int, tuple[int, ...] | None], ...]

    def glyph(self, code: int) -> int:
        """The glyph of a character; 0: the font has none."""
        at = bisect_right(self.firsts, code) - 1
        if at < 0:
            return 0
        first, last, glyph, each = self.ranges[at]
        if code > last:
            return 0
        return glyph + code - first if each is None else each[code - first]


@lru_cache(maxsize=64)
def _read(path: Path, index: int) -> _Characters:
    """Read which characters a font has.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no font that tells.
        struct.error: If it is cut off.
    """
    with path.open("rb") as file:
        table = _table(file, index)
    (count,) = struct.unpack_from(">H", table, 2)
    records = [struct.unpack_from(">HHI", table, 4 + 8 * i) for i in range(count)]
    offsets = {(platform, encoding): offset for platform, encoding, offset in records}
    for wanted in _ENCODINGS:
        if wanted in offsets:
            subtable = table[offsets[wanted] :]
            (form,) = struct.unpack_from(">H", subtable)
            if form in (4, 12):
                ranges = sorted(_groups(subtable) if form == 12 else _segments(subtable))
                return _Characters(tuple(each[0] for each in ranges), tuple(ranges))
    raise ValueError("no Unicode table")


def _table(file: BinaryIO, index: int) -> bytes:
    """The bytes of ``cmap`` of one font of a file."""
    start = 0
    (tag,) = struct.unpack(">4s", file.read(4))
    if tag == b"ttcf":
        file.seek(12 + 4 * index)
        (start,) = struct.unpack(">I", file.read(4))
    elif tag not in (b"\0\1\0\0", b"OTTO", b"true"):
        raise ValueError("no font")
    file.seek(start + 4)
    (count,) = struct.unpack(">H", file.read(2))
    file.seek(start + 12)
    for _ in range(count):
        name, _, offset, length = struct.unpack(">4sIII", file.read(16))
        if name == b"cmap" and length <= _LARGEST:
            file.seek(offset)
            return file.read(length)
    raise ValueError("no cmap")


def _groups(table: bytes) -> Iterator[tuple[int, int, int, None]]:
    """Ranges of format 12."""
    (count,) = struct.unpack_from(">I", table, 12)
    for first, last, glyph in struct.iter_unpack(">III", table[16 : 16 + 12 * count]):
        # What begins with glyph 0 begins with a character that is not there.
        yield (first, last, glyph, None) if glyph else (first + 1, last, 1, None)


def _segments(table: bytes) -> Iterator[tuple[int, int, int, tuple[int, ...] | None]]:
    """Ranges of format 4: four arrays, and glyphs behind them."""
    (twice,) = struct.unpack_from(">H", table, 6)
    count = twice // 2

    def array(start: int) -> tuple[int, ...]:
        return struct.unpack_from(f">{count}H", table, start)

    lasts, firsts = array(14), array(16 + twice)
    deltas, offsets = array(16 + 2 * twice), array(16 + 3 * twice)
    for i, (first, last, delta, offset) in enumerate(zip(firsts, lasts, deltas, offsets, strict=True)):
        codes = range(first, last + 1)
        if offset == 0:
            yield first, last, 0, tuple((code + delta) & 0xFFFF for code in codes)
            continue
        at = 16 + 3 * twice + 2 * i + offset  # counted from where the offset itself stands
        listed = struct.unpack_from(f">{len(codes)}H", table, at) if at + 2 * len(codes) <= len(table) else ()
        yield (
            first,
            last,
            0,
            tuple((glyph + delta) & 0xFFFF if glyph else 0 for glyph in listed) or (0,) * len(codes),
        )
