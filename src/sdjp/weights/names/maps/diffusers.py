"""Names of diffusers folders, each with its folder before it: ``unet/conv_in.weight``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sdjp.config import ModelConfig
from sdjp.weights.names import clip
from sdjp.weights.names.keymap import Row, rows_of
from sdjp.weights.names.maps.ldm import TRANSFORMER

RES: Final = (
    ("norm_in", "norm1"),
    ("conv_in", "conv1"),
    ("time_proj", "time_emb_proj"),
    ("norm_out", "norm2"),
    ("conv_out", "conv2"),
    ("shortcut", "conv_shortcut"),
)
VAE_ATTENTION: Final = (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0"))
XLM_ROBERTA_LAYER: Final = (
    ("attention.q", "attention.self.query"),
    ("attention.k", "attention.self.key"),
    ("attention.v", "attention.self.value"),
    ("attention.out", "attention.output.dense"),
    ("norm_attention", "attention.output.LayerNorm"),
    ("mlp_in", "intermediate.dense"),
    ("mlp_out", "output.dense"),
    ("norm_mlp", "output.LayerNorm"),
)

# transformers 5 writes no "text_model."; files of 2022 have other names for the autoencoder's attention.
ALIASES: Final = (
    (r"^text_encoder/(?=(embeddings|encoder|final_layer_norm)\.)", "text_encoder/text_model."),
    (r"^(vae/.+\.attentions\.0\.)query\.", r"\1to_q."),
    (r"^(vae/.+\.attentions\.0\.)key\.", r"\1to_k."),
    (r"^(vae/.+\.attentions\.0\.)value\.", r"\1to_v."),
    (r"^(vae/.+\.attentions\.0\.)proj_attn\.", r"\1to_out.0."),
)
IGNORED: Final = (
    r"text_encoder/text_model\.embeddings\.position_ids",
    r"text_encoder/text_projection\.weight",
    r"text_encoder/roberta\.(embeddings\.(position_ids|token_type_ids)|pooler\.dense\.(weight|bias))",
    r"text_encoder/logit_scale",
)
TEXT_LAYER: Final = r"text_encoder/(?:text_model\.encoder\.layers|roberta\.encoder\.layer)\.(\d{1,4})\."


def rows(config: ModelConfig) -> Iterator[Row]:
    """Every module of the three networks."""
    yield from _unet(config)
    yield from _vae(config)
    yield from _text(config)


def _unet(config: ModelConfig) -> Iterator[Row]:
    levels, blocks = len(config.unet.channel_mult), config.unet.num_res_blocks
    yield Row("unet.time_embedding.linear_in", "unet/time_embedding.linear_1")
    yield Row("unet.time_embedding.linear_out", "unet/time_embedding.linear_2")
    yield Row("unet.conv_in", "unet/conv_in")
    for n in range(levels * (blocks + 1) - 1):
        level, block = divmod(n, blocks + 1)
        theirs = f"unet/down_blocks.{level}"
        yield from rows_of(f"unet.down.{n}.res", f"{theirs}.resnets.{block}", RES)
        yield from rows_of(f"unet.down.{n}.attn", f"{theirs}.attentions.{block}", TRANSFORMER)
        yield Row(f"unet.down.{n}.down.conv", f"{theirs}.downsamplers.0.conv")
    yield from rows_of("unet.mid_in", "unet/mid_block.resnets.0", RES)
    yield from rows_of("unet.mid_attn", "unet/mid_block.attentions.0", TRANSFORMER)
    yield from rows_of("unet.mid_out", "unet/mid_block.resnets.1", RES)
    for n in range(levels * (blocks + 1)):
        level, block = divmod(n, blocks + 1)
        theirs = f"unet/up_blocks.{level}"
        yield from rows_of(f"unet.up.{n}.res", f"{theirs}.resnets.{block}", RES)
        yield from rows_of(f"unet.up.{n}.attn", f"{theirs}.attentions.{block}", TRANSFORMER)
        yield Row(f"unet.up.{n}.up.conv", f"{theirs}.upsamplers.0.conv")
    yield Row("unet.norm_out", "unet/conv_norm_out")
    yield Row("unet.conv_out", "unet/conv_out")


def _vae(config: ModelConfig) -> Iterator[Row]:
    levels, blocks = len(config.vae.ch_mult), config.vae.num_res_blocks
    yield Row("vae.quant_conv", "vae/quant_conv")
    yield Row("vae.post_quant_conv", "vae/post_quant_conv")
    for half in ("encoder", "decoder"):
        ours, theirs = f"vae.{half}", f"vae/{half}"
        yield Row(f"{ours}.conv_in", f"{theirs}.conv_in")
        yield Row(f"{ours}.norm_out", f"{theirs}.conv_norm_out")
        yield Row(f"{ours}.conv_out", f"{theirs}.conv_out")
        yield from rows_of(f"{ours}.mid.res_in", f"{theirs}.mid_block.resnets.0", RES)
        yield Row(f"{ours}.mid.attn.norm", f"{theirs}.mid_block.attentions.0.group_norm")
        yield from rows_of(f"{ours}.mid.attn", f"{theirs}.mid_block.attentions.0", VAE_ATTENTION, "linear")
        yield from rows_of(f"{ours}.mid.res_out", f"{theirs}.mid_block.resnets.1", RES)
    for level in range(levels):
        down, up = f"vae/encoder.down_blocks.{level}", f"vae/decoder.up_blocks.{level}"
        for block in range(blocks):
            yield from rows_of(f"vae.encoder.levels.{level}.res.{block}", f"{down}.resnets.{block}", RES)
        yield Row(f"vae.encoder.levels.{level}.down.conv", f"{down}.downsamplers.0.conv")
        for block in range(blocks + 1):
            yield from rows_of(f"vae.decoder.levels.{level}.res.{block}", f"{up}.resnets.{block}", RES)
        yield Row(f"vae.decoder.levels.{level}.up.conv", f"{up}.upsamplers.0.conv")


def _text(config: ModelConfig) -> Iterator[Row]:
    if config.text.kind == "clip":
        yield from clip.text_rows("text_encoder/text_model.", config.text.layers)
    elif config.text.kind == "xlm_roberta":
        yield from _xlm_roberta(config.text.layers)


def _xlm_roberta(layers: int) -> Iterator[Row]:
    theirs = "text_encoder/roberta."
    yield Row("text.token_embedding", theirs + "embeddings.word_embeddings")
    yield Row("text.position_embedding", theirs + "embeddings.position_embeddings")
    yield Row("text.type_embedding", theirs + "embeddings.token_type_embeddings")
    yield Row("text.norm_in", theirs + "embeddings.LayerNorm")
    yield Row("text.projection", "text_encoder/transformation")
    yield Row("text.pre_norm", "text_encoder/pre_LN")
    yield Row("text.pre_projection", "text_encoder/transformation_pre")
    for n in range(layers):
        yield from rows_of(f"text.layers.{n}", f"{theirs}encoder.layer.{n}", XLM_ROBERTA_LAYER)
