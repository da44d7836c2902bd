"""Heat over a picture: where it is greatest, how much of the picture stays, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdjp.errors import InputError
from sdjp.images.heat import COLORS, heated

GREY = Image.new("RGB", (48, 32), (128, 128, 128))


def spot(row: int, column: int) -> np.ndarray:
    values = np.full((4, 6), 0.01, dtype=np.float32)
    values[row, column] = 0.05
    return values


def test_it_is_brightest_where_the_value_is_greatest() -> None:
    pixels = np.asarray(heated(GREY, spot(1, 4), alpha=0.6)).astype(int).sum(axis=-1)
    assert pixels.shape == (32, 48)
    row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    assert (row // 8, column // 8) == (1, 4)


def test_alpha_goes_from_the_picture_to_the_colours() -> None:
    assert heated(GREY, spot(0, 0), alpha=0).tobytes() == GREY.tobytes()
    alone = np.asarray(heated(GREY, spot(2, 3), alpha=1))
    assert alone[0, 0].tolist() == list(COLORS[0])
    assert alone[20, 28].astype(int).sum() > sum(COLORS[3])


def test_colours_grow_lighter_one_by_one() -> None:
    lightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in COLORS]
    assert lightness == sorted(lightness)


def test_values_that_are_all_equal_are_the_least() -> None:
    even = heated(GREY, np.full((4, 6), 0.3, dtype=np.float32), alpha=1)
    assert np.asarray(even).reshape(-1, 3).tolist() == [list(COLORS[0])] * (48 * 32)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_an_alpha_out_of_range_is_refused(alpha: Any) -> None:
    with pytest.raises(InputError) as caught:
        heated(GREY, spot(0, 0), alpha=alpha)
    assert caught.value.code == "alpha.range"
