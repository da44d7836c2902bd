"""What holds for any size and any mask."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdjp.images import enlarge, fit_picture, natural_size, paste_back, to_cells
from sdjp.options import Fit
from tests import strategies


@given(
    width=strategies.sides,
    height=strategies.sides,
    factor=st.sampled_from([8, 16]),
    side=st.sampled_from([256, 512]),
)
@settings(max_examples=200)
def test_the_size_left_open_suits_the_model(width: int, height: int, factor: int, side: int) -> None:
    h, w = natural_size((width, height), area=side * side, factor=factor)
    assert h % factor == w % factor == 0
    assert h > 0
    assert w > 0
    if 1 / 4 <= width / height <= 4:
        assert 0.8 < h * w / side**2 < 1.25
        assert abs(w / h - width / height) < 0.12 * width / height


@given(
    strategies.short_sides,
    strategies.short_sides,
    strategies.short_sides,
    strategies.short_sides,
    st.sampled_from(["crop", "pad", "stretch"]),
)
@settings(max_examples=60)
def test_any_size_comes_to_any_size(w: int, h: int, width: int, height: int, fit: Fit) -> None:
    plain = Image.new("RGB", (w, h), (3, 200, 90))
    fitted = fit_picture(plain, height=height, width=width, fit=fit)
    assert fitted.size == (width, height)
    assert fitted.getextrema() == ((3, 3), (200, 200), (90, 90))


@given(strategies.short_sides, strategies.short_sides, st.floats(1, 8), st.sampled_from([8, 16]))
@settings(max_examples=60)
def test_what_is_kept_fits_into_what_is_enlarged(w: int, h: int, factor: float, multiple: int) -> None:
    larger, keep = enlarge(Image.new("RGB", (w, h)), factor, multiple=multiple)
    assert keep == (round(w * factor), round(h * factor))
    for whole, part in zip(larger.size, keep, strict=True):
        assert whole % multiple == 0
        assert 0 <= whole - part < multiple


@given(strategies.numpy_seeds, st.floats(0, 0.3), st.integers(0, 12))
@settings(max_examples=60)
def test_pixels_far_from_the_mask_are_never_touched(seed: int, share: float, feather: int) -> None:
    random = np.random.default_rng(seed)
    white = random.random((40, 48)) < share
    mask = Image.fromarray(white.astype(np.uint8) * 255)
    original = Image.fromarray(random.integers(0, 100, (40, 48, 3), dtype=np.uint8))
    drawn = Image.new("RGB", (48, 40), (255, 255, 255))
    pasted = np.asarray(paste_back(drawn, original, mask, feather=feather))
    assert (pasted[white] == 255).all()
    rows, columns = np.nonzero(white)
    for y, x in random.integers(0, 40, (30, 2)):
        if not ((abs(rows - y) <= feather) & (abs(columns - x) <= feather)).any():
            assert (pasted[y, x] == np.asarray(original)[y, x]).all()
    cells = to_cells(mask, factor=8)[0, 0].numpy()
    assert (cells == white.reshape(5, 8, 6, 8).any(axis=(1, 3))).all()
