"""Names of diffusers folders: ``unet/``, ``vae/`` and ``text_encoder/``, put before each name with a colon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sdjp.config import ModelConfig
from sdjp.weights.keymap import Row, Transform
from sdjp.weights.maps.ldm import TEXT_LAYER

RES: Final = (
    ("norm_in", "norm1"),
    ("conv_in", "conv1"),
    ("time_proj", "time_emb_proj"),
    ("norm_out", "norm2"),
    ("conv_out", "conv2"),
    ("shortcut", "conv_shortcut"),
)
TRANSFORMER: Final = (
    ("norm", "norm"),
    ("proj_in", "proj_in"),
    ("block.norm_self", "transformer_blocks.0.norm1"),
    ("block.self_attention.to_q", "transformer_blocks.0.attn1.to_q"),
    ("block.self_attention.to_k", "transformer_blocks.0.attn1.to_k"),
    ("block.self_attention.to_v", "transformer_blocks.0.attn1.to_v"),
    ("block.self_attention.to_out", "transformer_blocks.0.attn1.to_out.0"),
    ("block.norm_cross", "transformer_blocks.0.norm2"),
    ("block.cross_attention.to_q", "transformer_blocks.0.attn2.to_q"),
    ("block.cross_attention.to_k", "transformer_blocks.0.attn2.to_k"),
    ("block.cross_attention.to_v", "transformer_blocks.0.attn2.to_v"),
    ("block.cross_attention.to_out", "transformer_blocks.0.attn2.to_out.0"),
    ("block.norm_feed_forward", "transformer_blocks.0.norm3"),
    ("block.feed_forward.proj_in", "transformer_blocks.0.ff.net.0.proj"),
    ("block.feed_forward.proj_out", "transformer_blocks.0.ff.net.2"),
    ("proj_out", "proj_out"),
)
VAE_ATTENTION: Final = (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0"))

# Files of 2022 have other names for the attention of the autoencoder.
OLD_NAMES: Final = ((".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0."))


def rows(config: ModelConfig) -> Iterator[Row]:
    """Every module of the three networks."""
    yield from _unet(config)
    yield from _vae(config)
    yield from _text(config)


def _under(
    ours: str, theirs: str, table: tuple[tuple[str, str], ...], transform: Transform = "none"
) -> Iterator[Row]:
    for a, b in table:
        yield f"{ours}.{a}", f"{theirs}.{b}", transform


def _unet(config: ModelConfig) -> Iterator[Row]:
    levels, blocks = len(config.unet.channel_mult), config.unet.num_res_blocks
    yield "unet.time_embedding.linear_in", "unet:time_embedding.linear_1", "none"
    yield "unet.time_embedding.linear_out", "unet:time_embedding.linear_2", "none"
    yield "unet.conv_in", "unet:conv_in", "none"
    for n in range(levels * (blocks + 1) - 1):
        level, block = divmod(n, blocks + 1)
        theirs = f"unet:down_blocks.{level}"
        yield from _under(f"unet.down.{n}.res", f"{theirs}.resnets.{block}", RES)
        yield from _under(f"unet.down.{n}.attn", f"{theirs}.attentions.{block}", TRANSFORMER)
        yield f"unet.down.{n}.down.conv", f"{theirs}.downsamplers.0.conv", "none"
    yield from _under("unet.mid_in", "unet:mid_block.resnets.0", RES)
    yield from _under("unet.mid_attn", "unet:mid_block.attentions.0", TRANSFORMER)
    yield from _under("unet.mid_out", "unet:mid_block.resnets.1", RES)
    for n in range(levels * (blocks + 1)):
        level, block = divmod(n, blocks + 1)
        theirs = f"unet:up_blocks.{level}"
        yield from _under(f"unet.up.{n}.res", f"{theirs}.resnets.{block}", RES)
        yield from _under(f"unet.up.{n}.attn", f"{theirs}.attentions.{block}", TRANSFORMER)
        yield f"unet.up.{n}.up.conv", f"{theirs}.upsamplers.0.conv", "none"
    yield "unet.norm_out", "unet:conv_norm_out", "none"
    yield "unet.conv_out", "unet:conv_out", "none"


def _vae(config: ModelConfig) -> Iterator[Row]:
    levels, blocks = len(config.vae.ch_mult), config.vae.num_res_blocks
    yield "vae.quant_conv", "vae:quant_conv", "none"
    yield "vae.post_quant_conv", "vae:post_quant_conv", "none"
    for half in ("encoder", "decoder"):
        ours, theirs = f"vae.{half}", f"vae:{half}"
        yield f"{ours}.conv_in", f"{theirs}.conv_in", "none"
        yield f"{ours}.norm_out", f"{theirs}.conv_norm_out", "none"
        yield f"{ours}.conv_out", f"{theirs}.conv_out", "none"
        yield from _under(f"{ours}.mid.res_in", f"{theirs}.mid_block.resnets.0", RES)
        yield f"{ours}.mid.attn.norm", f"{theirs}.mid_block.attentions.0.group_norm", "none"
        yield from _under(f"{ours}.mid.attn", f"{theirs}.mid_block.attentions.0", VAE_ATTENTION, "linear")
        yield from _under(f"{ours}.mid.res_out", f"{theirs}.mid_block.resnets.1", RES)
    for level in range(levels):
        down, up = f"vae:encoder.down_blocks.{level}", f"vae:decoder.up_blocks.{level}"
        for block in range(blocks):
            yield from _under(f"vae.encoder.levels.{level}.res.{block}", f"{down}.resnets.{block}", RES)
        yield f"vae.encoder.levels.{level}.down.conv", f"{down}.downsamplers.0.conv", "none"
        for block in range(blocks + 1):
            yield from _under(f"vae.decoder.levels.{level}.res.{block}", f"{up}.resnets.{block}", RES)
        yield f"vae.decoder.levels.{level}.up.conv", f"{up}.upsamplers.0.conv", "none"


def _text(config: ModelConfig) -> Iterator[Row]:
    theirs = "text_encoder:text_model."
    yield "text.token_embedding", theirs + "embeddings.token_embedding", "none"
    yield "text.position_embedding", theirs + "embeddings.position_embedding", "none"
    yield "text.norm_out", theirs + "final_layer_norm", "none"
    for n in range(config.text.layers):
        yield from _under(f"text.layers.{n}", f"{theirs}encoder.layers.{n}", TEXT_LAYER)
