from __future__ import annotations

from dataclasses import dataclass

import pytest
from PIL import Image, ImageOps

from sdjp.errors import InputError, TranslationError
from sdjp.postprocess import make_postprocessors, run
from sdjp.records import Report


@dataclass(frozen=True)
class Mirror:
    name: str = "mirror"

    def __call__(self, images: list[Image.Image], /) -> tuple[list[Image.Image], list[Report]]:
        return (
            [ImageOps.mirror(image) for image in images],
            [
                Report(name=self.name, status="done", ja="反転", en="mirrored", data={"width": i.width})
                for i in images
            ],
        )


@dataclass(frozen=True)
class Turn:
    name: str = "turn"

    def __call__(self, images: list[Image.Image], /) -> tuple[list[Image.Image], list[Report]]:
        return (
            [image.rotate(90, expand=True) for image in images],
            [Report(name=self.name, status="done", ja="回転", en="turned") for _ in images],
        )


@dataclass(frozen=True)
class Broken:
    error: Exception
    name: str = "safety"

    def __call__(self, images: list[Image.Image], /) -> tuple[list[Image.Image], list[Report]]:
        images.clear()  # the list is its own: the caller's must not suffer
        raise self.error


@dataclass(frozen=True)
class Greedy:
    name: str = "greedy"

    def __call__(self, images: list[Image.Image], /) -> tuple[list[Image.Image], list[Report]]:
        return images[:1], []


def pictures() -> list[Image.Image]:
    first, second = Image.new("RGB", (6, 4)), Image.new("RGB", (8, 4))
    first.putpixel((0, 0), (255, 0, 0))
    second.putpixel((1, 1), (0, 255, 0))
    return [first, second]


def test_in_order_with_a_report_each() -> None:
    images = pictures()
    before = [image.tobytes() for image in images]
    result, reports = run([Mirror(), Turn()], images)
    for image, made in zip(images, result, strict=True):
        assert made.tobytes() == ImageOps.mirror(image).rotate(90, expand=True).tobytes()
        assert made.tobytes() != ImageOps.mirror(image.rotate(90, expand=True)).tobytes()
    assert [[r.name for r in of_image] for of_image in reports] == [["mirror", "turn"]] * 2
    assert [of_image[0].data["width"] for of_image in reports] == [6, 8]
    assert [image.tobytes() for image in images] == before


def test_none_at_all() -> None:
    images = pictures()
    assert run([], images) == (images, [(), ()])
    assert run([Mirror()], []) == ([], [])


@pytest.mark.parametrize(
    ("error", "ja", "en"),
    [
        (RuntimeError("out of memory"), "out of memory", "out of memory"),
        (KeyError(), "KeyError", "KeyError"),
        (TranslationError("x", ja="訳せません", en="cannot translate"), "訳せません", "cannot translate"),
    ],
)
def test_an_error_loses_no_picture_and_is_told(error: Exception, ja: str, en: str) -> None:
    images = pictures()
    result, reports = run([Mirror(), Broken(error), Turn()], images)
    expected, _ = run([Mirror(), Turn()], images)
    assert [i.tobytes() for i in result] == [i.tobytes() for i in expected]
    for of_image in reports:
        assert [r.status for r in of_image] == ["done", "failed", "done"]
        failed = of_image[1]
        assert failed.name == "safety"
        assert ja in failed.ja
        assert "確認も変更もされていません" in failed.ja
        assert en in failed.en
        assert "neither checked nor changed" in failed.en
        assert failed.data == {"error": type(error).__name__}


def test_a_processor_that_drops_pictures_is_not_believed() -> None:
    images = pictures()
    result, reports = run([Greedy()], images)
    assert result == images
    assert [r.status for (r,) in reports] == ["failed", "failed"]
    assert "1 pictures and 0 reports for 2 pictures" in reports[0][0].en


def test_ctrl_c_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        run([Broken(KeyboardInterrupt())], pictures())  # type: ignore[arg-type]


def test_switches_by_name() -> None:
    assert [p.name for p in make_postprocessors()] == ["safety", "watermark"]
    off = run(make_postprocessors(safety="off", watermark=False), pictures())[1]
    assert [r.status for r in off[0]] == ["off", "off"]
    with pytest.raises(InputError):
        make_postprocessors(safety="maybe")
    with pytest.raises(TypeError, match="sepia"):
        make_postprocessors(sepia=True)
