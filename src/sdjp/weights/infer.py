"""What a model is made of, told from the shapes of its tensors or from diffusers' JSON files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from sdjp.config import (
    CLIPTextConfig,
    Defaults,
    ModelConfig,
    ScheduleConfig,
    UNetConfig,
    VAEConfig,
)
from sdjp.errors import WeightsError
from sdjp.weights.maps.ldm import TEXT, UNET, VAE

Shapes = Mapping[str, tuple[int, ...]]
HEAD_WIDTH: Final = 64  # of CLIP's text encoders


def from_ldm(shapes: Shapes) -> ModelConfig:
    """Tell the configuration of an original checkpoint; what shapes do not tell is taken as in SD v1."""
    missing = [part for part in (UNET, VAE, TEXT) if not any(name.startswith(part) for name in shapes)]
    if missing:
        raise WeightsError(
            "weights.not_sd",
            ja=f"Stable Diffusion v1 の重みではないようです（{'、'.join(missing)} で始まる名前がありません）。"
            "UNet、VAE、テキストエンコーダーがそろったファイルを指定してください。",
            en=f"these do not look like weights of Stable Diffusion v1: no name begins with {', '.join(missing)}. "
            "Give a file with UNet, autoencoder and text encoder.",
        )
    try:
        return ModelConfig(unet=_unet(shapes), vae=_vae(shapes), text=_text(shapes))
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise WeightsError(
            "weights.shapes",
            ja=f"重みの形からモデルの構成を読み取れません（{error}）。ファイルに足りないテンソルがあるようです。",
            en=f"cannot tell the model from the shapes of its tensors ({error}). Some seem to be missing.",
        ) from error


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest number that ``pattern`` captures."""
    compiled = re.compile(pattern)
    return 1 + max(int(match[1]) for name in shapes if (match := compiled.match(name)))


def _unet(shapes: Shapes) -> UNetConfig:
    inputs = _count(shapes, re.escape(UNET) + r"input_blocks\.(\d+)\.")
    downs = sum(f"{UNET}input_blocks.{n}.0.op.weight" in shapes for n in range(inputs))
    levels = downs + 1
    blocks = (inputs - levels) // levels
    width, channels = shapes[UNET + "input_blocks.0.0.weight"][:2]
    first = [1 + level * (blocks + 1) for level in range(levels)]
    widths = [shapes[f"{UNET}input_blocks.{n}.0.out_layers.3.weight"][0] for n in first]
    return UNetConfig(
        in_channels=channels,
        out_channels=shapes[UNET + "out.2.weight"][0],
        model_channels=width,
        channel_mult=tuple(w // width for w in widths),
        num_res_blocks=blocks,
        attention=tuple(f"{UNET}input_blocks.{n}.1.norm.weight" in shapes for n in first),
        context_dim=shapes[UNET + "middle_block.1.transformer_blocks.0.attn2.to_k.weight"][1],
    )


def _vae(shapes: Shapes) -> VAEConfig:
    levels = _count(shapes, re.escape(VAE) + r"encoder\.down\.(\d+)\.")
    ch = shapes[VAE + "encoder.conv_in.weight"][0]
    return VAEConfig(
        in_channels=shapes[VAE + "encoder.conv_in.weight"][1],
        latent_channels=shapes[VAE + "post_quant_conv.weight"][0],
        ch=ch,
        ch_mult=tuple(
            shapes[f"{VAE}encoder.down.{level}.block.0.conv2.weight"][0] // ch for level in range(levels)
        ),
        num_res_blocks=_count(shapes, re.escape(VAE) + r"encoder\.down\.0\.block\.(\d+)\."),
    )


def _text(shapes: Shapes) -> CLIPTextConfig:
    vocabulary, width = shapes[TEXT + "embeddings.token_embedding.weight"]
    return CLIPTextConfig(
        vocab_size=vocabulary,
        width=width,
        layers=_count(shapes, re.escape(TEXT) + r"encoder\.layers\.(\d+)\."),
        heads=max(1, width // HEAD_WIDTH),
        mlp_width=shapes[TEXT + "encoder.layers.0.mlp.fc1.weight"][0],
        max_length=shapes[TEXT + "embeddings.position_embedding.weight"][0],
    )


def from_diffusers(
    unet: Mapping[str, Any], vae: Mapping[str, Any], text: Mapping[str, Any], scheduler: Mapping[str, Any]
) -> ModelConfig:
    """Read the configuration out of the four ``config.json`` of a diffusers folder."""
    widths, vae_widths = unet["block_out_channels"], vae["block_out_channels"]
    heads = unet.get("num_attention_heads") or unet.get("attention_head_dim", 8)
    config = ModelConfig(
        unet=UNetConfig(
            in_channels=unet["in_channels"],
            out_channels=unet["out_channels"],
            model_channels=widths[0],
            channel_mult=tuple(w // widths[0] for w in widths),
            num_res_blocks=unet["layers_per_block"],
            attention=tuple("CrossAttn" in kind for kind in unet["down_block_types"]),
            # diffusers calls the number of heads "attention_head_dim" in SD v1.
            num_heads=heads if isinstance(heads, int) else heads[0],
            context_dim=unet["cross_attention_dim"],
            norm_groups=unet.get("norm_num_groups", 32),
        ),
        vae=VAEConfig(
            in_channels=vae["in_channels"],
            latent_channels=vae["latent_channels"],
            ch=vae_widths[0],
            ch_mult=tuple(w // vae_widths[0] for w in vae_widths),
            num_res_blocks=vae["layers_per_block"],
            norm_groups=vae.get("norm_num_groups", 32),
            scaling_factor=vae.get("scaling_factor", 0.18215),
        ),
        text=CLIPTextConfig(
            vocab_size=text["vocab_size"],
            width=text["hidden_size"],
            layers=text["num_hidden_layers"],
            heads=text["num_attention_heads"],
            mlp_width=text["intermediate_size"],
            max_length=text["max_position_embeddings"],
            activation=text.get("hidden_act", "quick_gelu"),
        ),
        schedule=ScheduleConfig(
            num_train_timesteps=scheduler.get("num_train_timesteps", 1000),
            beta_start=scheduler.get("beta_start", 0.00085),
            beta_end=scheduler.get("beta_end", 0.012),
            prediction="v" if scheduler.get("prediction_type") == "v_prediction" else "epsilon",
        ),
    )
    side = unet.get("sample_size")
    pixels = (side if isinstance(side, int) else 64) * config.vae.factor
    return dataclasses.replace(config, defaults=Defaults(height=pixels, width=pixels))


def to_diffusers(config: ModelConfig) -> dict[str, dict[str, Any]]:
    """Write the four ``config.json`` of a diffusers folder, by subfolder."""
    attention = config.unet.attention
    widths = [config.unet.model_channels * m for m in config.unet.channel_mult]
    vae_widths = [config.vae.ch * m for m in config.vae.ch_mult]
    down = ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention]
    up = ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)]
    return {
        "unet": {
            "_class_name": "UNet2DConditionModel",
            "act_fn": "silu",
            "attention_head_dim": config.unet.num_heads,
            "block_out_channels": widths,
            "cross_attention_dim": config.unet.context_dim,
            "down_block_types": down,
            "up_block_types": up,
            "in_channels": config.unet.in_channels,
            "out_channels": config.unet.out_channels,
            "layers_per_block": config.unet.num_res_blocks,
            "norm_num_groups": config.unet.norm_groups,
            "sample_size": config.defaults.height // config.vae.factor,
        },
        "vae": {
            "_class_name": "AutoencoderKL",
            "act_fn": "silu",
            "block_out_channels": vae_widths,
            "down_block_types": ["DownEncoderBlock2D"] * len(vae_widths),
            "up_block_types": ["UpDecoderBlock2D"] * len(vae_widths),
            "in_channels": config.vae.in_channels,
            "out_channels": config.vae.in_channels,
            "latent_channels": config.vae.latent_channels,
            "layers_per_block": config.vae.num_res_blocks,
            "norm_num_groups": config.vae.norm_groups,
            "sample_size": config.defaults.height,
            "scaling_factor": config.vae.scaling_factor,
        },
        "text_encoder": {
            "architectures": ["CLIPTextModel"],
            "model_type": "clip_text_model",
            "vocab_size": config.text.vocab_size,
            "hidden_size": config.text.width,
            "projection_dim": config.text.width,
            "num_hidden_layers": config.text.layers,
            "num_attention_heads": config.text.heads,
            "intermediate_size": config.text.mlp_width,
            "max_position_embeddings": config.text.max_length,
            "hidden_act": config.text.activation,
            "bos_token_id": config.text.vocab_size - 2,
            "eos_token_id": config.text.vocab_size - 1,
            "pad_token_id": config.text.vocab_size - 1,
        },
        "scheduler": {
            "_class_name": "DDIMScheduler",
            "num_train_timesteps": config.schedule.num_train_timesteps,
            "beta_start": config.schedule.beta_start,
            "beta_end": config.schedule.beta_end,
            "beta_schedule": "scaled_linear",
            "prediction_type": "v_prediction" if config.schedule.prediction == "v" else "epsilon",
            "clip_sample": False,
            "set_alpha_to_one": False,
            "steps_offset": 1,
        },
    }
