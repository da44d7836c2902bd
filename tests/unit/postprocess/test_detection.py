from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from sdjp.postprocess import Detection, detect
from sdjp.postprocess.detection import THRESHOLD, chance
from sdjp.postprocess.known_marks import KNOWN, Mark
from sdjp.postprocess.marking import METHODS

GREY = np.full((256, 256, 3), 128, np.uint8)


def bits(word: str) -> np.ndarray:
    return np.array([digit == "1" for digit in word])


def embedded(mark: Mark, method: str, pixels: np.ndarray = GREY) -> Image.Image:
    if mark.floats:
        pixels = pixels.astype(np.float32)
    marked = METHODS[method].embed(pixels, mark.bits(method))
    return Image.fromarray(np.round(marked).clip(0, 255).astype(np.uint8))


# The probability.


def test_chance_is_that_of_a_coin_where_zeros_and_ones_are_as_many() -> None:
    expected = bits("10" * 20)
    assert chance(expected, expected) == pytest.approx(1 / math.comb(40, 20))
    assert chance(~expected, expected) == 1
    one_wrong = expected.copy()
    one_wrong[:2] = [False, True]
    assert chance(one_wrong, expected) == pytest.approx((1 + 20 * 20) / math.comb(40, 20))


def test_reading_nothing_but_zeros_is_no_evidence() -> None:
    expected = bits("0" * 56 + "1" * 8)
    assert chance(bits("0" * 64), expected) == 1  # though 56 of 64 agree


def test_chance_is_never_below_that_of_a_coin() -> None:
    rng = np.random.RandomState(0)
    for _ in range(50):
        read, expected = rng.rand(2, 24) < 0.5
        right = int((read == expected).sum())
        coin = sum(math.comb(24, k) for k in range(right, 25)) / 2**24
        assert coin <= chance(read, expected) <= 1


# Which mark.


@pytest.mark.parametrize(("mark", "method"), [(m, method) for m in KNOWN for method in m.methods])
def test_known_marks_are_told_by_name(mark: Mark, method: str) -> None:
    found = detect(embedded(mark, method))
    assert (found.found, found.mark, found.method, found.exact) == (True, mark.name, method, True)
    assert found.text == (mark.content if mark.is_text else "")
    assert found.bit_accuracy == 1
    assert found.chance < THRESHOLD


def test_names_and_lengths_of_known_marks() -> None:
    assert {mark.name: len(mark.bits("dwtDct")) for mark in KNOWN} == {
        "StableDiffusionV1": 136,
        "SDV2": 32,
        "SDXL": 48,
        "FLUX.1": 48,
    }


def test_a_picture_without_a_mark() -> None:
    rng = np.random.RandomState(0)
    for pixels in (GREY, rng.randint(0, 256, (256, 256, 3)).astype(np.uint8)):
        found = detect(Image.fromarray(pixels))
        assert not found.found
        assert found.chance > 0.001
        # Four known marks by dwtDct, one by dwtDctSvd, one and 64 lengths by spread.
        assert (found.comparisons, found.change, found.unavailable) == (70, "none", ())


def test_another_text_is_not_the_one_asked_for() -> None:
    marked = embedded(KNOWN[0], "dwtDct")
    assert not detect(marked, "SomebodyElsesText").found
    near = detect(marked, "StableDiffusionV2")  # 2 of 136 bits away: the bits say so, and the text does
    assert (near.exact, near.text) == (False, "StableDiffusionV1")


def test_only_the_method_asked_for() -> None:
    marked = embedded(KNOWN[0], "dwtDct")
    assert detect(marked, method="dwtDct").found
    assert not detect(marked, method="spread").found


def test_a_text_of_our_own_method_is_read_without_knowing_it() -> None:
    text = Mark("x", "桜 №5", ("spread",), ja="", en="")
    found = detect(embedded(text, "spread"))
    assert (found.found, found.mark, found.text) == (True, "桜 №5", "桜 №5")
    assert found.chance == 2**-32 * 70


def test_a_single_letter_is_too_short_for_the_methods_of_the_original() -> None:
    letter = Mark("a", "a", tuple(METHODS), ja="", en="")
    assert not detect(embedded(letter, "dwtDct"), "a").found
    assert detect(embedded(letter, "spread"), "a").found


def test_looking_further_does_not_lose_what_is_plain() -> None:
    marked = embedded(Mark("x", "ab", ("spread",), ja="", en=""), "spread")
    plain, thorough = detect(marked), detect(marked, thorough=True)
    assert (thorough.found, thorough.text, thorough.change) == (True, "ab", "none")
    assert thorough.chance == 3 * plain.chance  # three kinds of change were possible


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (31, 31)])
def test_too_small_for_any(size: tuple[int, int]) -> None:
    found = detect(Image.new("RGB", size))
    assert found == Detection()
    assert (found.found, found.mark, found.chance, found.comparisons) == (False, None, 1.0, 0)


def test_any_mode_can_be_looked_at() -> None:
    for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"):
        assert not detect(Image.new(mode, (64, 64))).found, mode


def test_json() -> None:
    data = detect(embedded(KNOWN[2], "dwtDct")).to_json()
    assert json.loads(json.dumps(data, allow_nan=False))["mark"] == "SDXL"
    assert set(data) == {
        "found",
        "mark",
        "text",
        "method",
        "bit_accuracy",
        "exact",
        "chance",
        "comparisons",
        "change",
        "unavailable",
    }
