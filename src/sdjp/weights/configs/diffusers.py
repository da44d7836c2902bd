"""The JSON files of a diffusers folder, from and to our configuration.

diffusers describes many models with the same classes. What sdjp's networks cannot do is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sdjp.config import (
    Defaults,
    ModelConfig,
    ScheduleConfig,
    UNetConfig,
    VAEConfig,
)
from sdjp.weights.configs import diffusers_text
from sdjp.weights.configs import scheduler as scheduling
from sdjp.weights.configs.values import alike, one_of_all, real, setting, share, whole, wholes
from sdjp.weights.files.faults import FILE, Fault, texts_of

Json = Mapping[str, Any]
COMPONENTS: Final = ("unet", "vae", "text_encoder")
"""Networks of a pipeline, which are its folders of weights, too."""
FILES: Final = {
    "unet": "unet/config.json",
    "vae": "vae/config.json",
    "text_encoder": "text_encoder/config.json",
    "scheduler": "scheduler/scheduler_config.json",
}
# Settings that have to be as they are here, where they are given at all; diffusers' defaults are the same.
FIXED: Final[Mapping[str, Json]] = {
    "unet": {
        "act_fn": "silu",
        "addition_embed_type": None,
        "center_input_sample": False,
        "class_embed_type": None,
        "conv_in_kernel": 3,
        "conv_out_kernel": 3,
        "dual_cross_attention": False,
        "encoder_hid_dim": None,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "norm_eps": 1e-5,
        "only_cross_attention": False,
        "resnet_time_scale_shift": "default",
        "time_cond_proj_dim": None,
        "time_embedding_type": "positional",
        "transformer_layers_per_block": 1,
        "use_linear_projection": False,
    },
    "vae": {
        "act_fn": "silu",
        "latents_mean": None,
        "mid_block_add_attention": True,
        "shift_factor": None,
        "use_post_quant_conv": True,
        "use_quant_conv": True,
    },
    "scheduler": {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": False, "trained_betas": None},
}
SAME: Final = {"swish": "silu"}
"""Other names of the same."""
SIZE: Final = whole(100_000)
EACH: Final = alike(SIZE)
"""A number, or a list with the same number for each level."""
WIDTHS: Final = wholes(100_000, fewest=1)
PREDICTIONS: Final = {"epsilon": "epsilon", "v_prediction": "v"}


def from_files(name: str, files: Mapping[str, Json]) -> ModelConfig:
    """Read our configuration from the four JSON files of a folder.

    Args:
        name: What to call the model.
        files: Contents by the keys of :data:`FILES`.

    Raises:
        Fault: If they describe a model of another kind, or leave something out.
    """
    _check_fixed(files)
    try:
        return _config(name, **files)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        ja, en = texts_of(error)
        raise Fault(
            "weights.config",
            ja=f"{FILE} の設定を Stable Diffusion v1 のものとして読めません: {ja}。"
            "ファイルがそろっているか確かめてください。",
            en=f"cannot read the settings in {FILE} as those of Stable Diffusion v1: {en}. "
            "Check that the folder is complete.",
        ) from error


def _check_fixed(files: Mapping[str, Json]) -> None:
    wrong = [f"{FILES[part]}: {setting}" for part in FIXED for setting in wrong_settings(part, files[part])]
    wrong += [f"{FILES['text_encoder']}: {w}" for w in diffusers_text.wrong_settings(files["text_encoder"])]
    prediction = files["scheduler"].get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        wrong.append(f"{FILES['scheduler']}: prediction_type = {prediction!r}")
    if wrong:
        listed = "\n  ".join(wrong)
        raise Fault(
            "weights.not_v1",
            ja=f"{FILE} は Stable Diffusion v1 系ではない設定を含むため、読み込めません:\n  {listed}\n"
            "v1 系（v1.1〜v1.5 やその派生モデル）のフォルダーを指定してください。",
            en=f"{FILE} has settings that Stable Diffusion v1 does not have:\n  {listed}\n"
            "Give a folder of the v1 family (v1.1 to v1.5, or a model made from them).",
        )


def wrong_settings(part: str, settings: Json) -> list[str]:
    """Return what makes a component another network than ours, as ``key = value``."""
    return [
        f"{key} = {settings[key]!r}"
        for key, value in FIXED[part].items()
        if key in settings and not _means(settings[key], value)
    ]


def _means(given: Any, wanted: Any) -> bool:
    """Whether diffusers takes a setting for ``wanted``."""
    given = one_of_all(given)
    if given is None:
        return not wanted
    return bool(SAME.get(given, given) == wanted) if isinstance(given, str) else bool(given == wanted)


def _config(name: str, unet: Json, vae: Json, text_encoder: Json, scheduler: Json) -> ModelConfig:
    channels, channel_mult = _widths(setting(unet, "block_out_channels", WIDTHS))
    # In SD v1, diffusers calls the number of heads "attention_head_dim".
    heads = "attention_head_dim" if unet.get("num_attention_heads") is None else "num_attention_heads"
    vae_config = vae_of(vae)
    pixels = setting(unet, "sample_size", SIZE, 64) * vae_config.factor
    return ModelConfig(
        name=name,
        unet=UNetConfig(
            in_channels=setting(unet, "in_channels", SIZE),
            out_channels=setting(unet, "out_channels", SIZE),
            model_channels=channels,
            channel_mult=channel_mult,
            num_res_blocks=setting(unet, "layers_per_block", EACH),
            attention=tuple(_attends(kind) for kind in unet["down_block_types"]),
            num_heads=setting(unet, heads, EACH, 8),
            context_dim=setting(unet, "cross_attention_dim", EACH),
            norm_groups=setting(unet, "norm_num_groups", SIZE, 32),
        ),
        vae=vae_config,
        text=diffusers_text.to_config(text_encoder),
        schedule=ScheduleConfig(
            num_train_timesteps=setting(scheduler, "num_train_timesteps", SIZE, 1000),
            beta_start=setting(scheduler, "beta_start", share, 0.00085),
            beta_end=setting(scheduler, "beta_end", share, 0.012),
            prediction="v" if scheduler.get("prediction_type") == "v_prediction" else "epsilon",
        ),
        defaults=Defaults(
            height=pixels,
            width=pixels,
            sampler=scheduling.sampler_of(scheduler) or Defaults().sampler,
            spacing=scheduling.spacing_of(scheduler),
        ),
    )


def vae_of(vae: Json) -> VAEConfig:
    """Read the configuration of an autoencoder from ``vae/config.json``.

    Raises:
        KeyError: If something is left out.
        ValueError: If a value is not usable.
    """
    ch, ch_mult = _widths(setting(vae, "block_out_channels", WIDTHS))
    return VAEConfig(
        in_channels=setting(vae, "in_channels", SIZE, 3),
        latent_channels=setting(vae, "latent_channels", SIZE, 4),
        ch=ch,
        ch_mult=ch_mult,
        num_res_blocks=setting(vae, "layers_per_block", EACH),
        norm_groups=setting(vae, "norm_num_groups", SIZE, 32),
        scaling_factor=setting(vae, "scaling_factor", real, 0.18215),
    )


def _widths(channels: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The first width, and each as a multiple of it."""
    if any(width % channels[0] != 0 for width in channels):
        raise ValueError(f"block_out_channels = {list(channels)}")
    return channels[0], tuple(width // channels[0] for width in channels)


def _attends(kind: str) -> bool:
    if kind not in ("CrossAttnDownBlock2D", "DownBlock2D"):
        raise ValueError(f"down_block_types: {kind}")
    return kind == "CrossAttnDownBlock2D"


def to_files(config: ModelConfig) -> dict[str, dict[str, Any]]:
    """Return the contents of the four JSON files, by the keys of :data:`FILES`."""
    attention = config.unet.attention
    return {
        "unet": {
            "_class_name": "UNet2DConditionModel",
            "_diffusers_version": VERSION,
            "act_fn": "silu",
            "attention_head_dim": config.unet.num_heads,  # sic, see _config
            "block_out_channels": [config.unet.model_channels * m for m in config.unet.channel_mult],
            "center_input_sample": False,
            "cross_attention_dim": config.unet.context_dim,
            "down_block_types": [f"{'CrossAttn' if on else ''}DownBlock2D" for on in attention],
            "downsample_padding": 1,
            "flip_sin_to_cos": True,
            "freq_shift": 0,
            "in_channels": config.unet.in_channels,
            "layers_per_block": config.unet.num_res_blocks,
            "mid_block_scale_factor": 1,
            "norm_eps": 1e-5,
            "norm_num_groups": config.unet.norm_groups,
            "out_channels": config.unet.out_channels,
            "sample_size": config.defaults.height // config.vae.factor,
            "up_block_types": [f"{'CrossAttn' if on else ''}UpBlock2D" for on in reversed(attention)],
        },
        "vae": {
            "_class_name": "AutoencoderKL",
            "_diffusers_version": VERSION,
            "act_fn": "silu",
            "block_out_channels": [config.vae.ch * m for m in config.vae.ch_mult],
            "down_block_types": ["DownEncoderBlock2D"] * len(config.vae.ch_mult),
            "in_channels": config.vae.in_channels,
            "latent_channels": config.vae.latent_channels,
            "layers_per_block": config.vae.num_res_blocks,
            "norm_num_groups": config.vae.norm_groups,
            "out_channels": config.vae.in_channels,
            "sample_size": config.defaults.height,
            "scaling_factor": config.vae.scaling_factor,
            "up_block_types": ["UpDecoderBlock2D"] * len(config.vae.ch_mult),
        },
        "text_encoder": diffusers_text.to_settings(config.text),
        "scheduler": {
            "_class_name": "DDIMScheduler",
            "_diffusers_version": VERSION,
            "beta_end": config.schedule.beta_end,
            "beta_schedule": "scaled_linear",
            "beta_start": config.schedule.beta_start,
            "clip_sample": False,
            "num_train_timesteps": config.schedule.num_train_timesteps,
            "prediction_type": "v_prediction" if config.schedule.prediction == "v" else "epsilon",
            "set_alpha_to_one": False,
            "steps_offset": 1,
            "timestep_spacing": "leading",
        },
    }


VERSION: Final = "0.30.0"
"""Of diffusers: the oldest whose classes take exactly these settings."""
MODEL_INDEX: Final[Json] = {
    "_diffusers_version": VERSION,
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""``model_index.json``, but for what depends on the text encoder: :data:`diffusers_text.CLASSES`."""
