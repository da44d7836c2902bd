"""Configurations of the original: what they mean, and that nothing in them runs or passes unseen."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from sdjp.config import SD_V1, Defaults, ModelConfig, ScheduleConfig
from sdjp.errors import InputError, WeightsError
from sdjp.weights import load
from sdjp.weights.configs.ldm_yaml import LdmConfig, read_ldm_yaml
from tests.original import (
    TINY_V1,
    save_checkpoint,
    save_yaml,
    tiny_tensors,
    tiny_yaml,
    txt2img_1p4b_eval,
    v1_inference,
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("重み") / "model.ckpt", tiny_tensors())


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both kinds of weights in one file: the averaged ones are twice the others."""
    return save_checkpoint(tmp_path_factory.mktemp("重み") / "full.ckpt", tiny_tensors(ema=2.0))


def read(tmp_path: Path, data: Any) -> LdmConfig:
    return read_ldm_yaml(save_yaml(tmp_path / "設定.yaml", data))


def refusal(tmp_path: Path, data: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data)
    return caught.value


def test_v1_inference_is_stable_diffusion_v1(tmp_path: Path) -> None:
    told = read(tmp_path, v1_inference())
    assert told.applied_to(ModelConfig(name="sd-v1")) == SD_V1
    assert (told.text, told.text_sizes, told.use_ema, told.image_size) == ("clip", {}, False, 64)


def test_the_model_of_laion_400m(tmp_path: Path) -> None:
    told = read(tmp_path, txt2img_1p4b_eval())
    assert told.unet == dataclasses.replace(SD_V1.unet, context_dim=1280)
    assert (told.vae, told.schedule) == (SD_V1.vae, SD_V1.schedule)
    assert (told.text, told.text_sizes, told.image_size) == ("bert", {"width": 1280, "layers": 32}, 32)


def test_what_is_left_out_has_the_original_defaults(tmp_path: Path) -> None:
    data = v1_inference()
    for key in ("linear_start", "linear_end", "timesteps", "scale_factor", "use_ema", "image_size"):
        del data["model"]["params"][key]
    del data["model"]["params"]["unet_config"]["params"]["channel_mult"]
    told = read(tmp_path, data)
    assert told.schedule == ScheduleConfig(num_train_timesteps=1000, beta_start=1e-4, beta_end=2e-2)
    assert told.vae.scaling_factor == 1.0
    assert told.unet.channel_mult == (1, 2, 4, 8)
    assert told.use_ema is None
    assert told.applied_to(SD_V1).defaults == SD_V1.defaults


def test_other_shapes(tmp_path: Path) -> None:
    data = v1_inference()
    params = data["model"]["params"]
    params |= {"parameterization": "v", "linear_start": "1e-3", "image_size": 32}
    params["unet_config"]["params"] |= {"channel_mult": [1, 2], "attention_resolutions": [2]}
    params["first_stage_config"]["params"]["ddconfig"]["ch_mult"] = [1, 2, 4]
    config = read(tmp_path, data).applied_to(SD_V1)
    assert config.schedule.prediction == "v"
    assert config.schedule.beta_start == 1e-3  # YAML 1.1 reads it as a string
    assert config.unet.attention == (False, True)
    assert config.defaults == Defaults(height=128, width=128)  # 32 cells of 4 pixels


def test_everything_wrong_is_in_one_message(tmp_path: Path) -> None:
    data = v1_inference()
    params = data["model"]["params"]
    params["personalization_config"] = {"target": "os.system", "params": {"command": "true"}}
    params["unet_config"]["params"] |= {"transformer_depth": 2, "num_heads": "8", "surprise": 1}
    params["first_stage_config"]["target"] = "ldm.models.autoencoder.VQModel"
    params["cond_stage_config"]["target"] = "os.system"
    del params["channels"]
    error = refusal(tmp_path, data)
    for name in ("personalization_config", "transformer_depth", "num_heads", "surprise", "VQModel",
                 "os.system", "channels"):  # fmt: skip
        assert name in error.ja
        assert name in error.en
    assert "FrozenCLIPEmbedder" in error.ja  # what would be allowed
    assert "知らない項目" in error.ja


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_channels", 0),
        ("model_channels", True),
        ("model_channels", 10**9),
        ("num_res_blocks", 10**6),
        ("channel_mult", []),
        ("channel_mult", [1] * 100),
        ("channel_mult", "1244"),
        ("channel_mult", [1, 2.5]),
        ("attention_resolutions", None),
        ("use_spatial_transformer", False),
    ],
)
def test_values_that_no_network_of_ours_has(key: str, value: object, tmp_path: Path) -> None:
    data = v1_inference()
    data["model"]["params"]["unet_config"]["params"][key] = value
    assert f"unet_config.params.{key}" in refusal(tmp_path, data).ja


@pytest.mark.parametrize("value", [1.0, -0.1, 0, float("nan"), "dunno", True, None, [0.1]])
def test_betas_are_shares(value: object, tmp_path: Path) -> None:
    data = v1_inference()
    data["model"]["params"]["linear_end"] = value
    assert "linear_end" in refusal(tmp_path, data).ja


def test_channels_have_to_agree(tmp_path: Path) -> None:
    data = v1_inference()
    data["model"]["params"]["channels"] = 3
    assert "channels 3" in refusal(tmp_path, data).ja


@pytest.mark.parametrize("data", [None, "text", [1], {}, {"model": 1}, {"model": {"target": ["a"]}}])
def test_files_of_another_kind(data: object, tmp_path: Path) -> None:
    assert refusal(tmp_path, data).code == "config.ldm"


@pytest.mark.parametrize(
    "text",
    [
        "model: [",
        "!!python/object/apply:os.system ['true']",
        "\x00",
        "a: &a [*a]",
        "[" * 1500,
        # Each line makes the one before it nine times longer.
        "a0: &a0 [x]\n" + "\n".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(30)),
    ],
)
def test_files_that_attack(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_ldm_yaml(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sjis.yaml").write_bytes("model: 設定".encode("shift_jis"))
    (tmp_path / "large.yaml").write_text("#" * 1_000_001, encoding="utf-8")
    for name in ("none.yaml", "", "sjis.yaml", "large.yaml"):
        with pytest.raises(InputError) as caught:
            read_ldm_yaml(tmp_path / name)
        assert "--config" in caught.value.ja


# With weights.


def test_a_configuration_decides_what_weights_do_not_tell(plain: Path, tmp_path: Path) -> None:
    path = save_yaml(tmp_path / "a.yaml", tiny_yaml(parameterization="v", linear_end=0.02, scale_factor=0.5))
    alone, told = load(plain), load(plain, config=path)
    assert (alone.config.unet.num_heads, told.config.unet.num_heads) == (8, TINY_V1.unet.num_heads)
    assert told.config.schedule == ScheduleConfig(beta_end=0.02, prediction="v")
    assert told.vae.scaling_factor == 0.5
    assert (told.config.defaults.height, alone.config.defaults.height) == (64, 512)
    assert told.config.text == alone.config.text == TINY_V1.text  # v1-inference.yaml is silent about it
    assert told.config.name == "model"


def test_a_configuration_is_held_against_the_weights(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load(plain, config=save_yaml(tmp_path / "a.yaml", v1_inference()))
    assert caught.value.code == "weights.tensors"
    with pytest.raises(InputError) as refused:
        load(plain, config=save_yaml(tmp_path / "b.yaml", txt2img_1p4b_eval()))
    assert refused.value.code == "config.text"
    assert "bert" in refused.value.ja


@pytest.mark.parametrize(
    ("use_ema", "ema", "averaged"),
    [(False, "auto", False), (True, "auto", True), (False, True, True), (True, False, False),
     (None, "auto", True), (None, False, False)],
)  # fmt: skip
def test_use_ema(use_ema: bool | None, ema: Any, averaged: bool, full: Path, tmp_path: Path) -> None:
    """The README: with a full checkpoint ``use_ema=False`` uses the weights that are no averages."""
    data = tiny_yaml() if use_ema is None else tiny_yaml(use_ema=use_ema)
    if use_ema is None:
        del data["model"]["params"]["use_ema"]
    loaded = load(full, ema=ema, config=save_yaml(tmp_path / "a.yaml", data))
    assert loaded.report.ema_used is averaged
    plain = tiny_tensors()["model.diffusion_model.input_blocks.0.0.weight"]
    assert torch.equal(loaded.unet.conv_in.weight, plain * (2 if averaged else 1))


def test_use_ema_without_averages(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load(plain, config=save_yaml(tmp_path / "a.yaml", tiny_yaml(use_ema=True)))
    assert caught.value.code == "weights.no_ema"


def test_what_only_training_needs_is_passed_over(tmp_path: Path) -> None:
    data = v1_inference()
    plain = read(tmp_path, data)
    data |= {"trainer": {"max_steps": 1}, "callbacks": [], "logger": None, "seed": 23}
    data["model"] |= {"base_learning_rate": 1e-5, "scale_lr": False}
    data["model"]["params"] |= {"ucg_training": {}, "reset_ema": True, "embedding_reg_weight": 0.0}
    assert read(tmp_path, data) == plain
