"""How pictures come to a size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdjp.images import enlarge, fit_picture, natural_size
from sdjp.options import Fit

# A ring in the middle: whether proportions are kept shows in its sides.
RING = Image.new("L", (200, 100))
ImageDraw.Draw(RING).rectangle((80, 30, 119, 69), fill=255)


def box(picture: Image.Image) -> tuple[int, int]:
    """Width and height of what is white."""
    found = picture.point(lambda v: 255 if v >= 128 else 0).getbbox()
    assert found is not None
    left, top, right, bottom = found
    return right - left, bottom - top


@pytest.mark.parametrize(("fit", "expected"), [("crop", (40, 40)), ("pad", (20, 20)), ("stretch", (20, 40))])
def test_each_way(fit: Fit, expected: tuple[int, int]) -> None:
    square = fit_picture(RING, height=100, width=100, fit=fit)
    assert square.size == (100, 100)
    assert box(square) == expected


def test_padding_is_grey_or_goes_on_as_the_edge_is() -> None:
    halves = Image.new("L", (2, 1))
    halves.putpixel((1, 0), 200)
    filled = np.asarray(fit_picture(halves, height=4, width=2, fit="pad", fill=99))
    assert (filled == 99).sum() == 6
    assert [0, 200] in filled.tolist()
    continued = np.asarray(fit_picture(halves, height=4, width=2, fit="pad"))
    assert (continued == continued[1]).all()


def test_a_picture_of_the_very_size_is_not_touched() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8))
    for fit in ("crop", "pad", "stretch"):
        fitted = fit_picture(noise, height=16, width=24, fit=fit)
        assert fitted.tobytes() == noise.tobytes()


@pytest.mark.parametrize(
    ("size", "given", "expected"),
    [
        ((512, 512), {}, (512, 512)),
        ((100, 100), {}, (512, 512)),  # a size that the model can draw
        ((4000, 3000), {}, (440, 592)),
        ((3000, 4000), {}, (592, 440)),
        ((1000, 500), {"height": 256}, (256, 512)),
        ((1000, 500), {"width": 256}, (128, 256)),
        ((1000, 500), {"width": 64, "height": 64}, (64, 64)),
        ((100_000, 1), {}, (8, 65536)),
        ((1, 100_000), {}, (65536, 8)),
    ],
)
def test_the_size_that_is_left_open(
    size: tuple[int, int], given: dict[str, int], expected: tuple[int, int]
) -> None:
    assert natural_size(size, area=512 * 512, factor=8, **given) == expected


def test_enlarging_ends_at_multiples_and_tells_what_to_keep() -> None:
    picture = Image.new("RGB", (33, 21), "red")
    larger, keep = enlarge(picture, 1.5, multiple=16)
    assert keep == (50, 32)
    assert larger.size == (64, 32)
    assert larger.getextrema() == ((255, 255), (0, 0), (0, 0))
