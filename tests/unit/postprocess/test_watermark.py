from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from sdjp.errors import InputError, MissingDependencyError
from sdjp.postprocess import Watermark, detect, make_watermark, run
from sdjp.postprocess.watermark import MAX_BYTES, fits

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "golden" / "watermark.json").read_text(encoding="utf-8")
)
IMAGES = GOLDEN["images"]


def formula(name: str) -> Image.Image:
    """A picture of the golden file, from the formula that stands there."""
    kind, _, size = name.rpartition("_")
    height, width = (int(n) for n in size.split("x"))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    values = {
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
    }[kind]()
    return Image.fromarray(np.clip(np.floor(np.stack(values, -1) + 0.5), 0, 255).astype(np.uint8))


def sha256(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def mark(image: Image.Image, text: str = GOLDEN["payload"], **options: Any) -> tuple[Image.Image, Any]:
    (marked,), (report,) = Watermark(text=text, **options)([image])
    return marked, report


@pytest.mark.parametrize("name", IMAGES)
def test_marks_are_those_of_the_reference(name: str) -> None:
    image, golden = formula(name), IMAGES[name]
    assert sha256(image) == golden["input_rgb_sha256"]
    marked, report = mark(image)
    assert sha256(marked) == golden["output_rgb_sha256"]
    assert sha256(image) == golden["input_rgb_sha256"]  # the picture given was not touched
    assert report.data["bit_accuracy"] == golden["decode"]["none"]["bit_accuracy"]
    assert report.data["exact"] == golden["decode"]["none"]["exact"]
    assert detect(image).bit_accuracy == golden["decode"]["unmarked_original"]["bit_accuracy"]
    assert not detect(image).found


@pytest.mark.parametrize("name", ["noise_512x512", "waves_520x516"])
def test_what_a_mark_survives_and_what_not(name: str) -> None:
    marked, _ = mark(formula(name))
    pixels = np.asarray(marked)
    attacks = {
        "brightness_plus_10": Image.fromarray(np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8)),
        "crop_offset_8_8": marked.crop((8, 8, *marked.size)),
        "flip_lr": ImageOps.mirror(marked),
        "swapped_channels_decoded_as_rgb": Image.fromarray(np.ascontiguousarray(pixels[..., ::-1])),
    }
    for attack, image in attacks.items():
        assert detect(image).bit_accuracy == IMAGES[name]["decode"][attack]["bit_accuracy"], attack
    assert detect(attacks["brightness_plus_10"]).found
    assert not detect(attacks["crop_offset_8_8"]).found
    assert not detect(attacks["flip_lr"]).found


def test_a_mark_lives_through_png_and_dies_in_small_jpeg() -> None:
    marked, _ = mark(formula("noise_512x512"))
    png, jpeg = io.BytesIO(), io.BytesIO()
    marked.save(png, format="PNG")
    marked.save(jpeg, format="JPEG", quality=50)
    assert detect(Image.open(png)).exact
    assert not detect(Image.open(jpeg)).found


def test_the_report_says_how_well_it_can_be_read() -> None:
    _, exact = mark(formula("noise_512x512"))
    assert exact.status == "done"
    assert exact.data == {
        "text": "StableDiffusionV1",
        "method": "dwtDct",
        "bit_accuracy": 1.0,
        "exact": True,
    }
    assert "読み戻せることを確かめました" in exact.ja
    _, nearly = mark(formula("waves_258x1032"))
    assert nearly.status == "done"
    assert nearly.data["bit_accuracy"] == 135 / 136
    assert "99.2%" in nearly.ja
    assert "99.2%" in nearly.en


def test_what_was_read_is_told_even_where_it_is_not_exact() -> None:
    marked, _ = mark(formula("waves_512x512"))
    found = detect(marked)
    assert (found.exact, found.found) == (False, True)
    assert found.text != "StableDiffusionV1"
    assert sum(a == b for a, b in zip(found.text, "StableDiffusionV1", strict=False)) >= 15
    assert not detect(marked, "SomebodyElsesText").found


@pytest.mark.parametrize("method", ["dwtDct", "dwtDctSvd"])
@pytest.mark.parametrize("text", ["花子の絵 2026", "©", "a", "x" * MAX_BYTES])
def test_any_text_comes_back(text: str, method: Any) -> None:
    marked, report = mark(Image.new("RGB", (256, 256)), text, method=method)
    assert report.data["exact"]
    found = detect(marked, text, method=method)
    assert (found.text, found.bit_accuracy, found.exact) == (text, 1.0, True)
    # Of 8 or 16 bits chance hits all more often than once in a million.
    assert found.found == (len(text.encode()) > 2)


def test_the_other_method_reads_where_the_first_does_not() -> None:
    for name in ("gradient_256x256", "waves_256x256"):
        assert not mark(formula(name))[1].data["exact"]
        assert mark(formula(name), method="dwtDctSvd")[1].data["exact"]


@pytest.mark.parametrize("size", [(255, 256), (64, 64), (1, 65536), (7, 10_000)])
def test_small_pictures_are_reported_as_unmarked(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "gray")
    marked, report = mark(image)
    assert marked.tobytes() == image.tobytes()
    assert report.status == "skipped"
    assert "bit_accuracy" not in report.data
    assert f"{size[0]}×{size[1]}" in report.ja
    with pytest.raises(InputError) as caught:
        detect(image)
    assert caught.value.code == "watermark.small"


@given(width=st.integers(1, 600), height=st.integers(1, 600), length=st.integers(1, MAX_BYTES))
@settings(max_examples=10, deadline=None)  # one run is anything from nothing to a second
def test_every_size_is_either_marked_or_reported(width: int, height: int, length: int) -> None:
    image = Image.new("RGB", (width, height), "gray")
    _, (reports,) = run([Watermark(text="x" * length)], [image])
    assert reports[0].status == ("done" if fits(image.size, length) else "skipped")


@pytest.mark.parametrize("text", ["", "x" * 65, "あ" * 22])
def test_texts_that_do_not_fit_are_refused(text: str) -> None:
    for call in (
        make_watermark,
        lambda t: Watermark(text=t),
        lambda t: detect(Image.new("RGB", (256, 256)), t),
    ):
        with pytest.raises(InputError) as caught:
            call(text)
        assert caught.value.code == "watermark.length"
        assert f"{len(text.encode())} バイト" in caught.value.ja


def test_switch() -> None:
    assert make_watermark(True) == Watermark(text="StableDiffusionV1", method="dwtDct")
    assert make_watermark("花子") == Watermark(text="花子")
    for bad in (None, 1, 0, b"x"):
        with pytest.raises(InputError) as caught:
            make_watermark(bad)  # type: ignore[arg-type]
        assert caught.value.code == "watermark.type"
    with pytest.raises(InputError) as caught:
        Watermark(method="rivaGan")  # type: ignore[arg-type]
    assert caught.value.code == "watermark.method"
    assert "dwtDctSvd" in caught.value.ja


def test_a_missing_library_is_told_when_the_pipeline_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imwatermark", None)  # importing it now fails
    with pytest.raises(MissingDependencyError) as caught:
        make_watermark(True)
    assert "pip install invisible-watermark" in caught.value.ja
    assert "libgl1" in caught.value.en
    assert "watermark=False" in caught.value.en
    make_watermark(False)


def test_a_library_that_fails_later_costs_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = make_watermark(True)
    monkeypatch.setitem(sys.modules, "imwatermark", None)
    image = formula("waves_256x256")
    (kept,), (reports,) = run([processor], [image])
    assert kept.tobytes() == image.tobytes()
    assert reports[0].status == "failed"
    assert "invisible-watermark" in reports[0].ja
