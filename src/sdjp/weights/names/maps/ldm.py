"""Names of the original checkpoints (CompVis ``LatentDiffusion``), in ``.ckpt`` or ``.safetensors`` files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sdjp.config import ModelConfig
from sdjp.weights.names import clip
from sdjp.weights.names.keymap import Row, rows_of

RES: Final = (
    ("norm_in", "in_layers.0"),
    ("conv_in", "in_layers.2"),
    ("time_proj", "emb_layers.1"),
    ("norm_out", "out_layers.0"),
    ("conv_out", "out_layers.3"),
    ("shortcut", "skip_connection"),
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
VAE_RES: Final = (
    ("norm_in", "norm1"),
    ("conv_in", "conv1"),
    ("norm_out", "norm2"),
    ("conv_out", "conv2"),
    ("shortcut", "nin_shortcut"),
)
VAE_ATTENTION: Final = (("norm", "norm"), ("q", "q"), ("k", "k"), ("v", "v"), ("proj_out", "proj_out"))
BERT_ATTENTION: Final = (
    ("norm_attention", "0"),
    ("attention.to_q", "1.to_q"),
    ("attention.to_k", "1.to_k"),
    ("attention.to_v", "1.to_v"),
    ("attention.to_out", "1.to_out"),
)
BERT_MLP: Final = (("norm_mlp", "0"), ("mlp_in", "1.net.0.0"), ("mlp_out", "1.net.2"))

UNET: Final = "model.diffusion_model."
VAE: Final = "first_stage_model."
TEXT: Final = "cond_stage_model.transformer.text_model."
BERT: Final = "cond_stage_model.transformer."

# Community files lack "text_model." where they were written by transformers 5.
ALIASES: Final = ((r"^cond_stage_model\.transformer\.(?=(embeddings|encoder|final_layer_norm)\.)", TEXT),)
# Real files have any of these. position_ids is just 0, 1, 2 …, and wrong in merged files.
IGNORED: Final = (
    r"betas|alphas_cumprod|alphas_cumprod_prev",
    r"sqrt_alphas_cumprod|sqrt_one_minus_alphas_cumprod|log_one_minus_alphas_cumprod",
    r"sqrt_recip_alphas_cumprod|sqrt_recipm1_alphas_cumprod",
    r"posterior_variance|posterior_log_variance_clipped|posterior_mean_coef1|posterior_mean_coef2",
    r"lvlb_weights|logvar",
    r"model_ema\.(decay|num_updates)",
    r"cond_stage_model\.transformer\.text_model\.embeddings\.position_ids",
    r"cond_stage_model\.(logit_scale|transformer\.text_projection\.weight)",
    r"cond_stage_model\.transformer\.to_logits\.(weight|bias)",  # a head that only training needed
    r"first_stage_model\.(loss|model_ema)\..+",
    r"cond_stage_model\.transformer\.(vision_model|visual_projection)\..+",  # CLIP's other half
)
TEXT_LAYER: Final = r"cond_stage_model\.transformer\.text_model\.encoder\.layers\.(\d{1,4})\."
EMA: Final = "model_ema."


def ema(theirs: str) -> str | None:
    """Return the name of the moving average of a tensor: only the UNet has one, and it loses every dot."""
    return EMA + theirs.removeprefix("model.").replace(".", "") if theirs.startswith(UNET) else None


def rows(config: ModelConfig) -> Iterator[Row]:
    """Every module of the three networks."""
    yield from _unet(config)
    yield from _vae(config)
    yield from _text(config)


def _unet(config: ModelConfig) -> Iterator[Row]:
    levels, blocks = len(config.unet.channel_mult), config.unet.num_res_blocks
    yield Row("unet.time_embedding.linear_in", UNET + "time_embed.0")
    yield Row("unet.time_embedding.linear_out", UNET + "time_embed.2")
    yield Row("unet.conv_in", UNET + "input_blocks.0.0")
    for n in range(levels * (blocks + 1) - 1):
        row = f"{UNET}input_blocks.{n + 1}"
        if n % (blocks + 1) == blocks:
            yield Row(f"unet.down.{n}.down.conv", f"{row}.0.op")
        else:
            yield from rows_of(f"unet.down.{n}.res", f"{row}.0", RES)
            yield from rows_of(f"unet.down.{n}.attn", f"{row}.1", TRANSFORMER)
    yield from rows_of("unet.mid_in", UNET + "middle_block.0", RES)
    yield from rows_of("unet.mid_attn", UNET + "middle_block.1", TRANSFORMER)
    yield from rows_of("unet.mid_out", UNET + "middle_block.2", RES)
    for n in range(levels * (blocks + 1)):
        row, level = f"{UNET}output_blocks.{n}", levels - 1 - n // (blocks + 1)
        yield from rows_of(f"unet.up.{n}.res", f"{row}.0", RES)
        yield from rows_of(f"unet.up.{n}.attn", f"{row}.1", TRANSFORMER)
        # The upsampling follows the transformer where there is one.
        yield Row(f"unet.up.{n}.up.conv", f"{row}.{2 if config.unet.attention[level] else 1}.conv")
    yield Row("unet.norm_out", UNET + "out.0")
    yield Row("unet.conv_out", UNET + "out.2")


def _vae(config: ModelConfig) -> Iterator[Row]:
    levels, blocks = len(config.vae.ch_mult), config.vae.num_res_blocks
    yield Row("vae.quant_conv", VAE + "quant_conv")
    yield Row("vae.post_quant_conv", VAE + "post_quant_conv")
    for half in ("encoder", "decoder"):
        for leaf in ("conv_in", "norm_out", "conv_out"):
            yield Row(f"vae.{half}.{leaf}", f"{VAE}{half}.{leaf}")
        yield from rows_of(f"vae.{half}.mid.res_in", f"{VAE}{half}.mid.block_1", VAE_RES)
        yield from rows_of(f"vae.{half}.mid.attn", f"{VAE}{half}.mid.attn_1", VAE_ATTENTION)
        yield from rows_of(f"vae.{half}.mid.res_out", f"{VAE}{half}.mid.block_2", VAE_RES)
    for level in range(levels):
        for block in range(blocks):
            yield from rows_of(
                f"vae.encoder.levels.{level}.res.{block}", f"{VAE}encoder.down.{level}.block.{block}", VAE_RES
            )
        yield Row(f"vae.encoder.levels.{level}.down.conv", f"{VAE}encoder.down.{level}.downsample.conv")
        up = f"{VAE}decoder.up.{levels - 1 - level}"  # theirs counts from the finest level
        for block in range(blocks + 1):
            yield from rows_of(f"vae.decoder.levels.{level}.res.{block}", f"{up}.block.{block}", VAE_RES)
        yield Row(f"vae.decoder.levels.{level}.up.conv", f"{up}.upsample.conv")


def _text(config: ModelConfig) -> Iterator[Row]:
    if config.text.kind == "clip":
        yield from clip.text_rows(TEXT, config.text.layers)
    elif config.text.kind == "bert":
        yield from _bert(config.text.layers)


def _bert(layers: int) -> Iterator[Row]:
    yield Row("text.token_embedding", BERT + "token_emb")
    yield Row("text.position_embedding", BERT + "pos_emb.emb")
    yield Row("text.norm_out", BERT + "norm")
    for n in range(layers):  # theirs counts attention and feed-forward each as a layer
        yield from rows_of(f"text.layers.{n}", f"{BERT}attn_layers.layers.{2 * n}", BERT_ATTENTION)
        yield from rows_of(f"text.layers.{n}", f"{BERT}attn_layers.layers.{2 * n + 1}", BERT_MLP)
