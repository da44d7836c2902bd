"""Pictures from outside: every mode, every way in which a file can be wrong."""

from __future__ import annotations

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from sdjp.errors import InputError
from sdjp.images import open_picture, read_metadata, to_rgb

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


@pytest.mark.parametrize(
    ("picture", "tolerance"),
    [
        (Image.fromarray(RAMP), 0),
        (Image.fromarray(np.dstack([RAMP] * 3)), 0),
        (Image.fromarray(np.dstack([RAMP, np.full_like(RAMP, 255)]), mode=None).convert("LA"), 0),
        (Image.fromarray(RAMP).convert("P"), 0),
        (Image.fromarray(np.dstack([RAMP] * 3)).convert("RGBA"), 0),
        (Image.fromarray(np.dstack([RAMP] * 3)).convert("CMYK"), 1),
        (Image.fromarray(np.dstack([RAMP] * 3)).convert("YCbCr"), 1),
        (Image.fromarray(np.dstack([RAMP] * 3)).convert("HSV"), 0),
        (Image.fromarray(RAMP.astype(np.uint16) * 257), 0),
        (Image.fromarray(RAMP.astype(np.int32) * 257), 0),
        (Image.fromarray(RAMP.astype(np.float32) / 255), 0),
        (Image.fromarray(RAMP.astype(np.float32)), 0),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_every_mode_shows_the_same_ramp(picture: Image.Image, tolerance: int) -> None:
    rgb = to_rgb(picture)
    assert rgb.mode == "RGB"
    # Conversions between colour spaces round.
    assert np.abs(grey(rgb).astype(int) - RAMP).max() <= tolerance


def test_one_bit() -> None:
    assert grey(to_rgb(Image.fromarray(RAMP > 100))).tolist() == np.where(RAMP > 100, 255, 0).tolist()


def test_transparency_shows_the_background() -> None:
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert to_rgb(clear).getpixel((0, 0)) == (255, 255, 255)
    assert to_rgb(clear, background="black").getpixel((0, 0)) == (0, 0, 0)
    palette = Image.new("P", (2, 2), 3)
    palette.info["transparency"] = 3
    assert to_rgb(palette).getpixel((0, 0)) == (255, 255, 255)
    half = to_rgb(Image.new("LA", (1, 1), (0, 128))).getpixel((0, 0))
    assert half == (127, 127, 127)


def test_exif_turns_it_upright_and_the_original_stays(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg").size == (10, 20)
    assert open_picture(str(tmp_path / "turned.jpg")).size == (10, 20)
    with Image.open(tmp_path / "turned.jpg") as opened:
        assert open_picture(opened).size == (10, 20)
        assert opened.size == (20, 10)


def broken(folder: Path) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(
        buffer, "PNG"
    )
    whole = buffer.getvalue()
    (folder / "切れた.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("これは絵ではありません", encoding="utf-8")
    (folder / "empty.png").write_bytes(b"")
    return {
        "missing": folder / "ない.png",
        "a folder": folder,
        "cut off": folder / "切れた.png",
        "a text": folder / "text.png",
        "nothing in it": folder / "empty.png",
        "NUL in the name": "a\0b.png",
        "no name": "",
        "bytes": b"x.png",
        "a number": 3,
        "an array": RAMP,
        "no pixels": Image.new("RGB", (0, 5)),
    }


def test_what_is_no_picture_is_refused_with_its_name(tmp_path: Path) -> None:
    for what, given in broken(tmp_path).items():
        with pytest.raises(InputError) as caught:
            open_picture(given, name="mask")
        assert caught.value.code.startswith("mask."), what
        assert any("\u3040" <= c <= "\u30ff" for c in caught.value.ja), what


def test_floats_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        to_rgb(Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32)))
    assert caught.value.code == "image.nan"


# Broken EXIF, large chunks, and what is no file.


def exif_block(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0100], exif[0x010F], exif[0x011A] = 3, "Make", 72.0
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9000] = b"0230"
    return exif.tobytes()


def saved(path: Path, exif: bytes, size: tuple[int, int] = (32, 48)) -> Path:
    Image.new("RGB", size, (200, 100, 0)).save(path, exif=exif)
    return path


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow tells what it makes of damaged blocks
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_fuzzed_exif_opens(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(20)
    block = exif_block(6)
    turned = 0
    for _ in range(200):
        damaged = bytearray(block)
        for at in rng.integers(6, len(block), rng.integers(1, 6)):
            damaged[at] = rng.integers(256)
        picture = open_picture(saved(tmp_path / f"x.{ending}", bytes(damaged)))
        assert picture.size in ((32, 48), (48, 32))
        turned += picture.size == (48, 32)
        assert open_picture(picture).size == picture.size  # it is not turned twice
    assert turned > 80


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("value", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xf0"])
def test_an_entry_that_points_nowhere_does_not_hide_the_orientation(tmp_path: Path, value: bytes) -> None:
    block = bytearray(exif_block(6))
    at = block.index(b"\x01\x0f\x00\x02")  # Make, a text that stands elsewhere
    block[at + 8 : at + 12] = value
    assert open_picture(saved(tmp_path / "x.jpg", bytes(block))).size == (48, 32)


@pytest.mark.parametrize("orientation", range(10))
def test_each_orientation_is_that_of_pillow(tmp_path: Path, orientation: int) -> None:
    rng = np.random.default_rng(orientation)
    picture = Image.fromarray(rng.integers(0, 256, (6, 4, 3), dtype=np.uint8))
    picture.save(tmp_path / "x.png", exif=exif_block(orientation))
    with Image.open(tmp_path / "x.png") as file:
        wanted = ImageOps.exif_transpose(file)
    found = open_picture(tmp_path / "x.png")
    assert (found.size, found.tobytes()) == (wanted.size, wanted.tobytes())


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PACKED = zlib.compress(bytes(3 << 20))
EXTRAS = {
    "a large profile": chunk(b"iCCP", b"a\0\0" + PACKED),
    "an empty profile": chunk(b"iCCP", b"a"),
    "a profile of another method": chunk(b"iCCP", b"a\0\x07" + PACKED),
    "a large packed text": chunk(b"zTXt", b"a\0\0" + PACKED),
    "a large international text": chunk(b"iTXt", b"a\0\x01\0\0\0" + PACKED),
    "nothing of sRGB": chunk(b"sRGB", b""),
    "too little of the density": chunk(b"pHYs", b"abc"),
    "too little of the gamma": chunk(b"gAMA", b"a"),
    "too little of the colours": chunk(b"cHRM", b"abc"),
    "too little of an animation": chunk(b"acTL", b"abc"),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_png_with_additions_that_pillow_refuses(tmp_path: Path, name: str) -> None:
    buffer = io.BytesIO()
    picture = Image.fromarray(np.dstack([RAMP] * 3))
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a cat")
    info.add_itxt("sdjp", '{"prompt": "猫"}')
    picture.save(buffer, "PNG", pnginfo=info, exif=exif_block(6))
    whole = buffer.getvalue()
    end_of_header = 8 + 25
    path = tmp_path / "x.png"
    path.write_bytes(whole[:end_of_header] + EXTRAS[name] + whole[end_of_header:])
    assert open_picture(path).tobytes() == picture.transpose(Image.Transpose.ROTATE_270).tobytes()
    found = read_metadata(path)
    assert (found.parameters, found.sdjp) == ("a cat", {"prompt": "猫"})


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_fuzzed_files_open_or_are_refused(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(7)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(buffer, kind)
    whole = buffer.getvalue()
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 200), rng.integers(1, 5)):
            damaged[at] = rng.integers(256)
        (tmp_path / "x").write_bytes(bytes(damaged))
        for read in (open_picture, read_metadata):
            with suppress(InputError):  # and nothing else
                read(tmp_path / "x")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "jpeg"])
def test_broken_tags_of_a_tiff_open_or_are_refused(tmp_path: Path, compression: str | None) -> None:
    rng = np.random.default_rng(11)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(
        buffer, "TIFF", **({} if compression is None else {"compression": compression})
    )
    whole = buffer.getvalue()
    (tags,) = struct.unpack_from("<I", whole, 4)
    end = tags + 2 + 12 * struct.unpack_from("<H", whole, tags)[0]
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(tags, end, rng.integers(1, 5)):
            damaged[at] = (0, 1, 255, int(rng.integers(256)))[rng.integers(4)]
        (tmp_path / "x.tif").write_bytes(bytes(damaged))
        with suppress(InputError):  # and nothing else
            to_rgb(open_picture(tmp_path / "x.tif"))
        with suppress(InputError):
            read_metadata(tmp_path / "x.tif")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
@pytest.mark.parametrize("kind", ["fifo", "device", "loop", "dangling"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.png"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to("x.png" if kind == "loop" else "gone.png")
    for read in (open_picture, read_metadata):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code.endswith(".unreadable")
        assert str(path) in caught.value.ja
        assert str(path) in caught.value.en
