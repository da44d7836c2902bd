from __future__ import annotations

import subprocess
import sys

import pytest
from PIL import Image

from sdjp.errors import InputError
from sdjp.postprocess import make_safety, run


@pytest.mark.parametrize("mode", ["flag", "blur", "black"])
def test_without_a_checker_every_picture_says_so(mode: str) -> None:
    images = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    kept, reports = run([make_safety(mode)], images)  # type: ignore[arg-type]
    assert [i.tobytes() for i in kept] == [i.tobytes() for i in images]
    for (report,) in reports:
        assert (report.name, report.status) == ("safety", "unavailable")
        assert report.data == {"checked": False, "mode": mode}
        assert "確認されていません" in report.ja
        assert "not checked" in report.en


def test_off_says_so_too() -> None:
    _, ((report,),) = run([make_safety("off")], [Image.new("RGB", (8, 8))])
    assert (report.name, report.status, report.data) == ("safety", "off", {"checked": False})


def test_off_loads_nothing() -> None:
    code = (
        "import sys; from sdjp.postprocess import make_postprocessors;"
        "make_postprocessors(safety='off', watermark=False);"
        "heavy = {'torch', 'transformers', 'cv2', 'imwatermark'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("mode", ["on", "", None, True])
def test_other_modes_are_refused(mode: object) -> None:
    with pytest.raises(InputError) as caught:
        make_safety(mode)  # type: ignore[arg-type]
    assert caught.value.code == "safety.unknown"
    assert "'blur'" in caught.value.ja
