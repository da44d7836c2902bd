"""What every registered post-processor keeps to."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdjp.errors import InputError
from sdjp.postprocess import POSTPROCESSORS, PostProcessor, Switch

DOCS = Path(__file__).parents[2] / "docs"

each_switch = pytest.mark.parametrize(("name", "switch"), POSTPROCESSORS.items(), ids=POSTPROCESSORS)


def pictures() -> list[Image.Image]:
    """Ordinary, tall, tiny, flat."""
    rng = np.random.default_rng(0)
    shapes = [(256, 256, 3), (512, 136, 3), (8, 8, 3)]
    made = [Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]
    return [*made, Image.new("RGB", (256, 256), "white")]


def made(switch: Switch) -> list[PostProcessor]:
    return [switch.make(switch.default), switch.make(switch.off)]


@each_switch
def test_one_picture_and_one_report_for_each_and_nothing_is_modified(name: str, switch: Switch) -> None:
    for processor in made(switch):
        given = pictures()
        before = [image.tobytes() for image in given]
        results, reports = processor(list(given))
        assert len(results) == len(reports) == len(given)
        assert [image.tobytes() for image in given] == before
        assert [image.size for image in results] == [image.size for image in given]
        assert {image.mode for image in results} == {"RGB"}
        for report in reports:
            assert report.name == name
            assert report.status in ("done", "skipped", "unavailable", "off")
            assert re.search("[ぁ-ん]", report.ja)
            assert not re.search("[ぁ-ん]", report.en)
            json.dumps(report.to_json(), allow_nan=False)


@each_switch
def test_no_pictures_no_reports(name: str, switch: Switch) -> None:
    for processor in made(switch):
        assert processor([]) == ([], [])


@each_switch
def test_a_picture_does_not_depend_on_its_batch(name: str, switch: Switch) -> None:
    processor = switch.make(switch.default)
    together, reports = processor(pictures())
    for image, wanted, report in zip(pictures(), together, reports, strict=True):
        (alone,), (own,) = processor([image])
        assert alone.tobytes() == wanted.tobytes()
        assert own == report


@each_switch
def test_off_changes_nothing_and_says_so(name: str, switch: Switch) -> None:
    results, reports = switch.make(switch.off)(pictures())
    assert [i.tobytes() for i in results] == [i.tobytes() for i in pictures()]
    assert {report.status for report in reports} == {"off"}


@each_switch
def test_the_name_and_the_protocol(name: str, switch: Switch) -> None:
    for processor in made(switch):
        assert isinstance(processor, PostProcessor)
        assert processor.name == name
        assert dataclasses.is_dataclass(processor)  # frozen: one pipeline serves many threads
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(processor, dataclasses.fields(processor)[0].name, None)


@each_switch
def test_another_value_is_refused_in_two_languages(name: str, switch: Switch) -> None:
    with pytest.raises(InputError) as caught:
        switch.make(object())
    assert caught.value.code.startswith(f"{name}.")
    assert re.search("[ぁ-ん]", caught.value.ja)


@each_switch
@pytest.mark.parametrize("language", ["ja", "en"])
def test_it_is_described(name: str, switch: Switch, language: str) -> None:
    text = (DOCS / language / "postprocess.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text
