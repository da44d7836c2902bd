"""Pictures from outside: every mode, every way in which a file can be wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdjp.errors import InputError
from sdjp.images import open_picture, to_rgb

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
