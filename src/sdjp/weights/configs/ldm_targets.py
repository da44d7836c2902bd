"""The classes of the original that a configuration may name, and what each of their params may be.

Nothing here is imported or called: :mod:`sdjp.weights.configs.ldm_yaml` holds a file against these tables.

To add a class: a table of its params, each with a rule (``anything``, ``only``, ``whole`` …), and a line in
:data:`TARGETS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

MAX_CHANNELS: Final = 100_000
MAX_LEVELS: Final = 16


def show(value: Any) -> str:
    """A value as it fits into a sentence, written as YAML would."""
    if isinstance(value, list | dict) and value:
        return f"{type(value).__name__} ({len(value)})"  # aliases can make its contents endless
    text = str(value).lower() if isinstance(value, bool) else "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


# Rules: each takes a value and gives what it means, or raises Wrong.


class Wrong(ValueError):
    """A value that is not usable; the argument is what would be, in Japanese and in English."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja, self.en = ja, en


Rule = Callable[[Any], Any]


def anything(value: Any) -> None:
    """For training, or of no consequence for the pictures."""


def only(*allowed: Any) -> Rule:
    """Our networks compute nothing else."""

    def check(value: Any) -> Any:
        if not any(type(value) is type(a) and value == a for a in allowed):
            texts = ", ".join(map(show, allowed))
            raise Wrong(f"使える値: {texts}", f"allowed: {texts}")
        return value

    return check


def whole(value: Any) -> int:
    """A number of channels, of timesteps or the like."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_CHANNELS:
        raise Wrong(f"1〜{MAX_CHANNELS:,} の整数", f"a whole number from 1 to {MAX_CHANNELS:,}")
    return value


def few(value: Any) -> int:
    """A number of blocks."""
    if whole(value) > MAX_LEVELS:
        raise Wrong(f"1〜{MAX_LEVELS} の整数", f"a whole number from 1 to {MAX_LEVELS}")
    return int(value)


def wholes(value: Any) -> tuple[int, ...]:
    """A list of numbers, one for each level or fewer."""
    if not isinstance(value, list) or len(value) > MAX_LEVELS:
        raise Wrong(f"整数のリスト（{MAX_LEVELS} 個まで）", f"a list of up to {MAX_LEVELS} whole numbers")
    return tuple(whole(n) for n in value)


def levels(value: Any) -> tuple[int, ...]:
    """A number for each level."""
    found = wholes(value)
    if not found:
        raise Wrong("空でない整数のリスト", "a list of whole numbers, not empty")
    return found


def real(value: Any) -> float:
    """A number above 0."""
    try:
        # YAML 1.1 takes 1e-4, without a dot, for a string; the original's files have both.
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise Wrong("0 より大きい数", "a number above 0")
    return number


def share(value: Any) -> float:
    """A beta."""
    number = real(value)
    if number >= 1:
        raise Wrong("0 より大きく 1 より小さい数", "a number above 0 and below 1")
    return number


def flag(value: Any) -> bool:
    """A switch."""
    if not isinstance(value, bool):
        raise Wrong("true か false", "true or false")
    return value


@dataclass(frozen=True)
class Of:
    """A ``target`` of this role, with its ``params``."""

    role: str


class Target(NamedTuple):
    """One class of the original.

    Attributes:
        role: Where it may stand.
        params: What each param may be.
        needed: Params that must be there.
    """

    role: str
    params: Mapping[str, Rule | Of | Mapping[str, Rule]]
    needed: tuple[str, ...] = ()


DDCONFIG: Final[Mapping[str, Rule]] = {
    "double_z": only(True),
    "z_channels": whole,
    "resolution": anything,
    "in_channels": whole,
    "out_ch": whole,
    "ch": whole,
    "ch_mult": levels,
    "num_res_blocks": few,
    "attn_resolutions": only([]),
    "attn_type": only("vanilla"),
    "dropout": anything,
    "resamp_with_conv": only(True),
    "tanh_out": only(False),
}
LATENT: Final[Mapping[str, Rule | Of | Mapping[str, Rule]]] = {
    "linear_start": share,
    "linear_end": share,
    "timesteps": whole,
    "beta_schedule": only("linear"),
    "parameterization": only("eps", "v"),
    "image_size": whole,
    "channels": whole,
    "scale_factor": real,
    "scale_by_std": only(False),
    "conditioning_key": only("crossattn", "hybrid"),
    "use_ema": flag,
    "unet_config": Of("unet"),
    "first_stage_config": Of("vae"),
    "cond_stage_config": Of("text"),
    "scheduler_config": anything,
    **dict.fromkeys(
        ("num_timesteps_cond", "log_every_t", "first_stage_key", "cond_stage_key", "cond_stage_trainable",
         "monitor", "ckpt_path", "ignore_keys", "load_only_unet", "loss_type", "l_simple_weight",
         "original_elbo_weight", "learn_logvar", "logvar_init", "clip_denoised", "v_posterior",
         "cosine_s", "concat_mode", "concat_keys", "masked_image_key", "finetune_keys",
         "use_positional_encodings"),
        anything,
    ),
}  # fmt: skip
UNET: Final[Mapping[str, Rule]] = {
    "in_channels": whole,
    "out_channels": whole,
    "model_channels": whole,
    "attention_resolutions": wholes,
    "num_res_blocks": few,
    "channel_mult": levels,
    "num_heads": whole,
    "num_head_channels": only(-1),
    "num_heads_upsample": only(-1),
    "use_spatial_transformer": only(True),
    "transformer_depth": only(1),
    "context_dim": whole,
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
AUTOENCODER: Final[Mapping[str, Rule | Of | Mapping[str, Rule]]] = {
    "embed_dim": whole,
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
    "n_embed": whole,
    "n_layer": whole,
    "vocab_size": only(30522),
    "max_seq_len": only(77),
    "use_tokenizer": only(True),
    "device": anything,
    "embedding_dropout": anything,
}

TARGETS: Final[Mapping[str, Target]] = {
    "ldm.models.diffusion.ddpm.LatentDiffusion": Target(
        "model", LATENT, ("channels", "unet_config", "first_stage_config", "cond_stage_config")
    ),
    "ldm.models.diffusion.ddpm.LatentInpaintDiffusion": Target(
        "model", LATENT, ("channels", "unet_config", "first_stage_config", "cond_stage_config")
    ),
    "ldm.modules.diffusionmodules.openaimodel.UNetModel": Target(
        "unet",
        UNET,
        ("in_channels", "out_channels", "model_channels", "attention_resolutions", "num_res_blocks",
         "num_heads", "context_dim", "use_spatial_transformer"),
    ),
    "ldm.models.autoencoder.AutoencoderKL": Target("vae", AUTOENCODER, ("embed_dim", "ddconfig")),
    "ldm.modules.encoders.modules.FrozenCLIPEmbedder": Target("clip", CLIP),
    "ldm.modules.encoders.modules.BERTEmbedder": Target("bert", BERT, ("n_embed", "n_layer")),
}  # fmt: skip
"""Each class of the original that has one of ours."""

TOP: Final[Mapping[str, Rule | Of | Mapping[str, Rule]]] = {
    "model": Of("model"),
    "data": anything,
    "lightning": anything,
}
ROLES: Final = {"text": ("clip", "bert")}
TEXT_SIZES: Final = {"n_embed": "width", "n_layer": "layers"}
NEEDED_DD: Final = ("z_channels", "in_channels", "out_ch", "ch", "ch_mult", "num_res_blocks",
                    "attn_resolutions")  # fmt: skip
