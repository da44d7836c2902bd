"""The classes of the original that a configuration may name, and what each of their params may be.

Nothing here is imported or called: :mod:`sdjp.weights.configs.ldm_yaml` holds a file against these tables.

To add a class: a table of its params, each with a rule (``only``, ``whole`` … of
:mod:`sdjp.weights.configs.values`), and a line in :data:`TARGETS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sdjp.weights.configs.values import MAX_LEVELS, Rule, flag, only, real, share, whole, wholes

MAX_CHANNELS: Final = 100_000

SIZE: Final = whole(MAX_CHANNELS)
"""A number of channels, of timesteps or the like."""
BLOCKS: Final = whole(MAX_LEVELS)
LEVELS: Final = wholes(MAX_CHANNELS, fewest=1)
"""A number for each level."""


class Section(NamedTuple):
    """A mapping in a configuration.

    Attributes:
        params: What each param may be: a rule, a section of its own, or a target.
        needed: Params that must be there.
    """

    params: Mapping[str, Any]
    needed: tuple[str, ...] = ()


class Of(NamedTuple):
    """A ``target`` in one of these roles, with its ``params``."""

    roles: tuple[str, ...]


class Target(NamedTuple):
    """One class of the original.

    Attributes:
        role: Where it may stand.
        section: Its params.
    """

    role: str
    section: Section


def anything(value: Any) -> None:
    """Take any value: it is for training, or of no consequence for the pictures."""


DDCONFIG: Final = Section(
    {
        "double_z": only(True),
        "z_channels": SIZE,
        "resolution": anything,
        "in_channels": SIZE,
        "out_ch": SIZE,
        "ch": SIZE,
        "ch_mult": LEVELS,
        "num_res_blocks": BLOCKS,
        "attn_resolutions": only([]),
        "attn_type": only("vanilla"),
        "dropout": anything,
        "resamp_with_conv": only(True),
        "tanh_out": only(False),
    },
    needed=("z_channels", "in_channels", "out_ch", "ch", "ch_mult", "num_res_blocks", "attn_resolutions"),
)
LATENT: Final[Mapping[str, Rule | Of | Section]] = {
    "linear_start": share,
    "linear_end": share,
    "timesteps": SIZE,
    "beta_schedule": only("linear"),
    "parameterization": only("eps", "v"),
    "image_size": SIZE,
    "channels": SIZE,
    "scale_factor": real,
    "scale_by_std": only(False),
    "conditioning_key": only("crossattn", "hybrid"),
    "use_ema": flag,
    "unet_config": Of(("unet",)),
    "first_stage_config": Of(("vae",)),
    "cond_stage_config": Of(("clip", "bert")),
    "scheduler_config": anything,
    **dict.fromkeys(
        ("num_timesteps_cond", "log_every_t", "first_stage_key", "cond_stage_key", "cond_stage_trainable",
         "monitor", "ckpt_path", "ignore_keys", "load_only_unet", "loss_type", "l_simple_weight",
         "original_elbo_weight", "learn_logvar", "logvar_init", "clip_denoised", "v_posterior",
         "cosine_s", "concat_mode", "concat_keys", "masked_image_key", "finetune_keys",
         "use_positional_encodings", "embedding_reg_weight", "unfreeze_model",
         "model_lr", "ucg_training", "reset_ema", "reset_num_ema_updates", "make_it_fit", "unet_trainable",
         "optimizer_config", "progressive_train", "split_input_params",
         "num_val_samples", "masked_loss", "prior_loss_weight", "weight_decay"),
        anything,
    ),
}  # fmt: skip
UNET: Final[Mapping[str, Rule]] = {
    "in_channels": SIZE,
    "out_channels": SIZE,
    "model_channels": SIZE,
    "attention_resolutions": wholes(MAX_CHANNELS),
    "num_res_blocks": BLOCKS,
    "channel_mult": LEVELS,
    "num_heads": SIZE,
    "num_head_channels": only(-1),
    "num_heads_upsample": only(-1),
    "use_spatial_transformer": only(True),
    "transformer_depth": only(1),
    "context_dim": SIZE,
    "conv_resample": only(True),
    "dims": only(2),
    "num_classes": only(None),
    "n_embed": only(None),
    "use_scale_shift_norm": only(False),
    "resblock_updown": only(False),
    **dict.fromkeys(
        ("image_size", "dropout", "use_checkpoint", "use_fp16", "legacy", "use_new_attention_order"), anything
    ),
}
AUTOENCODER: Final[Mapping[str, Rule | Of | Section]] = {
    "embed_dim": SIZE,
    "ddconfig": DDCONFIG,
    **dict.fromkeys(("monitor", "lossconfig", "ckpt_path", "ignore_keys", "image_key"), anything),
    "colorize_nlabels": only(None),
}
CLIP: Final[Mapping[str, Rule]] = {
    "version": only("openai/clip-vit-large-patch14"),
    "max_length": only(77),
    "layer": only("last"),
    "device": anything,
    "freeze": anything,
}
BERT: Final[Mapping[str, Rule]] = {
    "n_embed": SIZE,
    "n_layer": SIZE,
    "vocab_size": only(30522),
    "max_seq_len": only(77),
    "use_tokenizer": only(True),
    "device": anything,
    "embedding_dropout": anything,
}

_LATENT: Final = Section(
    LATENT, needed=("channels", "unet_config", "first_stage_config", "cond_stage_config")
)
TARGETS: Final[Mapping[str, Target]] = {
    "ldm.models.diffusion.ddpm.LatentDiffusion": Target("model", _LATENT),
    "ldm.models.diffusion.ddpm.LatentInpaintDiffusion": Target("model", _LATENT),
    "ldm.modules.diffusionmodules.openaimodel.UNetModel": Target(
        "unet",
        Section(
            UNET,
            needed=("in_channels", "out_channels", "model_channels", "attention_resolutions",
                    "num_res_blocks", "num_heads", "context_dim", "use_spatial_transformer"),
        ),
    ),
    "ldm.models.autoencoder.AutoencoderKL": Target(
        "vae", Section(AUTOENCODER, needed=("embed_dim", "ddconfig"))
    ),
    "ldm.modules.encoders.modules.FrozenCLIPEmbedder": Target("clip", Section(CLIP)),
    "ldm.modules.encoders.modules.BERTEmbedder": Target("bert", Section(BERT, needed=("n_embed", "n_layer"))),
}  # fmt: skip
"""Each class of the original that has one of ours."""

TOP: Final = Section(
    {
        "model": Of(("model",)),
        **dict.fromkeys(
            ("data", "lightning", "trainer", "callbacks", "logger", "checkpoint", "seed", "name", "logdir",
             "wandb", "dataset", "training", "optimizer", "log_dir", "debug"),
            anything,
        ),
    },
    needed=("model",),
)  # fmt: skip
"""The whole file."""
