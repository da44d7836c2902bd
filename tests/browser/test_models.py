"""Models of a folder: told apart, chosen, and drawn with, while the server goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from tests.browser.page import Page
from tests.browser.pictures import finished, press, settings
from tests.original import TINY_V1, tiny_tensors
from tests.serving import Server


def test_another_model_draws_the_next_picture(
    serve: Callable[..., Server], browse: Callable[[str], Page], tmp_path: Path
) -> None:
    tensors = {name: tensor.half() for name, tensor in tiny_tensors(TINY_V1).items()}
    save_file(tensors, tmp_path / "別の.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no weights" * 100)
    page = browse(f"{serve('--models', str(tmp_path), '--lang', 'ja').url}/")
    page.open()
    page.module("state.js", "m.settings.set(a[0])", {"prompt": "猫", "num_inference_steps": 3, "seed": 1})
    press(page, "モデル", "#models")
    rows = {row.text.split("\n")[0]: row.text for row in page.all("dialog .model")}
    assert "Apache-2.0" in rows["mini（付属）"]
    assert "ライセンスはわかりません" in rows["別の"]
    assert "読めません" in rows["broken"]
    assert not page.all("dialog .model a")  # an address is told, not opened
    broken, other = (
        page.script(
            "return [...document.querySelectorAll('dialog .model')]"
            ".find((row) => row.textContent.includes(arguments[0])).querySelector('input')",
            name,
        )
        for name in ("broken", "別の")
    )
    assert not broken.is_enabled()
    other.click()
    press(page, "閉じる", "dialog.question")
    page.wait_for_text("#models", "別の")
    assert settings(page) == {"prompt": "猫", "seed": 1, "model": "別の"}  # the steps are its own
    page.module("state.js", "m.settings.set({num_inference_steps: 1})")
    page.find("#draw").click()
    job = finished(page, page.wait(lambda: (jobs := page.jobs()) and jobs[0]["id"]))
    assert job["model"] == "別の"
    page.open()
    page.wait_for_text("#models", "別の")
