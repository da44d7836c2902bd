"""What every registered marking method keeps to."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from sdjp.options import WatermarkMethod
from sdjp.postprocess.marking import METHODS, Method, to_bits, to_bytes

DOCS = Path(__file__).parents[2] / "docs"
SIZES = [(256, 256), (264, 520), (261, 300)]  # (H, W)

each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def picture(height: int, width: int) -> np.ndarray:
    """Soft waves of brightness, grey: any method can read itself back here."""
    y, x = np.mgrid[:height, :width]
    return np.repeat((128 + 40 * np.sin(x / 31) * np.cos(y / 23))[..., None], 3, -1).astype(np.uint8)


@each_method
def test_its_name(method: Method) -> None:
    assert METHODS[method.name] is method
    assert method.name in get_args(WatermarkMethod)
    assert tuple(METHODS) == get_args(WatermarkMethod)


@each_method
@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read_and_nothing_given_is_modified(method: Method, size: tuple[int, int]) -> None:
    pixels = picture(*size)
    bits = method.frame(b"StableDiffusionV1")
    kept = pixels.copy(), bits.copy()
    marked = method.embed(pixels, bits)
    assert (marked.shape, marked.dtype) == (pixels.shape, np.dtype(np.uint8))
    before = marked.copy()
    assert (method.reader(marked)(len(bits)) == bits).all()
    assert (marked == before).all()
    assert (pixels == kept[0]).all()
    assert (bits == kept[1]).all()
    assert (marked != pixels).any()


@each_method
def test_the_same_bits_give_the_same_pixels(method: Method) -> None:
    pixels, bits = picture(256, 256), method.frame(b"a")
    assert (method.embed(pixels, bits) == method.embed(pixels, bits)).all()


@each_method
def test_a_frame_begins_with_the_payload(method: Method) -> None:
    payload = "花子".encode()
    assert to_bytes(method.frame(payload)).startswith(payload)


@each_method
def test_capacity_grows_with_the_picture_and_is_nothing_for_a_dot(method: Method) -> None:
    assert method.capacity((1, 1)) == 0
    capacities = [method.capacity((side, side)) for side in (8, 64, 256, 1024)]
    assert capacities == sorted(capacities)
    assert capacities[2] >= 8 * 68  # the longest text and a CRC-32


@each_method
def test_luma_alone_keeps_grey_grey(method: Method) -> None:
    if method.luma:
        marked = method.embed(picture(256, 256), method.frame(b"a"))
        assert (marked == marked[..., :1]).all()


@each_method
@pytest.mark.parametrize("language", ["ja", "en"])
def test_it_is_described(method: Method, language: str) -> None:
    text = (DOCS / language / "watermark.md").read_text(encoding="utf-8")
    assert f"`{method.name}`" in text


def test_bits_and_bytes() -> None:
    assert to_bits(b"\x80\x01").tolist() == [True] + [False] * 14 + [True]
    assert to_bytes(to_bits(b"abc")) == b"abc"
