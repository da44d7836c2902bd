from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdjp.errors import InputError, MissingDependencyError
from sdjp.postprocess import Watermark, detect, make_watermark, run
from sdjp.postprocess.marking import METHODS
from sdjp.postprocess.marking.payload import MAX_BYTES, payload_of
from sdjp.postprocess.watermark import percent, psnr
from sdjp.records import Report

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "golden" / "watermark.json").read_text(encoding="utf-8")
)
IMAGES = GOLDEN["images"]
PAYLOAD = GOLDEN["payload"].encode()


def formula(name: str) -> Image.Image:
    """A picture of the golden file, from the formula that stands there."""
    kind, _, size = name.rpartition("_")
    height, width = (int(n) for n in size.split("x"))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    formulas: dict[str, Callable[[], Any]] = {
        "gradient": lambda: [
            255 * x / (width - 1),
            255 * y / (height - 1),
            255 * (x + y) / (height + width - 2),
        ],
        "waves": lambda: [
            127.5 + 100 * np.sin(x / 11) * np.cos(y / 17),
            127.5 + 90 * np.sin((x + y) / 23),
            127.5 + 80 * np.cos(x / 7 - y / 13),
        ],
        "noise": lambda: np.moveaxis(
            128 + 45 * np.random.RandomState(7).standard_normal((height, width, 3)), 2, 0
        ),
        "flat_black": lambda: np.zeros((3, height, width)),
        "flat_white": lambda: np.full((3, height, width), 255.0),
    }
    values = formulas[kind]()
    return Image.fromarray(np.clip(np.floor(np.stack(values, -1) + 0.5), 0, 255).astype(np.uint8))


WHITE = Image.new("RGB", (256, 256), "white")


def sha256(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def mark(image: Image.Image, **options: Any) -> tuple[Image.Image, Report]:
    (marked,), (report,) = Watermark(**options)([image])
    return marked, report


def tried(report: Report) -> list[tuple[str, str]]:
    return [(attempt["method"], attempt["outcome"]) for attempt in report.data["tried"]]


def share(method: str, pixels: np.ndarray) -> float:
    bits = METHODS[method].frame(PAYLOAD)
    return float((METHODS[method].reader(pixels)(len(bits)) == bits).mean())


# The original's method, bit for bit.


@pytest.mark.parametrize("name", IMAGES)
def test_marks_are_those_of_the_reference(name: str) -> None:
    image, golden = formula(name), IMAGES[name]
    pixels, method = np.asarray(image), METHODS["dwtDct"]
    assert sha256(image) == golden["input_rgb_sha256"]
    marked = method.embed(pixels, method.frame(PAYLOAD))
    assert sha256(Image.fromarray(marked)) == golden["output_rgb_sha256"]
    assert sha256(image) == golden["input_rgb_sha256"]  # the picture given was not touched
    assert share("dwtDct", marked) == golden["decode"]["none"]["bit_accuracy"]
    assert share("dwtDct", pixels) == golden["decode"]["unmarked_original"]["bit_accuracy"]
    # The file rounds nothing; ours is rounded to 0.01 dB. Black on black has a ratio too.
    assert psnr(pixels, marked) == pytest.approx(golden["psnr_db"], abs=0.005)


@pytest.mark.parametrize("name", ["noise_512x512", "waves_520x516"])
def test_what_a_mark_survives_and_what_not(name: str) -> None:
    method = METHODS["dwtDct"]
    pixels = method.embed(np.asarray(formula(name)), method.frame(PAYLOAD))
    attacks = {
        "brightness_plus_10": np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8),
        "crop_offset_8_8": pixels[8:, 8:],
        "flip_lr": pixels[:, ::-1],
        "swapped_channels_decoded_as_rgb": pixels[..., ::-1],
    }
    for attack, changed in attacks.items():
        assert share("dwtDct", changed) == IMAGES[name]["decode"][attack]["bit_accuracy"], attack


# The default: the original's, unless it cannot be read back or would show.


def test_what_can_be_read_back_is_left_as_the_original_has_it() -> None:
    name = next(
        n
        for n, golden in IMAGES.items()
        if golden["decode"]["none"]["exact"] and golden["psnr_db"] > 38 and golden["max_abs_change"] < 60
    )
    marked, report = mark(formula(name))
    assert sha256(marked) == IMAGES[name]["output_rgb_sha256"]
    assert report.status == "done"
    assert report.data == {
        "text": "StableDiffusionV1",
        "method": "dwtDct",
        "bit_accuracy": 1.0,
        "exact": True,
        "psnr": pytest.approx(IMAGES[name]["psnr_db"], abs=0.005),
        "tried": [
            {
                "method": "dwtDct",
                "outcome": "readable",
                "bit_accuracy": 1.0,
                "psnr": report.data["psnr"],
            }
        ],
    }
    assert "読み戻せることを確かめました" in report.ja
    assert "dwtDct" in report.en


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (formula("waves_256x256"), [("dwtDct", "partly"), ("dwtDctSvd", "readable")]),
        (formula("gradient_256x256"), [("dwtDct", "unreadable"), ("dwtDctSvd", "readable")]),
        (WHITE, [("dwtDct", "unreadable"), ("dwtDctSvd", "unreadable"), ("spread", "readable")]),
    ],
    ids=["waves", "gradient", "white"],
)
def test_the_next_method_is_taken_and_named(image: Image.Image, expected: list[tuple[str, str]]) -> None:
    marked, report = mark(image)
    assert tried(report) == expected
    method = expected[-1][0]
    assert report.data["method"] == method
    assert report.data["exact"]
    assert method in report.ja
    assert "しか読み戻せない" in report.ja
    assert "of its bits can be read back" in report.en
    found = detect(marked)
    assert (found.found, found.exact, found.method, found.text) == (True, True, method, "StableDiffusionV1")


def stripes() -> Image.Image:
    """Blue and black columns: the package exchanges the wavelet's bands and turns them into rows."""
    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[:, ::2, 2] = 255
    return Image.fromarray(pixels)


def red() -> Image.Image:
    """Saturated red: OpenCV's YUV has no room for it, and the whole picture comes back darker."""
    return Image.new("RGB", (256, 256), "red")


@pytest.mark.parametrize("picture", [stripes, red, lambda: formula("noise_256x256")])
def test_a_mark_that_shows_is_not_taken(picture: Any) -> None:
    image = picture()
    raw = METHODS["dwtDct"].embed(np.asarray(image), METHODS["dwtDct"].frame(PAYLOAD))
    cost = psnr(np.asarray(image), raw)
    assert cost is not None
    assert cost < 25
    marked, report = mark(image)
    assert tried(report) == [("dwtDct", "visible"), ("dwtDctSvd", "visible"), ("spread", "readable")]
    assert "跡が目に見えてしまう" in report.ja
    assert "it would show" in report.en
    # Half a step on two patterns moves a pixel by 7; what clips is made good by its neighbours.
    assert np.abs(np.asarray(marked).astype(int) - np.asarray(image)).max() <= 14
    assert report.data["psnr"] >= 42
    assert detect(marked).exact


@pytest.mark.parametrize("method", METHODS)
def test_the_method_can_be_chosen(method: Any) -> None:
    marked, report = mark(Image.new("RGB", (256, 256), "gray"), method=method, text="花子の絵 2026")
    assert tried(report) == [(method, "readable")]
    found = detect(marked, "花子の絵 2026", method=method)
    assert (found.found, found.exact, found.text) == (True, True, "花子の絵 2026")


def test_a_chosen_method_gives_way_too() -> None:
    marked, report = mark(WHITE, method="dwtDctSvd")
    assert tried(report) == [("dwtDctSvd", "unreadable"), ("dwtDct", "unreadable"), ("spread", "readable")]
    assert detect(marked).method == "spread"


def test_a_chosen_spread_comes_first() -> None:
    _, report = mark(formula("waves_256x256"), method="spread")
    assert tried(report) == [("spread", "readable")]


# Sizes.


@pytest.mark.parametrize(
    ("size", "text"), [((56, 56), "StableDiffusionV1"), ((64, 64), "あ" * 9), ((128, 128), "x" * MAX_BYTES)]
)
def test_small_pictures_take_our_own_method(size: tuple[int, int], text: str) -> None:
    image = formula(f"waves_{size[1]}x{size[0]}")
    marked, report = mark(image, text=text)
    assert tried(report) == [("dwtDct", "small"), ("dwtDctSvd", "small"), ("spread", "readable")]
    assert detect(marked).text == text


@pytest.mark.parametrize(
    ("size", "text", "side"),
    [
        ((55, 55), "StableDiffusionV1", 56),
        ((8, 8), "StableDiffusionV1", 56),
        ((1, 9000), "a", 32),
        ((64, 64), "x" * 64, 96),
    ],
)
def test_pictures_too_small_for_any_are_reported_as_unmarked(
    size: tuple[int, int], text: str, side: int
) -> None:
    image = Image.new("RGB", size, "gray")
    marked, report = mark(image, text=text)
    assert marked.tobytes() == image.tobytes()
    assert report.status == "skipped"
    assert "bit_accuracy" not in report.data
    assert f"{size[0]}×{size[1]}" in report.ja
    assert f"{side}×{side}" in report.ja
    assert f"{side}×{side}" in report.en
    assert mark(Image.new("RGB", (side, side), "gray"), text=text)[1].status == "done"


# Modes.


def test_transparency_stays() -> None:
    image = formula("waves_256x256").convert("RGBA")
    image.putalpha(Image.linear_gradient("L"))
    before = image.tobytes()
    marked, report = mark(image)
    assert image.tobytes() == before
    assert marked.mode == "RGBA"
    assert marked.getchannel("A").tobytes() == Image.linear_gradient("L").tobytes()
    assert report.data["exact"]
    assert detect(marked).exact


def test_grey_stays_grey() -> None:
    image = formula("waves_256x256").convert("L")
    marked, report = mark(image)
    assert marked.mode == "L"
    assert tried(report) == [("spread", "readable")]
    assert detect(marked).exact
    both, _ = mark(image.convert("LA"))
    assert both.has_transparency_data
    assert detect(both).exact


@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "YCbCr"])
def test_other_modes_are_marked_as_colours(mode: str) -> None:
    marked, report = mark(formula("waves_256x256").convert(mode))
    assert report.status == "done"
    assert marked.mode == ("L" if mode == "1" else "RGB")
    assert detect(marked).exact


def test_channels_are_not_exchanged() -> None:
    image = Image.new("RGB", (256, 256), (200, 120, 40))
    for method in METHODS:
        marked, _ = mark(image, method=method)
        assert np.allclose(np.asarray(marked).mean((0, 1)), (200, 120, 40), atol=4), method


# Values of the switch.


def test_the_switch() -> None:
    assert make_watermark(True) == Watermark()
    assert make_watermark("花子") == Watermark(text="花子")
    own = Watermark(text="花子", method="spread")
    assert make_watermark(own) is own
    _, (report,) = make_watermark(False)([Image.new("RGB", (8, 8))])
    assert report.status == "off"
    assert "入っていません" in report.ja


@pytest.mark.parametrize("value", [None, 0, 1, b"text", ["text"], 1.5])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(InputError) as caught:
        make_watermark(value)  # type: ignore[arg-type]
    assert caught.value.code == "watermark.type"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "watermark.length"),
        ("x" * 65, "watermark.length"),
        ("あ" * 22, "watermark.length"),
        ("a\0b", "watermark.text"),
        ("\0", "watermark.text"),
        ("\ud800", "watermark.text"),
        (b"bytes", "watermark.type"),
    ],
)
def test_unusable_texts_are_refused_before_anything(text: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        Watermark(text=text)
    assert caught.value.code == code
    assert re.search("[ぁ-ん]", caught.value.ja)
    assert not re.search("[ぁ-ん]", caught.value.en)
    if isinstance(text, str):
        with pytest.raises(InputError):
            make_watermark(text)
        with pytest.raises(InputError):
            detect(Image.new("RGB", (64, 64)), text)


def test_longest_text() -> None:
    assert len(payload_of("x" * MAX_BYTES)) == MAX_BYTES
    assert len(payload_of("あ" * (MAX_BYTES // 3))) <= MAX_BYTES


def test_unknown_methods_are_refused() -> None:
    for call in (lambda: Watermark(method="dct"), lambda: detect(Image.new("RGB", (64, 64)), method="dct")):  # type: ignore[arg-type]
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "watermark.method"
        assert "spread" in caught.value.ja


def test_percent_is_rounded_down() -> None:
    assert [percent(share) for share in (1.0, 0.9999, 0.5, 0.0)] == ["100", "99.9", "50", "0"]


# Without OpenCV.


@pytest.fixture
def no_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("imwatermark", "cv2"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it now fails


@pytest.mark.usefixtures("no_opencv")
def test_without_opencv_our_own_method_is_used_and_said() -> None:
    marked, report = mark(formula("waves_256x256"))
    assert tried(report) == [("dwtDct", "missing"), ("dwtDctSvd", "missing"), ("spread", "readable")]
    for text in (report.ja, report.en):
        assert "pip install invisible-watermark" in text
        assert "libgl1" in text
    found = detect(marked)
    assert (found.found, found.unavailable) == (True, ("dwtDct", "dwtDctSvd"))
    assert detect(formula("waves_256x256")).unavailable == ("dwtDct", "dwtDctSvd")


@pytest.mark.usefixtures("no_opencv")
def test_a_method_that_was_asked_for_has_to_be_there() -> None:
    make_watermark(Watermark(method="spread"))
    make_watermark(False)
    with pytest.raises(MissingDependencyError) as caught:
        make_watermark(Watermark(method="dwtDct"))
    assert caught.value.code == "watermark.missing"
    assert "libgl1" in caught.value.ja
    assert "spread" in caught.value.ja
    with pytest.raises(MissingDependencyError):
        detect(Image.new("RGB", (256, 256)), method="dwtDctSvd")


def test_a_library_that_fails_while_embedding_costs_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    import imwatermark

    def fails(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(imwatermark.WatermarkEncoder, "encode", fails)
    image = formula("waves_256x256")
    (kept,), (reports,) = run([Watermark()], [image])
    assert kept.tobytes() == image.tobytes()
    assert reports[0].status == "failed"
    assert "out of memory" in reports[0].ja
