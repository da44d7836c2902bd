from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.choices import SafetyMode
from sdjp.errors import InputError
from sdjp.models.safety_checker import SafetyChecker
from sdjp.postprocess import SafetyCheck, make_postprocessors, make_safety, run, with_checker
from sdjp.weights.parts.safety_checker import load_checker
from tests.safety_files import CONFIG, golden_tensors, save_checker, with_thresholds

NAMES = [{"ja": f"概念{i}番", "en": f"number {i}"} for i in range(17)]


def loaded(folder: Path, **arguments: object) -> SafetyChecker:
    checker = load_checker(save_checker(folder, **arguments), model="mini")  # type: ignore[arg-type]
    assert checker is not None
    return checker


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> SafetyChecker:
    """Flags every picture, for every concept."""
    return loaded(tmp_path_factory.mktemp("strict"), tensors=with_thresholds(-2.0))


@pytest.fixture(scope="module")
def mild(tmp_path_factory: pytest.TempPathFactory) -> SafetyChecker:
    """Flags none."""
    return loaded(tmp_path_factory.mktemp("mild"), tensors=with_thresholds(2.0))


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        for shape in ((64, 64, 3), (48, 80, 3), (8, 8, 3))
    ]


def unlike(folder: Path, name: str, value: float) -> SafetyChecker:
    """The golden checker with one tensor full of ``value``."""
    tensors = golden_tensors()
    return loaded(folder, tensors={**tensors, name: torch.full_like(tensors[name].float(), value)})


class Raises(SafetyChecker):
    """A checker that fails, as one does that runs out of memory."""

    error: Exception = RuntimeError("out of memory")

    def __call__(self, *args: object, **kwargs: object) -> Any:
        raise self.error


def unable(why: str, folder: Path) -> SafetyChecker | None:
    """A checker that cannot judge."""
    if why == "none":
        return None
    if why == "raises":
        checker = loaded(folder)
        checker.__class__ = Raises
        return checker
    name, value = {
        "NaN weights": ("visual_projection.weight", math.nan),
        "infinite weights": ("visual_projection.weight", math.inf),
        "NaN thresholds": ("concept_embeds_weights", math.nan),
        "NaN special thresholds": ("special_care_embeds_weights", math.nan),
    }[why]
    return unlike(folder, name, value)


UNABLE = ("none", "raises", "NaN weights", "infinite weights", "NaN thresholds", "NaN special thresholds")


@pytest.mark.parametrize("mode", ["flag", "blur", "black"])
@pytest.mark.parametrize("why", UNABLE)
def test_what_cannot_be_checked_is_not_shown(tmp_path: Path, why: str, mode: SafetyMode) -> None:
    given = pictures()
    images, reports = run([SafetyCheck(mode=mode, checker=unable(why, tmp_path))], given)
    for before, after, (report,) in zip(given, images, reports, strict=True):
        assert (report.name, report.status) == ("safety", "unavailable" if why == "none" else "failed")
        assert report.data["checked"] is False
        assert "flagged" not in report.data
        assert report.data["action"] == ("none" if mode == "flag" else mode)
        assert "確認されていません" in report.ja
        assert "not checked" in report.en
        assert (after.size, after.mode) == (before.size, "RGB")
        if mode == "flag":
            assert after.tobytes() == before.tobytes()
        elif mode == "black":
            assert after.getextrema() == ((0, 0),) * 3
            assert "塗りつぶしました" in report.ja
        else:
            assert np.asarray(after).std() < 0.4 * np.asarray(before).std()
            assert "blurred" in report.en


def test_one_that_cannot_be_checked_does_not_stop_the_others(tmp_path: Path) -> None:
    class Moody(SafetyChecker):
        calls = 0

        def __call__(self, *args: object, **kwargs: object) -> Any:
            self.calls += 1
            if self.calls == 2:
                raise ValueError
            return super().__call__(*args, **kwargs)

    checker = loaded(tmp_path, tensors=with_thresholds(2.0))
    checker.__class__ = Moody
    images, reports = SafetyCheck(mode="black", checker=checker)(pictures())
    assert [r.status for r in reports] == ["done", "failed", "done"]
    assert [i.getbbox() is None for i in images] == [False, True, False]
    assert reports[1].data["error"] == "ValueError"


def test_flag_only_says_so(strict: SafetyChecker) -> None:
    images, reports = SafetyCheck(checker=strict)(pictures())
    assert [i.tobytes() for i in images] == [i.tobytes() for i in pictures()]
    for report in reports:
        assert report.status == "done"
        assert report.data["checked"] is report.data["flagged"] is True
        assert report.data["action"] == "none"
        assert len(report.data["scores"]) == len(report.data["concepts"]) == 17
        assert len(report.data["special"]) == 3
        assert "概念 16" in report.ja  # the original gives its concepts no names
        assert "そのまま" in report.ja


def test_blur_hides_detail_and_keeps_size_and_mode(strict: SafetyChecker) -> None:
    given = pictures()
    images, reports = SafetyCheck(mode="blur", checker=strict)(given)
    for before, after, report in zip(given, images, reports, strict=True):
        assert (after.size, after.mode) == (before.size, "RGB")
        assert np.asarray(after).std() < 0.4 * np.asarray(before).std()  # of noise, little is left
        assert report.data["action"] == "blur"
        assert "safety='flag'" in report.ja
    assert [i.tobytes() for i in given] == [i.tobytes() for i in pictures()]


def test_black_hides_all(strict: SafetyChecker) -> None:
    images, reports = SafetyCheck(mode="black", checker=strict)(pictures())
    assert [i.size for i in images] == [i.size for i in pictures()]
    assert all(i.getextrema() == ((0, 0),) * 3 for i in images)
    assert all("blackened" in r.en for r in reports)


@pytest.mark.parametrize("mode", ["flag", "blur", "black"])
def test_what_is_not_flagged_stays(mild: SafetyChecker, mode: str) -> None:
    images, reports = SafetyCheck(mode=mode, checker=mild)(pictures())  # type: ignore[arg-type]
    assert [i.tobytes() for i in images] == [i.tobytes() for i in pictures()]
    for report in reports:
        assert report.data["checked"] is True
        assert report.data["flagged"] is False
        assert report.data["concepts"] == []
        assert "問題を見つけませんでした" in report.ja


def test_a_picture_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    check = SafetyCheck(checker=loaded(tmp_path))
    together = check(pictures())[1]
    assert [check([image])[1][0] for image in pictures()] == together


def test_names_of_concepts_are_told(tmp_path: Path) -> None:
    config = {**CONFIG, "concepts": NAMES}
    check = SafetyCheck(checker=loaded(tmp_path, tensors=with_thresholds(-2.0), config=config))
    _, (report,) = check(pictures()[:1])
    assert report.data["concepts"][4]["ja"] == "概念4番"
    assert "概念4番" in report.ja
    assert "number 4" in report.en


def test_the_adjustment_moves_every_score(tmp_path: Path) -> None:
    checker = loaded(tmp_path, tensors=with_thresholds(0.9))  # no special concept fires
    plain, stricter = (SafetyCheck(checker=checker, adjustment=a).look(pictures()[0]) for a in (0.0, 0.25))
    moved = np.array(stricter.scores) - np.array(plain.scores)
    np.testing.assert_allclose(moved, 0.25, atol=0.0011)  # both are rounded to thousandths


def test_the_checker_goes_into_its_place(mild: SafetyChecker) -> None:
    made = make_postprocessors(safety="blur", watermark=False)
    first, second = with_checker(made, mild)
    assert isinstance(first, SafetyCheck)
    assert (first.mode, first.checker) == ("blur", mild)
    assert second == made[1]


def test_off_says_so_too(strict: SafetyChecker) -> None:
    for check in (make_safety("off"), SafetyCheck(mode="off", checker=strict)):
        _, ((report,),) = run([check], [Image.new("RGB", (8, 8))])
        assert (report.name, report.status, report.data) == ("safety", "off", {"checked": False})


def test_off_loads_nothing() -> None:
    code = (
        "import sys; from sdjp.postprocess import make_postprocessors;"
        "make_postprocessors(safety='off', watermark=False);"
        "heavy = {'torch', 'transformers', 'cv2', 'imwatermark'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("mode", ["on", "", None, True, ["flag"]])
def test_other_modes_are_refused(mode: object) -> None:
    with pytest.raises(InputError) as caught:
        make_safety(mode)  # type: ignore[arg-type]
    assert caught.value.code == "safety.unknown"
    assert "'blur'" in caught.value.ja


@pytest.mark.parametrize("value", [1.5, -2, math.nan, "0.1", None, True])
def test_other_adjustments_are_refused(value: object) -> None:
    with pytest.raises(InputError) as caught:
        SafetyCheck(adjustment=value)  # type: ignore[arg-type]
    assert caught.value.code == "safety.adjustment"
    assert "厳しく" in caught.value.ja


def test_it_is_frozen(mild: SafetyChecker) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SafetyCheck(checker=mild).mode = "off"  # type: ignore[misc]
