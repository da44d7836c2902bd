"""Any text that is allowed comes back from any picture that takes it; chance never passes for a mark."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from sdjp.postprocess import Watermark, detect
from sdjp.postprocess.detection import chance
from sdjp.postprocess.known_marks import KNOWN
from sdjp.postprocess.marking import METHODS
from sdjp.postprocess.marking.payload import MAX_BYTES
from sdjp.postprocess.marking.spread import Spread
from tests import strategies

SPREAD = Spread()


def draw_pixels(rng: np.random.RandomState, height: int, width: int) -> np.ndarray:
    """Blobs and noise over a colour; sometimes nothing but the colour, sometimes black and white."""
    pixels = np.full((height, width, 3), rng.randint(0, 256, 3), np.float64)
    for _ in range(rng.randint(0, 6)):
        top, left = rng.randint(0, height), rng.randint(0, width)
        pixels[top : top + rng.randint(1, height + 1), left : left + rng.randint(1, width + 1)] = rng.randint(
            0, 256, 3
        )
    pixels += rng.choice([0, 0, 3, 30, 300]) * rng.standard_normal(pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@given(
    text=strategies.marks,
    height=st.integers(48, 160),
    width=st.integers(48, 160),
    seed=strategies.numpy_seeds,
)
@settings(max_examples=40)
def test_any_text_comes_back_or_is_said_to_have_no_room(
    text: str, height: int, width: int, seed: int
) -> None:
    image = Image.fromarray(draw_pixels(np.random.RandomState(seed), height, width))
    (marked,), (report,) = Watermark(text=text)([image])
    if report.status == "skipped":
        assert len(SPREAD.frame(text.encode())) > SPREAD.capacity(image.size)
        assert marked.tobytes() == image.tobytes()
        return
    assert report.data["exact"]
    assert report.data["psnr"] >= 38
    found = detect(marked)
    assert (found.found, found.exact, found.text) == (True, True, text)


@given(payload=st.binary(min_size=1, max_size=MAX_BYTES), seed=strategies.numpy_seeds)
@settings(max_examples=30)
def test_any_bytes_come_back_to_the_last_bit(payload: bytes, seed: int) -> None:
    pixels = draw_pixels(np.random.RandomState(seed), 128, 128)
    bits = SPREAD.frame(payload)
    marked = SPREAD.embed(pixels, bits)
    assert (SPREAD.reader(marked)(len(bits)) == bits).all()
    assert SPREAD.unframe(SPREAD.reader(marked)(len(bits))) == payload


@given(count=st.integers(1, 1024), seed=strategies.numpy_seeds)
@settings(max_examples=30)
def test_any_number_of_bits_up_to_the_capacity(count: int, seed: int) -> None:
    rng = np.random.RandomState(seed)
    bits = rng.rand(count) < 0.5
    assume(count <= SPREAD.capacity((128, 128)))
    marked = SPREAD.embed(draw_pixels(rng, 128, 128), bits)
    assert (SPREAD.reader(marked)(count) == bits).all()


def test_chance_alone_agrees_at_most_as_often_as_is_said() -> None:
    """In pictures without a mark, a probability below p comes up in at most a share p of all looks.

    Four standard deviations are allowed: independent looks exceed them about once in 10,000 runs. The run
    is the same each time.
    """
    rng = np.random.RandomState(11)
    texts = ["StableDiffusionV1", "@@@@@@@@", "UUUU", "花子の絵 2026", "abcdefgh"]
    for name, method in METHODS.items():
        looks = []
        for _ in range(40 if name == "spread" else 12):
            read = method.reader(draw_pixels(rng, 256, 256))
            expected = [method.frame(text.encode()) for text in texts]
            if name == "dwtDct":
                expected += [mark.bits(name) for mark in KNOWN]
            looks += [chance(read(len(bits)), bits) for bits in expected]
        for p in (0.05, 0.2):
            allowed = p * len(looks) + 4 * np.sqrt(len(looks) * p * (1 - p))
            assert sum(look < p for look in looks) <= allowed, (name, p)
        assert min(looks) > 1e-6


@given(seed=strategies.numpy_seeds)
@settings(max_examples=12)
def test_no_mark_is_found_where_there_is_none(seed: int) -> None:
    rng = np.random.RandomState(seed)
    image = Image.fromarray(draw_pixels(rng, rng.randint(8, 300), rng.randint(8, 300)))
    found = detect(image)
    assert not found.found
