"""Captions under the pictures of a grid, and the fonts for them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from sdjp.errors import InputError
from sdjp.images import captions as module
from sdjp.images import grid
from sdjp.images.captions import LINES, captioned, wrap
from sdjp.images.fonts import BUILT_IN, Font, find_font

JAPANESE = "馬に乗る宇宙飛行士"


def picture(width: int = 256, height: int = 200) -> Image.Image:
    return Image.new("RGB", (width, height), "skyblue")


def table(form: int, glyphs: Mapping[int, int]) -> bytes:
    """A ``cmap`` with one subtable; every character is a range of its own."""
    codes = sorted(glyphs)
    if form == 12:
        groups = b"".join(struct.pack(">III", c, c, glyphs[c]) for c in codes)
        subtable = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(codes)) + groups
        return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + subtable
    codes = [*codes, 0xFFFF]
    n = len(codes)
    array = f">{n}H"
    # The first character by an offset into the glyphs behind the arrays, the others by their deltas.
    deltas = [0, *((glyphs.get(c, 0) - c) & 0xFFFF for c in codes[1:])]
    offsets = [2 * n, *[0] * (n - 1)]
    body = struct.pack(array, *codes) + b"\0\0" + struct.pack(array, *codes) + struct.pack(array, *deltas)
    body += struct.pack(array, *offsets) + struct.pack(">H", glyphs[codes[0]])
    subtable = struct.pack(">HHHHHHH", 4, 14 + len(body), 0, 2 * n, 0, 0, 0) + body
    return struct.pack(">HHHHI", 0, 1, 3, 1, 12) + subtable


def font_file(path: Path, cmap: bytes, *, collection: bool = False) -> Path:
    """A file that has nothing but a ``cmap``; in a collection, it is the second font."""
    start = 20 if collection else 0
    head = b"\0\1\0\0" + struct.pack(">HHHH", 1, 0, 0, 0)
    data = head + struct.pack(">4sIII", b"cmap", 0, start + 28, len(cmap)) + cmap
    if collection:
        data = struct.pack(">4sIIII", b"ttcf", 0x10000, 2, 0, start) + data
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", [4, 12])
@pytest.mark.parametrize("collection", [False, True])
def test_the_characters_of_a_font_are_read_from_its_file(tmp_path: Path, form: int, collection: bool) -> None:
    glyphs = {ord("a"): 7, ord("猫"): 3, ord("馬"): 0}
    path = font_file(tmp_path / "f.ttf", table(form, glyphs), collection=collection)
    font = Font(path, int(collection))
    assert font.has("a猫 \n猫")
    assert font.has("猫\ufe0f")
    for missing in ("馬", "犬", "b", "\U0001f431"):
        assert not font.has(f"猫{missing}")


def test_the_same_characters_as_fonttools_finds() -> None:
    ttfont = pytest.importorskip("fontTools.ttLib")
    font = find_font([JAPANESE])
    if font.path is None:
        pytest.skip("no font with Japanese here")
    theirs = ttfont.TTFont(str(font.path), fontNumber=font.index).getBestCmap()
    codes = [*range(0x20, 0x3000, 7), *range(0x3000, 0xA000, 11), *range(0x1F300, 0x1F700, 5)]
    for code in codes:
        if not chr(code).isspace():
            assert font.has(chr(code)) == (code in theirs), hex(code)


@pytest.mark.parametrize("data", [b"", b"no font", b"\0\1\0\0\xff\xff", b"ttcf" + b"\0" * 8])
def test_a_broken_font_is_passed_over_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "壊れた.ttf"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"壊れた\.ttf"):
        captioned([picture()], ["猫"], font=path)
    with pytest.raises(InputError):
        captioned([picture()], ["猫"], font=tmp_path / "ない.ttf")


def test_what_no_font_has_becomes_a_number_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_font", lambda texts: BUILT_IN)
    with pytest.warns(UserWarning, match=rf"\(2\) {JAPANESE}"):
        sheet = grid([picture(), picture()], captions=["a cat", JAPANESE])
    with pytest.warns(UserWarning, match=r"\(2\) 猫"):
        other = grid([picture(), picture()], captions=["a cat", "猫"])
    assert sheet.tobytes() == other.tobytes()  # a number and no boxes
    assert grid([picture(), picture()], captions=["a cat", "(2)"]).tobytes() == sheet.tobytes()


def test_japanese_is_written_where_a_font_has_it() -> None:
    if not find_font([JAPANESE]).has(JAPANESE):
        pytest.skip("no font with Japanese here")
    found = captioned([picture(), picture()], [JAPANESE, "猫"])
    assert found.numbered == {}
    inks = [int((np.asarray(one.convert("L"))[200:] < 128).sum()) for one in found.pictures]
    assert inks[0] > 3 * inks[1] > 30


def test_letters_alone_need_no_font_of_the_computer() -> None:
    assert find_font(["a cat", "(2)"]) == BUILT_IN
    assert not BUILT_IN.has("猫")


def test_the_pictures_keep_their_pixels_and_captions_are_of_one_height() -> None:
    rng = np.random.default_rng(0)
    first = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    found = captioned([first, picture()], ["a", "long " * 30]).pictures
    assert [one.width for one in found] == [128, 256]
    assert found[0].height - 64 == found[1].height - 200
    assert found[0].crop((32, 0, 96, 64)).tobytes() == first.tobytes()


def test_lines_are_broken_where_they_may_be() -> None:
    font = ImageFont.load_default(16)
    assert isinstance(font, ImageFont.FreeTypeFont)
    width = int(font.getlength("a red cat by"))
    assert wrap("a red cat by the sea", font, width) == ["a red cat by", "the sea"]
    assert wrap("one\ntwo", font, width) == ["one", "two"]
    long = wrap("x" * 40, font, width)
    assert "".join(long) == "x" * 40
    assert len(long) > 1
    assert all(font.getlength(line) <= width for line in long)
    cut = wrap("word " * 200, font, width)
    assert len(cut) == LINES
    assert cut[-1].endswith("...")


def test_a_line_does_not_begin_with_a_full_stop() -> None:
    font = ImageFont.load_default(16)
    for length in range(1, 30):
        for line in wrap("猫" * length + "。" + "犬、" * 5, font, 120):
            assert not line.startswith(("。", "、"))


@pytest.mark.parametrize("captions", [[], ["a"], ["a", "b", "c"], ["a", 3]])
def test_captions_are_as_many_as_pictures(captions: list[str]) -> None:
    with pytest.raises(InputError, match="captions"):
        grid([picture(), picture()], captions=captions)


def test_without_captions_nothing_changes() -> None:
    assert grid([picture()]).tobytes() == picture().tobytes()
