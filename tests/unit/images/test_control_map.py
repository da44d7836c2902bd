"""Preprocessors of ControlNet."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdjp.errors import MissingDependencyError
from sdjp.images.control_map import HIGH, LOW, PREPROCESSORS, canny, tile


def square() -> Image.Image:
    picture = Image.new("RGB", (64, 48), "black")
    ImageDraw.Draw(picture).rectangle((16, 12, 47, 35), fill="white")
    return picture


def test_canny_draws_the_outline_and_nothing_else() -> None:
    edges = np.asarray(canny(square()))
    assert edges.shape == (48, 64, 3)
    assert set(np.unique(edges)) == {0, 255}
    rows, columns = np.nonzero(edges[..., 0])
    assert ((rows >= 11) & (rows <= 36) & (columns >= 15) & (columns <= 48)).all()
    assert not edges[14:34, 18:46].any()
    assert edges[13:35, :, 0].any(axis=1).all()


def test_canny_follows_a_weak_edge_from_a_strong_one_only() -> None:
    """Hysteresis: a step fades along a line, and its weak part counts where it is joined to the strong."""

    def step(contrast: np.ndarray) -> np.ndarray:
        pixels = np.zeros((64, 32), np.uint8)
        pixels[:, 16:] = contrast[:, None]
        return np.asarray(canny(Image.fromarray(pixels).convert("RGB")))[..., 0]

    # The sum of a Sobel kernel over a step is four times its height.
    weak, strong = (LOW + HIGH) // 2 // 4, HIGH
    assert not step(np.full(64, weak, np.uint8)).any()
    fading = step(np.linspace(strong, weak, 64).astype(np.uint8))
    assert (fading[2:-2].any(axis=1)).all()


def test_tile_keeps_what_is_large_and_loses_what_is_small() -> None:
    flat = Image.new("RGB", (64, 64), (10, 100, 200))
    assert np.array_equal(np.asarray(tile(flat)), np.asarray(flat))
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    fine = tile(Image.fromarray(checks.astype(np.uint8)).convert("RGB"))
    assert np.asarray(fine).std() < 1
    assert abs(float(np.asarray(fine).mean()) - 127.5) < 1.5
    halves = np.zeros((64, 64), np.uint8)
    halves[:, 32:] = 255
    large = np.asarray(tile(Image.fromarray(halves).convert("RGB")))
    assert large[:, :16].max() < 16
    assert large[:, -16:].min() > 239


@pytest.mark.parametrize("name", PREPROCESSORS)
@pytest.mark.parametrize("size", [(64, 48), (13, 7), (1, 1)])
def test_the_size_stays(name: str, size: tuple[int, int]) -> None:
    out = PREPROCESSORS[name](Image.new("RGB", size, "gray"))
    assert out.size == size
    assert out.mode == "RGB"


@pytest.mark.parametrize("name", PREPROCESSORS)
def test_without_opencv(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)  # importing it now fails
    with pytest.raises(MissingDependencyError) as caught:
        PREPROCESSORS[name](square())
    assert "opencv-python" in caught.value.ja
