"""Files of ControlNets: every form they are met in, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sdjp.config import MINI, TINY
from sdjp.errors import WeightsError
from sdjp.weights.names.controlnet import PREFIX
from sdjp.weights.parts.controlnet import ControlNetFile, open_controlnet
from tests import controlnet_files as files
from tests.controlnet_files import (
    SETTINGS,
    random_controlnet,
    tensors_of,
    write,
    write_folder,
    write_original,
)

CPU = torch.device("cpu")


def same(opened: ControlNetFile, seed: int = 0) -> None:
    loaded, expected = (
        network.state_dict()
        for network in (opened.load(dtype=torch.float32, device=CPU), random_controlnet(seed))
    )
    assert loaded.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(loaded[name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "prefix"), [("control_v11p_sd15_canny.pth", PREFIX), ("control_v11p_sd15_canny.safetensors", "")]
)
def test_the_original(tmp_path: Path, name: str, prefix: str) -> None:
    opened = open_controlnet(write_original(tmp_path / name, prefix=prefix), TINY)
    assert opened.unused == ()
    assert opened.config == files.small_config()
    same(opened)


def test_an_old_file_has_a_whole_model_beside_it(tmp_path: Path) -> None:
    tensors = {PREFIX + name: tensor for name, tensor in tensors_of(random_controlnet(), "ldm").items()}
    beside = {"model.diffusion_model.out.2.weight": torch.zeros(1), "betas": torch.zeros(2)}
    opened = open_controlnet(write(tmp_path / "control_sd15_canny.pth", {**beside, **tensors}), TINY)
    assert sorted(opened.unused) == sorted(beside)
    same(opened)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("diffusion_pytorch_model.bin", True), ("diffusion_pytorch_model.fp16.safetensors", False)],
    ids=["with config.json", "alone"],
)
def test_diffusers(tmp_path: Path, name: str, settings: bool) -> None:
    write_folder(tmp_path, name=name)
    if not settings:
        (tmp_path / "config.json").unlink()
    same(open_controlnet(tmp_path / name, TINY))


def test_heads_are_those_of_the_settings_or_of_the_model(tmp_path: Path) -> None:
    write_folder(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    (tmp_path / "config.json").write_text(json.dumps({**SETTINGS, "attention_head_dim": 2}), encoding="utf-8")
    assert open_controlnet(path, TINY).config.unet.num_heads == 2
    (tmp_path / "config.json").unlink()
    assert open_controlnet(path, TINY).config.unet.num_heads == TINY.unet.num_heads


def test_half_precision_becomes_what_is_asked_for(tmp_path: Path) -> None:
    tensors = {name: tensor.half() for name, tensor in tensors_of(random_controlnet(), "ldm").items()}
    opened = open_controlnet(write(tmp_path / "control_v11p_sd15_canny_fp16.safetensors", tensors), TINY)
    network = opened.load(dtype=torch.float32, device=CPU)
    assert network.conv_in.weight.dtype == torch.float32
    torch.testing.assert_close(
        network.conv_in.weight, random_controlnet().conv_in.weight, rtol=1e-3, atol=1e-4
    )


def changed(layout: str, **changes: Tensor | None) -> dict[str, Tensor]:
    tensors: dict[str, Tensor | None] = {**tensors_of(random_controlnet(), layout), **changes}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def refused(path: Path, code: str, *, model: object = TINY) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        open_controlnet(path, model)  # type: ignore[arg-type]
    assert caught.value.code == code
    for text in (caught.value.ja, caught.value.en):
        assert str(path) in text
    return caught.value


def test_all_that_is_wrong_is_in_one_message(tmp_path: Path) -> None:
    tensors = changed("ldm", **{
        "zero_convs.3.0.bias": None,
        "middle_block_out.0.weight": torch.zeros(3, 3, 1, 1),
        "surprise.weight": torch.zeros(1),
    })  # fmt: skip
    error = refused(write(tmp_path / "x.safetensors", tensors), "controlnet.tensors")
    for name in ("zero_convs.3.0.bias", "middle_block_out.0.weight", "surprise.weight"):
        assert name in error.ja
        assert name in error.en


ONE = torch.zeros(1)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"body.0.block1.weight": ONE, "conv_in.weight": ONE}, "T2I-Adapter"),
        ({"adapter.body.0.resnets.0.block1.weight": ONE}, "T2I-Adapter"),
        ({"lora_controlnet": ONE, "input_hint_block.0.weight": ONE}, "Control-LoRA"),
        ({"lllite_unet_x.down.0.weight": ONE}, "LLLite"),
        ({"task_embedding": ONE, "controlnet_cond_embedding.conv_in.weight": ONE}, "Union"),
        ({"controlnet_blocks.0.weight": ONE}, "FLUX"),
        ({"label_emb.0.0.weight": ONE, "input_hint_block.0.weight": ONE}, "Stable Diffusion XL"),
        ({"add_embedding.linear_1.weight": ONE}, "Stable Diffusion XL"),
        ({"difference": ONE, f"{PREFIX}zero_convs.0.0.weight": ONE}, "ControlNet"),
        ({"ip_adapter.1.to_k_ip.weight": ONE}, "IP-Adapter"),
        ({"lora_unet_x.lora_down.weight": ONE}, "LoRA"),
        ({"model.diffusion_model.out.2.weight": ONE}, "whole model"),
        ({"something.weight": ONE}, "no weights of a ControlNet"),
        ({f"{PREFIX}input_hint_block.0.weight": ONE}, "input_blocks.0.0.weight is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_kinds_are_told(tmp_path: Path, tensors: dict[str, Tensor], said: str) -> None:
    error = refused(write(tmp_path / "x.safetensors", tensors), "controlnet.other")
    assert said in error.en


@pytest.mark.parametrize(("width", "said"), [(1024, "Stable Diffusion 2"), (2048, "Stable Diffusion XL")])
@pytest.mark.parametrize("layout", ["ldm", "diffusers"])
def test_other_families_are_told_by_the_width_of_their_text(
    tmp_path: Path, layout: str, width: int, said: str
) -> None:
    model = dataclasses.replace(TINY, unet=dataclasses.replace(TINY.unet, context_dim=width))
    tensors = tensors_of(random_controlnet(model=model), layout, model)
    error = refused(write(tmp_path / "x.safetensors", tensors), "controlnet.other")
    assert said in error.en
    assert said in error.ja


def test_other_sizes_are_told(tmp_path: Path) -> None:
    error = refused(write_original(tmp_path / "x.safetensors"), "controlnet.model", model=MINI)
    assert "latents of 8 channels" in error.en
    assert "32×2, 64×2, 128×2, 128×2" in error.en
    assert "mini" in error.ja


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "ControlNetModel"),
        ({"global_pool_conditions": True}, "shuffle"),
        ({"controlnet_conditioning_channel_order": "bgr"}, "bgr"),
        ({"attention_head_dim": [5, 10, 20, 20]}, "attention_head_dim"),
        ([], "JSON"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, settings: object, said: str) -> None:
    write_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    error = refused(tmp_path / "diffusion_pytorch_model.safetensors", "controlnet.other")
    assert said in error.en


@pytest.mark.parametrize("kind", ["shuffle", "inpaint"])
def test_those_that_read_something_else_are_told_by_their_names(tmp_path: Path, kind: str) -> None:
    for path in (
        write_original(tmp_path / f"control_v11e_sd15_{kind}.pth"),
        write_folder(tmp_path / f"control_v11e_sd15_{kind}") / "diffusion_pytorch_model.safetensors",
    ):
        assert kind in refused(path, "controlnet.other").en
