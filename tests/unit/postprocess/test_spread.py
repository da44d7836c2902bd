from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdjp.postprocess import detect
from sdjp.postprocess.marking.spread import STEP, Spread, carriers_of, layout_of
from sdjp.postprocess.watermark import psnr

SPREAD = Spread()
TEXT = "花子の絵 2026"


def landscape(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise with the spectrum of photographs (1/f), under a smooth sky."""
    rng = np.random.RandomState(seed)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    amplitude = 1 / np.maximum(np.hypot(y, x), 1 / max(height, width))
    ground = np.fft.ifft2(np.fft.fft2(rng.standard_normal((3, height, width))) * amplitude).real
    ground = 120 + 45 * np.moveaxis(ground / ground.std(), 0, -1)
    ground[: height // 4] = np.linspace(170, 235, height // 4)[:, None, None] * (0.8, 0.9, 1.0)
    pixels: np.ndarray = np.clip(ground, 0, 255).astype(np.uint8)
    return pixels


def saved(pixels: np.ndarray, **options: Any) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, **options)
    return Image.open(file).convert("RGB")


@pytest.fixture(scope="module")
def marked() -> np.ndarray:
    return SPREAD.embed(landscape(256, 320), SPREAD.frame(TEXT.encode()))


def test_png_keeps_every_bit_and_nothing_is_seen(marked: np.ndarray) -> None:
    found = detect(saved(marked, format="PNG"))
    assert (found.text, found.exact, found.method, found.change) == (TEXT, True, "spread", "none")
    # STEP² / 12 / 64 is the mean square of a shift that is evenly spread over a step: 48 dB.
    assert psnr(landscape(256, 320), marked) == pytest.approx(48.0, abs=0.5)


@pytest.mark.parametrize(("quality", "subsampling"), [(95, 0), (95, 2), (80, 0), (80, 2), (70, 2)])
def test_jpeg(marked: np.ndarray, quality: int, subsampling: int) -> None:
    found = detect(saved(marked, format="JPEG", quality=quality, subsampling=subsampling))
    assert (found.text, found.exact) == (TEXT, True)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
def test_resized_and_back(marked: np.ndarray, factor: float) -> None:
    image = Image.fromarray(marked)
    there = image.resize((round(320 * factor), round(256 * factor)), Image.Resampling.BICUBIC)
    back = there.resize(image.size, Image.Resampling.BICUBIC)
    assert detect(back, TEXT).found


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
def test_resized(marked: np.ndarray, factor: float) -> None:
    image = Image.fromarray(marked)
    there = image.resize((round(320 * factor), round(256 * factor)), Image.Resampling.BICUBIC)
    assert not detect(there, TEXT, method="spread").found
    found = detect(there, TEXT, method="spread", thorough=True)
    assert (found.found, found.change) == (True, "resized")


@pytest.mark.parametrize("box", [(8, 16, 200, 200), (13, 21, 163, 181)])
def test_cropped(marked: np.ndarray, box: tuple[int, int, int, int]) -> None:
    piece = Image.fromarray(marked).crop(box)
    assert not detect(piece, TEXT, method="spread").found
    found = detect(piece, TEXT, method="spread", thorough=True)
    assert (found.found, found.change, found.text) == (True, "cropped", TEXT)
    assert found.comparisons == 64 * 256


def test_what_it_does_not_survive(marked: np.ndarray) -> None:
    image = Image.fromarray(marked[:160, :160])
    assert detect(image, TEXT).found
    tiny = image.resize((40, 40)).resize(image.size)
    for changed in (image.rotate(3), tiny):
        assert not detect(changed, TEXT, method="spread").found
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert not detect(mirrored, TEXT, method="spread", thorough=True).found


@pytest.mark.parametrize("colour", ["white", "black", "red", "blue", "yellow", "gray", (255, 254, 0)])
def test_flat_pictures_take_it_and_nothing_wraps_around(colour: Any) -> None:
    pixels = np.array(Image.new("RGB", (128, 128), colour))
    marked = SPREAD.embed(pixels, SPREAD.frame(TEXT.encode()))
    assert detect(Image.fromarray(marked)).text == TEXT
    assert np.abs(marked.astype(int) - pixels).max() <= 8
    cost = psnr(pixels, marked)
    assert cost is not None
    assert cost > 45  # half of the change is clipped away and made good by the rest: 3 dB below the 48
    found = detect(saved(marked, format="JPEG", quality=80))
    assert found.text == TEXT


def test_extremes_can_be_read_back() -> None:
    rng = np.random.RandomState(1)
    for extremes in (rng.randint(0, 2, (128, 128, 3)) * 255, rng.randint(0, 2, (128, 128, 1)) * 255):
        pixels = np.broadcast_to(extremes, (128, 128, 3)).astype(np.uint8)
        marked = SPREAD.embed(pixels, SPREAD.frame(b"x" * 64))
        assert detect(Image.fromarray(marked)).text == "x" * 64


def test_only_brightness_changes() -> None:
    pixels = landscape(64, 64) // 2 + 60  # far from black and white
    change = SPREAD.embed(pixels, SPREAD.frame(b"abc")).astype(int) - pixels
    assert (change == change[..., :1]).all()


def test_an_edge_that_is_no_whole_block_is_left_alone() -> None:
    pixels = landscape(131, 135)
    marked = SPREAD.embed(pixels, SPREAD.frame(TEXT.encode()))
    assert (marked[128:] == pixels[128:]).all()
    assert (marked[:, 128:] == pixels[:, 128:]).all()
    assert detect(Image.fromarray(marked)).text == TEXT


def test_capacity() -> None:
    assert SPREAD.capacity((64, 64)) == 256
    assert SPREAD.capacity((128, 128)) == SPREAD.capacity((2048, 1024)) == 1024
    assert SPREAD.capacity((7, 2000)) == 0


def test_a_frame_proves_itself() -> None:
    bits = SPREAD.frame(TEXT.encode())
    assert SPREAD.unframe(bits) == TEXT.encode()
    bits[3] ^= True
    assert SPREAD.unframe(bits) is None


def test_the_layout_never_changes() -> None:
    """Marks of earlier versions have to stay readable."""
    layout, carriers = layout_of(16, 16, 4), carriers_of(4)
    order = hashlib.sha256(layout.place.astype("<i8").tobytes() + layout.sign.astype("<i8").tobytes())
    assert order.hexdigest()[:16] == "ea9103974047a96e"
    directions = hashlib.sha256(np.round(carriers.directions * 1e6).astype("<i8").tobytes())
    assert directions.hexdigest()[:16] == "6cc32d66bbdb3ab8"
    assert carriers_of(1).step == STEP == 28


def test_directions_of_one_block_do_not_meddle() -> None:
    directions = carriers_of(4).directions
    products = np.einsum("rckf,rclf->rckl", directions, directions)
    assert np.allclose(products, np.eye(4), atol=1e-12)  # float64
