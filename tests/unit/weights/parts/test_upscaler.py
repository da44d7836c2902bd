"""Files of upscalers: every layout gives the pictures of the published networks, and others are told."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from sdjp.errors import InputError, WeightsError
from sdjp.models.upscaler import Compact, RRDBNet
from sdjp.weights.parts.upscaler import EMBEDDED, load_upscaler
from tests.golden.make_upscalers import BLOCKS, CASES, FEATURES, GROWTH, LAYERS, picture, weights

GOLDEN = np.load(Path(__file__).parents[3] / "golden" / "upscalers.npz")
SCALES = {case: int(case.rpartition("x")[2]) for case in CASES}


def save(path: Path, tensors: Mapping[str, Tensor]) -> str:
    save_file(dict(tensors), path)
    return str(path)


def refused(path: str) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_upscaler(path)
    assert any("\u3040" <= c <= "\u30ff" for c in caught.value.ja)
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_pictures_are_those_of_the_published_networks(tmp_path: Path, case: str) -> None:
    loaded = load_upscaler(save(tmp_path / "net.safetensors", weights(case)))
    assert loaded.network.scale == SCALES[case]
    with torch.inference_mode():
        ours = loaded.network(picture())[0].numpy()
    # Sums of some hundred products, in float32 and in another order.
    np.testing.assert_allclose(ours, GOLDEN[case], atol=2e-6, rtol=1e-5)


def test_sizes_are_those_of_the_file(tmp_path: Path) -> None:
    compact = load_upscaler(save(tmp_path / "a.safetensors", weights("compact_x2"))).network
    dense = load_upscaler(save(tmp_path / "b.safetensors", weights("basicsr_x2"))).network
    same = Compact(features=FEATURES, layers=LAYERS, scale=2)
    assert {k: v.shape for k, v in compact.state_dict().items()} == {
        k: v.shape for k, v in same.state_dict().items()
    }
    assert isinstance(dense, RRDBNet)
    assert (len(dense.body), dense.conv_first.out_channels, dense.shuffle) == (BLOCKS, FEATURES, 2)
    assert dense.state_dict()["body.0.rdb1.conv1.weight"].shape[0] == GROWTH
    assert not any(p.requires_grad for p in dense.parameters())
    assert not dense.training


@pytest.mark.parametrize("case", ["compact_x4", "esrgan_x4", "basicsr_x2"])
def test_averages_are_taken_where_a_pickle_has_both(tmp_path: Path, case: str) -> None:
    tensors = weights(case)
    others = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    files: dict[str, Any] = {
        "flat.pth": tensors,
        "params.pth": {"params": tensors},
        "ema.pth": {"params": others, "params_ema": tensors},
        "double.pth": {"params_ema": {name: tensor.double() for name, tensor in tensors.items()}},
    }
    for name, content in files.items():
        torch.save(content, tmp_path / name)
        loaded = load_upscaler(str(tmp_path / name))
        assert loaded.name == name
        assert {tensor.dtype for tensor in loaded.network.state_dict().values()} == {torch.float32}
        with torch.inference_mode():
            ours = loaded.network(picture())[0].numpy()
        np.testing.assert_allclose(ours, GOLDEN[case], atol=2e-6, rtol=1e-5)
        assert loaded.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_sides_that_do_not_divide_are_filled_up_and_cut_off(tmp_path: Path) -> None:
    network = load_upscaler(save(tmp_path / "net.safetensors", weights("basicsr_x1"))).network
    x = picture()[..., :11, :5]
    filled = torch.nn.functional.pad(x, (0, 3, 0, 1), mode="replicate")
    with torch.inference_mode():
        assert torch.equal(network(x), network(filled)[..., :11, :5])


def test_the_one_that_ships() -> None:
    loaded = load_upscaler("animevideo")
    assert (loaded.name, loaded.network.scale, loaded.network.reach) == ("animevideo", 4, 18)
    card = EMBEDDED["animevideo"].with_name("README.md").read_text(encoding="utf-8")
    assert loaded.sha256 in card
    stored = load_file(EMBEDDED["animevideo"])
    assert {name.rpartition(".")[2] for name in stored} == {"weight", "bias"}
    assert len(stored) == 18 * 2 + 17


FOREIGN = {
    "SwinIR": "layers.0.residual_group.blocks.0.attn.relative_position_bias_table",
    "Swin2SR": "layers.0.residual_group.blocks.0.attn.logit_scale",
    "HAT": "layers.0.residual_group.blocks.0.conv_block.cab.0.weight",
    "DAT": "layers.0.blocks.0.attn.attns.0.pos.pos_proj.weight",
    "ESRGAN+": "model.1.sub.0.RDB1.conv1x1.weight",
    "OmniSR": "residual_layer.0.residual_layer.0.layer.0.fn.0.weight",
    "SPAN": "block_1.c1_r.eval_conv.weight",
    "Real-CUGAN": "unet1.conv1.conv.0.weight",
    "PLKSR": "feats.1.lk.conv.weight",
    "Stable Diffusion": "model.diffusion_model.input_blocks.0.0.weight",
    "LoRA": "lora_unet_mid_block.lora_down.weight",
}


@pytest.mark.parametrize(("kind", "name"), FOREIGN.items())
def test_other_kinds_are_told_by_name(tmp_path: Path, kind: str, name: str) -> None:
    others = weights("esrgan_x4") if kind == "ESRGAN+" else {"conv_first.weight": torch.zeros(4, 3, 3, 3)}
    error = refused(save(tmp_path / "net.safetensors", {**others, name: torch.zeros(4, 4, 1, 1)}))
    assert error.code == "upscaler.weights"
    assert f" {kind}. " in error.en
    assert f" {kind} のファイル" in error.ja


def without(tensors: dict[str, Tensor], *names: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name not in names}


SPOILT: dict[str, tuple[Callable[[], dict[str, Tensor]], str]] = {
    "nothing known": (lambda: {"a": torch.zeros(1), "b": torch.zeros(1)}, "neither"),
    "no tensors": (lambda: {"a.weight": torch.zeros(0)}, "neither"),
    "missing": (lambda: without(weights("basicsr_x4"), "conv_hr.bias"), "missing tensors: 1"),
    "missing of ESRGAN": (
        lambda: without(weights("esrgan_x4"), "model.8.weight", "model.8.bias"),
        "missing tensors",
    ),
    "unknown": (lambda: {**weights("compact_x4"), "more": torch.zeros(3)}, "unknown tensors: 1"),
    "misshapen": (
        lambda: {**weights("basicsr_x4"), "conv_body.weight": torch.zeros(1, 2, 3, 3)},
        "misshapen tensors",
    ),
    "two names": (lambda: {**weights("bsrgan_x4"), "conv_hr.bias": torch.zeros(4)}, "are one tensor"),
    "other activations": (lambda: without(weights("compact_x4"), "body.1.weight"), "PReLU"),
    "grey": (
        lambda: {**weights("compact_x4"), "body.0.weight": torch.zeros(FEATURES, 1, 3, 3)},
        "1 channels",
    ),
    "grey RRDBNet": (
        lambda: {**weights("basicsr_x4"), "conv_first.weight": torch.zeros(FEATURES, 1, 3, 3)},
        "1 channels",
    ),
    "smaller": (
        lambda: without(weights("basicsr_x1"), "conv_up2.weight", "conv_up2.bias"),
        "does not enlarge",
    ),
    "no square of a scale": (
        lambda: {**weights("compact_x4"), "body.8.weight": torch.zeros(50, FEATURES, 3, 3)},
        "misshapen tensors",
    ),
    "no colours": (
        lambda: {**weights("compact_x4"), "body.8.weight": torch.zeros(2, FEATURES, 3, 3)},
        "2 channels",
    ),
    "no features": (
        lambda: {**weights("compact_x4"), "body.0.weight": torch.zeros(0, 3, 3, 3)},
        "has the shape",
    ),
}


@pytest.mark.parametrize(("tensors", "said"), SPOILT.values(), ids=SPOILT.keys())
def test_what_is_wrong_is_said(tmp_path: Path, tensors: Callable[[], dict[str, Tensor]], said: str) -> None:
    error = refused(save(tmp_path / "net.safetensors", tensors()))
    assert error.code == "upscaler.weights"
    assert said in error.en


@pytest.mark.parametrize("source", ["", "ない.pth", "AnimeVideo", "owner/name"])
def test_a_file_that_is_not_there(source: str) -> None:
    with pytest.raises(InputError) as caught:
        load_upscaler(source)
    assert caught.value.code == "upscaler.missing"
    assert "animevideo" in caught.value.ja


@pytest.mark.parametrize("source", [3, True, b"animevideo", Path("animevideo")])
def test_something_else_than_text(source: Any) -> None:
    with pytest.raises(InputError) as caught:
        load_upscaler(source)
    assert caught.value.code == "upscaler.type"


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch attacked",)


def test_a_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.pth").write_bytes(pickle.dumps({"params_ema": Attack()}, protocol=2))
    assert refused("net.pth").code == "weights.malicious"
    Path("page.pth").write_text("<html></html>")
    assert refused("page.pth").code.startswith("weights.")
    Path("folder").mkdir()
    assert refused("folder").code == "weights.unreadable"
    assert not Path("attacked").exists()
