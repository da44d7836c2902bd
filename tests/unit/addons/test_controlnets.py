"""ControlNets by name and by path, and how long they are kept."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest
import torch

from sdjp.addons import Addons
from sdjp.addons.controlnets import ControlNets
from sdjp.config import TINY
from sdjp.errors import InputError
from sdjp.weights import OnDemand
from sdjp.weights.known import sha256
from tests.controlnet_files import write_folder, write_original

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_original(tmp_path / "nets" / "control_v11p_sd15_canny.safetensors")
    for name in ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"):
        write_folder(tmp_path / "nets" / "depth", name=name)
    return tmp_path / "nets"


def test_names_and_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = ControlNets(folder)
    file, inside = folder / "control_v11p_sd15_canny.safetensors", folder / "depth"
    assert nets.path("control_v11p_sd15_canny") == nets.path("CONTROL_v11p_sd15_canny") == file
    assert nets.path("depth") == nets.path(inside) == inside / "diffusion_pytorch_model.safetensors"
    monkeypatch.chdir(folder)
    alone = ControlNets()
    assert alone.path(file.name) == Path(file.name)
    assert alone.path("./depth").parent == alone.path(Path("depth")).parent == Path("depth")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("control_v11p_sd15_cany", "controlnet.unknown", "Nearest: control_v11p_sd15_canny"),
        ("x.safetensors", "controlnet.missing", "x.safetensors"),
        (Path("nowhere"), "controlnet.missing", "nowhere"),
    ],
)
def test_what_is_not_there(folder: Path, name: str | Path, code: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        ControlNets(folder).path(name)
    assert caught.value.code == code
    assert said in caught.value.en


def test_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        ControlNets().path("canny")
    assert caught.value.code == "controlnet.unknown"
    assert "--controlnet-dir" in caught.value.ja
    with pytest.raises(InputError) as caught:
        ControlNets(tmp_path / "none")
    assert caught.value.code == "controlnet_dir.missing"
    with pytest.raises(InputError) as caught:
        ControlNets().path(tmp_path)
    assert caught.value.code == "controlnet.folder"


def test_two_files_of_one_name(folder: Path) -> None:
    write_original(folder / "more" / "Depth.pth")
    with pytest.raises(InputError) as caught:
        ControlNets(folder).path("depth ".strip().upper())
    assert caught.value.code == "controlnet.several"


def test_kept_until_the_file_changes(folder: Path) -> None:
    nets = ControlNets(folder)

    def load() -> object:
        loaded = nets.load(["depth"], TINY, dtype=torch.float32, device=CPU, on_demand=OnDemand())
        assert loaded[0].sha256 == sha256(nets.path("depth"))
        return loaded[0].network

    first = load()
    assert load() is first
    write_folder(folder / "depth", 1)
    os.utime(nets.path("depth"), (1, 1))
    assert load() is not first


def test_on_demand_there_are_no_weights_outside_a_run(folder: Path) -> None:
    demand = OnDemand()
    demand.add(
        "unet",
        torch.nn.Linear(1, 1, bias=False, device="meta"),
        lambda name: torch.zeros(1, 1),
        give_back=lambda name: None,
        dtype=lambda name: torch.float32,
        device=CPU,
    )
    nets = ControlNets(folder)
    [loaded] = nets.load(["depth"], TINY, dtype=torch.float32, device=CPU, on_demand=demand)
    weight = loaded.network.conv_in.weight
    assert weight.untyped_storage().nbytes() == 4
    with demand.loaded(loaded.source.part):
        assert weight.untyped_storage().nbytes() > 4
        assert weight.abs().sum() > 0
    assert weight.untyped_storage().nbytes() == 4


def test_a_copy_reads_the_files_anew(folder: Path) -> None:
    addons = Addons(controlnet_dir=folder)
    for other in (copy.deepcopy(addons), pickle.loads(pickle.dumps(addons))):
        assert other.controlnets.path("depth") == addons.controlnets.path("depth")
