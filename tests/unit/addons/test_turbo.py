"""LoRAs for few steps, known by their names: of the file, or in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sdjp.addons.turbo import choose
from sdjp.errors import InputError
from sdjp.options import PRESETS
from tests import addon_files as files

PUBLISHED = {
    "lcm-lora-sdv1-5": ("lcm", None),
    "LCM_LoRA_Weights_SD15": ("lcm", None),
    "Hyper-SD15-1step-lora": ("hyper_1step", 1),
    "Hyper-SD15-2steps-lora": ("hyper", 2),
    "Hyper-SD15-4steps-lora": ("hyper", 4),
    "Hyper-SD15-8steps-lora": ("hyper", 8),
    "Hyper-SD15-8steps-CFG-lora": ("hyper_cfg", 8),
    "Hyper-SD15-12steps-CFG-lora": ("hyper_cfg", 12),
    "hyper_sd_v15": ("hyper", None),
    "TCD-SD15-LoRA": ("tcd", None),
    "tcd 8 steps": ("tcd", 8),
    "着物LCM": ("lcm", None),
}


def write(folder: Path, name: str, metadata: dict[str, str] | None = None) -> Path:
    return files.write_lora(folder / f"{name}.safetensors", {"a": torch.zeros(1)}, metadata)


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_as_they_are_published(name: str, tmp_path: Path) -> None:
    turbo = choose({"着物": write(tmp_path, "着物"), name: write(tmp_path, name)})
    assert turbo == (name, *PUBLISHED[name])
    assert turbo.preset in PRESETS


def test_a_file_may_tell_its_name_itself(tmp_path: Path) -> None:
    for key in ("ss_output_name", "modelspec.title"):
        path = write(tmp_path, "速い", {key: "Hyper-SD15-4steps-lora"})
        assert choose({"速い": path}) == ("速い", "hyper", 4)
    pickle = files.write_lora(tmp_path / "lcm.pt", {"a": torch.zeros(1)})
    assert choose({"lcm": pickle}).preset == "lcm"


@pytest.mark.parametrize("name", ["着物", "hyperrealism", "hyperdetailed_v2", "calcm", "lcmix", "tcdx"])
def test_other_names_tell_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        choose({name: write(tmp_path, name)})
    assert caught.value.code == "turbo.none"
    assert name in caught.value.ja
    assert "--preset lcm" in caught.value.ja
    assert "--preset lcm" in caught.value.en


def test_no_lora_at_all() -> None:
    with pytest.raises(InputError, match="--lora lcm-lora-sdv1-5") as caught:
        choose({})
    assert "指定されていない" in caught.value.ja


def test_different_ones_are_refused_and_the_same_are_not(tmp_path: Path) -> None:
    lcm, tcd, other = (write(tmp_path, name) for name in ("a-lcm", "tcd", "b-lcm"))
    with pytest.raises(InputError) as caught:
        choose({"a-lcm": lcm, "tcd": tcd})
    assert caught.value.code == "turbo.several"
    assert "a-lcm → lcm, tcd → tcd" in caught.value.ja
    assert choose({"a-lcm": lcm, "b-lcm": other}).preset == "lcm"
