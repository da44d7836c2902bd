"""Telling a model from the shapes of its tensors, and from diffusers' JSON files and back."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sdjp.config import (
    ALT_DIFFUSION,
    LAION_400M,
    MINI,
    SD_V1,
    TINY,
    Defaults,
    ModelConfig,
    TextConfig,
    XLMRobertaConfig,
)
from sdjp.errors import WeightsError
from sdjp.weights.configs import diffusers, diffusers_text
from sdjp.weights.configs.infer import from_shapes
from sdjp.weights.names.keymap import compile_map
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of
from tests.narrow import clip_text

INPAINTING = dataclasses.replace(SD_V1, unet=dataclasses.replace(SD_V1.unet, in_channels=9))
WIDE = dataclasses.replace(
    SD_V1,
    unet=dataclasses.replace(
        SD_V1.unet, channel_mult=(1, 3), attention=(False, True), num_res_blocks=3, context_dim=1024
    ),
    vae=dataclasses.replace(SD_V1.vae, ch=64, ch_mult=(1, 2, 2), num_res_blocks=1, latent_channels=8),
    text=dataclasses.replace(
        clip_text(SD_V1.text), width=1024, heads=16, layers=3, mlp_width=99, max_length=50
    ),
)


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    names = compile_map(MAPS["ldm"].rows(config), shapes_of(on_meta(config)))
    return {name.theirs: name.their_shape for name in names.values()}


@pytest.mark.parametrize("config", [SD_V1, INPAINTING, WIDE])
def test_a_model_is_told_from_its_shapes(config: ModelConfig) -> None:
    found = from_shapes("モデル", shapes(config))
    assert found == dataclasses.replace(config, name="モデル")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["conditioner.embedders.0.transformer.x"], "XL"),
        (["cond_stage_model.model.transformer.resblocks.0.x", "model.diffusion_model.out.2.weight"], "2"),
        (["lora_unet_down_blocks_0.alpha"], "LoRA"),
        (["control_model.input_blocks.0.0.weight"], "ControlNet"),
        (["double_blocks.0.img_attn.x"], "FLUX"),
        (["first_stage_model.encoder.conv_in.weight"], "UNet"),
        (["text_model.embeddings.token_embedding.weight", "text_model.x"], "v1"),
        (["encoder.conv_in.weight"], "v1"),
        ([], "UNet"),
    ],
)
def test_other_models_are_called_by_their_name(names: list[str], text: str) -> None:
    with pytest.raises(WeightsError) as caught:
        from_shapes("a", dict.fromkeys(names, (1,)))
    assert caught.value.code == "weights.not_v1"
    assert text in caught.value.ja
    assert text in caught.value.en


@pytest.mark.parametrize(
    "missing",
    [
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight",
        "first_stage_model.post_quant_conv.weight",
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
    ],
)
def test_a_tensor_without_which_nothing_can_be_told(missing: str) -> None:
    known = shapes(TINY)
    del known[missing]
    with pytest.raises(WeightsError) as caught:
        from_shapes("a", known)
    assert missing in caught.value.en


@pytest.mark.parametrize("config", [SD_V1, TINY, MINI, INPAINTING, WIDE], ids=lambda c: c.name)
def test_diffusers_files_and_back(config: ModelConfig) -> None:
    found = diffusers.from_files("folder", diffusers.to_files(config))
    # What diffusers has no place for; its sizes are those of the latent times the factor of the autoencoder.
    defaults = Defaults(height=config.defaults.height, width=config.defaults.width, sampler="ddim")
    assert found == dataclasses.replace(config, name="folder", defaults=defaults, telling_padding=False)


def changed(part: str, **settings: Any) -> dict[str, dict[str, Any]]:
    files = diffusers.to_files(SD_V1)
    files[part].update(settings)
    return files


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("unet", {"use_linear_projection": True, "attention_head_dim": [5, 10, 20, 20]}),
        ("unet", {"addition_embed_type": "text_time", "transformer_layers_per_block": [1, 2, 10]}),
        ("unet", {"class_embed_type": "projection"}),
        ("vae", {"shift_factor": 0.1}),
        ("vae", {"use_quant_conv": False}),
        ("text_encoder", {"layer_norm_eps": 1e-6}),
        ("scheduler", {"beta_schedule": "linear"}),
        ("scheduler", {"prediction_type": "sample"}),
    ],
)
def test_settings_that_sd_v1_does_not_have_are_all_named(part: str, settings: dict[str, Any]) -> None:
    with pytest.raises(WeightsError) as caught:
        diffusers.from_files("folder", changed(part, **settings))
    assert caught.value.code == "weights.not_v1"
    for name in settings.keys() - {"attention_head_dim"}:
        assert f"{diffusers.FILES[part]}: {name} = " in caught.value.ja


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("unet", {"block_out_channels": [320, 500]}),
        ("unet", {"block_out_channels": []}),
        ("unet", {"down_block_types": ["ResnetDownsampleBlock2D"]}),
        ("unet", {"cross_attention_dim": None}),
        ("vae", {"layers_per_block": "two"}),
        ("text_encoder", {"hidden_act": "relu"}),
    ],
)
def test_settings_that_make_no_sense(part: str, settings: dict[str, Any]) -> None:
    with pytest.raises(WeightsError) as caught:
        diffusers.from_files("folder", changed(part, **settings))
    assert caught.value.code == "weights.config"


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("unet", {"attention_head_dim": [8, 8, 8, 8], "layers_per_block": [2, 2, 2, 2]}),
        ("unet", {"cross_attention_dim": (768,) * 4, "only_cross_attention": [False] * 4}),
        ("unet", {"act_fn": "swish", "norm_num_groups": None, "sample_size": None}),
        ("unet", {"only_cross_attention": None, "class_embed_type": None, "use_linear_projection": None}),
        ("unet", {"transformer_layers_per_block": [1, 1, 1, 1], "dual_cross_attention": None}),
        ("vae", {"act_fn": "swish", "scaling_factor": None, "shift_factor": None}),
        ("scheduler", {"trained_betas": None, "beta_start": None, "rescale_betas_zero_snr": None}),
    ],
)
def test_other_forms_that_diffusers_reads(part: str, settings: dict[str, Any]) -> None:
    plain = diffusers.from_files("folder", diffusers.to_files(SD_V1))
    assert diffusers.from_files("folder", changed(part, **settings)) == plain


def test_lists_of_different_values_are_refused_by_name() -> None:
    for settings in ({"attention_head_dim": [5, 10, 20, 20]}, {"layers_per_block": [1, 2, 2, 2]}):
        with pytest.raises(WeightsError, match=next(iter(settings))):
            diffusers.from_files("folder", changed("unet", **settings))


def test_early_files_leave_settings_out() -> None:
    """The first published folders have no scaling_factor, prediction_type, hidden_act …"""
    files = diffusers.to_files(SD_V1)
    for part, names in {
        "unet": ["norm_num_groups", "norm_eps", "flip_sin_to_cos"],
        "vae": ["scaling_factor", "norm_num_groups"],
        "text_encoder": ["hidden_act", "layer_norm_eps"],
        "scheduler": ["prediction_type", "steps_offset", "beta_schedule"],
    }.items():
        for name in names:
            del files[part][name]
    files["scheduler"]["_class_name"] = "PNDMScheduler"
    assert dataclasses.replace(diffusers.from_files("x", files), name="sd-v1") == SD_V1


def test_the_model_of_laion_400m_is_told_from_its_names_and_shapes() -> None:
    listed = Path(__file__).parents[3] / "golden" / "keys" / "laion400m_txt2img_1p4B.json.gz"
    keys = json.loads(gzip.decompress(listed.read_bytes()))["keys"]
    found = from_shapes("laion400m", {name: tuple(shape) for name, shape in keys.items()})
    assert found == LAION_400M


@pytest.mark.parametrize("text", [ALT_DIFFUSION.text, XLMRobertaConfig(pre_projection=True), SD_V1.text])
def test_text_encoders_are_told_from_the_settings_that_are_written(text: TextConfig) -> None:
    settings = diffusers_text.to_settings(text)
    assert diffusers_text.to_config(settings) == text
    assert diffusers_text.wrong_settings(settings) == []
