"""The configuration of a model, from the names and shapes of the tensors of an original checkpoint.

Shapes do not tell the number of heads, the groups of the norms, the activation or the noise schedule: those
are taken as in Stable Diffusion v1. Files that differ there carry a configuration (see ``checkpoint.py``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import count, takewhile
from typing import Final

from sdjp.config import LAION_400M, BertConfig, CLIPTextConfig, ModelConfig, UNetConfig, VAEConfig
from sdjp.weights.files.faults import FILE, Fault
from sdjp.weights.names.maps.ldm import BERT, TEXT, UNET, VAE

Shapes = Mapping[str, tuple[int, ...]]
HEAD_WIDTH: Final = 64
"""Width of one head in every text encoder of CLIP, and in the one of LAION-400M."""
BERT_LAYER: Final = BERT + "attn_layers.layers."

# What other files of this field begin their names with.
OTHERS: Final = (
    ("conditioner.embedders.", "Stable Diffusion XL", "Stable Diffusion XL"),
    ("cond_stage_model.model.", "Stable Diffusion 2", "Stable Diffusion 2"),
    ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3", "Stable Diffusion 3"),
    ("joint_blocks.", "Stable Diffusion 3", "Stable Diffusion 3"),
    ("model.diffusion_model.double_blocks.", "FLUX", "FLUX"),
    ("double_blocks.", "FLUX", "FLUX"),
    ("control_model.", "ControlNet", "a ControlNet"),
    ("controlnet_cond_embedding.", "ControlNet", "a ControlNet"),
    ("lora_", "LoRA（単独では使えません）", "a LoRA, which is no model by itself"),
    ("base_model.model.", "LoRA（単独では使えません）", "a LoRA, which is no model by itself"),
    ("unet.down_blocks.", "LoRA（単独では使えません）", "a LoRA, which is no model by itself"),
    ("image_proj.", "IP-Adapter（単独では使えません）", "an IP-Adapter, which is no model by itself"),
    ("emb_params", "Textual Inversion の埋め込み（単独では使えません）", "an embedding of textual inversion"),
    (
        "string_to_param",
        "Textual Inversion の埋め込み（単独では使えません）",
        "an embedding of textual inversion",
    ),
    ("down_blocks.", "diffusers のフォルダーの UNet だけ", "only the UNet of a diffusers folder"),
    ("encoder.", "VAE などの部品だけ", "one part alone, such as an autoencoder"),
    ("decoder.", "VAE などの部品だけ", "one part alone, such as an autoencoder"),
    ("text_model.", "テキストエンコーダーだけ", "only a text encoder"),
)


def from_shapes(name: str, shapes: Shapes) -> ModelConfig:
    """Return the configuration of a checkpoint.

    Args:
        name: What to call the model.
        shapes: The shapes of its tensors by their names.

    Raises:
        Fault: If the tensors are not those of a whole model of the family of Stable Diffusion v1.
    """
    for prefix, ja, en in OTHERS:
        if any(tensor.startswith(prefix) for tensor in shapes):
            raise _not_v1(f"{ja}のようです", f"it seems to be {en}")
    has_bert = any(tensor.startswith(BERT_LAYER) for tensor in shapes)
    for prefix, ja, en in (
        (UNET, "UNet", "UNet"),
        (VAE, "VAE", "autoencoder"),
        (BERT if has_bert else TEXT, "テキストエンコーダー", "text encoder"),
    ):
        if not any(tensor.startswith(prefix) for tensor in shapes):
            raise _not_v1(f"{ja}の重み（{prefix}…）がありません", f"it has no {en} ({prefix}…)")
    try:
        unet, vae = _unet(shapes), vae_from_shapes(shapes)
        if has_bert:
            text = _bert(shapes)
            return ModelConfig(name=name, unet=unet, vae=vae, text=text, defaults=LAION_400M.defaults)
        return ModelConfig(name=name, unet=unet, vae=vae, text=_text(shapes))
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        reason = str(error.args[0]) if error.args else repr(error)
        raise _not_v1(f"{reason} がないか、形が違います", f"{reason} is missing or misshapen") from error


def _not_v1(ja: str, en: str) -> Fault:
    return Fault(
        "weights.not_v1",
        ja=f"{FILE} は Stable Diffusion v1 のモデルではありません: {ja}。"
        "UNet、VAE、テキストエンコーダーがそろった v1 系の重みを指定してください。",
        en=f"{FILE} is not a model of Stable Diffusion v1: {en}. "
        "Give weights of the v1 family with UNet, autoencoder and text encoder in them.",
    )


def _unet(shapes: Shapes) -> UNetConfig:
    return dataclasses.replace(encoder_half(shapes, UNET), out_channels=shapes[UNET + "out.2.weight"][0])


def encoder_half(shapes: Shapes, prefix: str) -> UNetConfig:
    """Return the configuration of a UNet from its way down and its middle; ``out_channels`` is not known.

    Args:
        shapes: The shapes of its tensors by their names.
        prefix: What the names begin with.

    Raises:
        KeyError, ValueError, IndexError, ZeroDivisionError: If they are not those of a UNet.
    """
    width, channels = shapes[prefix + "input_blocks.0.0.weight"][:2]
    # Of each level: the width of each block, and whether it attends.
    levels: list[list[tuple[int, bool]]] = [[]]
    for n in count(1):
        block = f"{prefix}input_blocks.{n}."
        if block + "0.op.weight" in shapes:
            levels.append([])
        elif block + "0.out_layers.3.weight" in shapes:
            levels[-1].append((shapes[block + "0.out_layers.3.weight"][0], block + "1.norm.weight" in shapes))
        else:
            break
    return UNetConfig(
        in_channels=channels,
        model_channels=width,
        channel_mult=tuple(level[0][0] // width for level in levels),
        num_res_blocks=len(levels[0]),
        attention=tuple(level[0][1] for level in levels),
        context_dim=shapes[prefix + "middle_block.1.transformer_blocks.0.attn2.to_k.weight"][1],
    )


def vae_from_shapes(
    shapes: Shapes, *, prefix: str = VAE, block: str = "encoder.down.{}.block.{}.conv2.weight"
) -> VAEConfig:
    """Return the configuration of an autoencoder.

    Args:
        shapes: The shapes of its tensors by their names.
        prefix: What its names begin with.
        block: Name of a tensor of each block of the encoder, with the numbers of level and block.

    Raises:
        KeyError: If a tensor that tells of it is not there.
        ValueError: If one is misshapen; IndexError and ZeroDivisionError, too.
    """
    block = prefix + block
    ch, channels = shapes[prefix + "encoder.conv_in.weight"][:2]
    return VAEConfig(
        in_channels=channels,
        latent_channels=shapes[prefix + "post_quant_conv.weight"][0],
        ch=ch,
        ch_mult=tuple(
            shapes[block.format(level, 0)][0] // ch for level in range(_length(shapes, block.format("{}", 0)))
        ),
        num_res_blocks=_length(shapes, block.format(0, "{}")),
    )


def _text(shapes: Shapes) -> CLIPTextConfig:
    vocab_size, width = shapes[TEXT + "embeddings.token_embedding.weight"]
    return CLIPTextConfig(
        vocab_size=vocab_size,
        width=width,
        layers=_length(shapes, TEXT + "encoder.layers.{}.mlp.fc1.weight"),
        heads=max(1, width // HEAD_WIDTH),
        mlp_width=shapes[TEXT + "encoder.layers.0.mlp.fc1.weight"][0],
        max_length=shapes[TEXT + "embeddings.position_embedding.weight"][0],
    )


def _bert(shapes: Shapes) -> BertConfig:
    vocab_size, width = shapes[BERT + "token_emb.weight"]
    return BertConfig(
        vocab_size=vocab_size,
        width=width,
        layers=_length(shapes, BERT_LAYER + "{}.0.weight") // 2,
        heads=shapes[BERT_LAYER + "0.1.to_q.weight"][0] // HEAD_WIDTH,
        head_width=HEAD_WIDTH,
        mlp_width=shapes[BERT_LAYER + "1.1.net.0.0.weight"][0],
        max_length=shapes[BERT + "pos_emb.emb.weight"][0],
    )


def _length(shapes: Shapes, template: str) -> int:
    """The number of names that ``template`` gives with 0, 1, 2 … before the first gap."""
    return sum(1 for _ in takewhile(lambda n: template.format(n) in shapes, count()))
