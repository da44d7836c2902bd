"""What a folder of the original has, with tiny widths: configurations, checkpoints, pictures."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml
from PIL import Image

from sdjp.config import CLIPTextConfig, Defaults, ModelConfig, UNetConfig, VAEConfig
from sdjp.images import read_metadata
from sdjp.options import GenerationOptions
from sdjp.weights import to_layout
from sdjp.weights.names.maps import MAPS
from tests.conftest import random_models

# Latents of 8 cells, pictures of 64 pixels; the text encoder is as wide as one head of CLIP's.
TINY_V1: Final = ModelConfig(
    name="model",
    unet=UNetConfig(
        model_channels=32,
        channel_mult=(1, 2),
        num_res_blocks=1,
        attention=(True, True),
        num_heads=4,
        context_dim=64,
    ),
    vae=VAEConfig(ch=32, num_res_blocks=1),
    text=CLIPTextConfig(width=64, layers=1, heads=1, mlp_width=128),
    defaults=Defaults(height=64, width=64),
)
CONFIG: Final = "configs/stable-diffusion/v1-inference.yaml"
CKPT: Final = "models/ldm/stable-diffusion-v1/model.ckpt"


def v1_inference() -> dict[str, Any]:
    """The facts of v1-inference.yaml."""
    return {
        "model": {
            "base_learning_rate": 1.0e-4,
            "target": "ldm.models.diffusion.ddpm.LatentDiffusion",
            "params": {
                "linear_start": 0.00085,
                "linear_end": 0.0120,
                "num_timesteps_cond": 1,
                "log_every_t": 200,
                "timesteps": 1000,
                "first_stage_key": "jpg",
                "cond_stage_key": "txt",
                "image_size": 64,
                "channels": 4,
                "cond_stage_trainable": False,
                "conditioning_key": "crossattn",
                "monitor": "val/loss_simple_ema",
                "scale_factor": 0.18215,
                "use_ema": False,
                "scheduler_config": {
                    "target": "ldm.lr_scheduler.LambdaLinearScheduler",
                    "params": {"warm_up_steps": [10000], "f_max": [1.0]},
                },
                "unet_config": {
                    "target": "ldm.modules.diffusionmodules.openaimodel.UNetModel",
                    "params": {
                        "image_size": 32,
                        "in_channels": 4,
                        "out_channels": 4,
                        "model_channels": 320,
                        "attention_resolutions": [4, 2, 1],
                        "num_res_blocks": 2,
                        "channel_mult": [1, 2, 4, 4],
                        "num_heads": 8,
                        "use_spatial_transformer": True,
                        "transformer_depth": 1,
                        "context_dim": 768,
                        "use_checkpoint": True,
                        "legacy": False,
                    },
                },
                "first_stage_config": {
                    "target": "ldm.models.autoencoder.AutoencoderKL",
                    "params": {
                        "embed_dim": 4,
                        "monitor": "val/rec_loss",
                        "ddconfig": {
                            "double_z": True,
                            "z_channels": 4,
                            "resolution": 256,
                            "in_channels": 3,
                            "out_ch": 3,
                            "ch": 128,
                            "ch_mult": [1, 2, 4, 4],
                            "num_res_blocks": 2,
                            "attn_resolutions": [],
                            "dropout": 0.0,
                        },
                        "lossconfig": {"target": "torch.nn.Identity"},
                    },
                },
                "cond_stage_config": {"target": "ldm.modules.encoders.modules.FrozenCLIPEmbedder"},
            },
        }
    }


def txt2img_1p4b_eval() -> dict[str, Any]:
    """The facts of txt2img-1p4B-eval.yaml, the model of LAION-400M."""
    data = v1_inference()
    params = data["model"]["params"]
    params |= {"first_stage_key": "image", "cond_stage_key": "caption", "image_size": 32}
    params["cond_stage_trainable"] = True
    del params["scheduler_config"]
    params["unet_config"]["params"]["context_dim"] = 1280
    params["cond_stage_config"] = {
        "target": "ldm.modules.encoders.modules.BERTEmbedder",
        "params": {"n_embed": 1280, "n_layer": 32},
    }
    return data


def tiny_yaml(config: ModelConfig = TINY_V1, **params: Any) -> dict[str, Any]:
    """v1-inference.yaml with the widths of ``config``; ``params`` replace those of the model."""
    data = copy.deepcopy(v1_inference())
    model = data["model"]["params"]
    unet, dd = model["unet_config"]["params"], model["first_stage_config"]["params"]["ddconfig"]
    unet |= {"model_channels": config.unet.model_channels, "num_heads": config.unet.num_heads}
    unet |= {"channel_mult": list(config.unet.channel_mult), "num_res_blocks": config.unet.num_res_blocks}
    unet["context_dim"] = config.unet.context_dim
    dd |= {"ch": config.vae.ch, "num_res_blocks": config.vae.num_res_blocks}
    model["image_size"] = config.defaults.height // config.vae.factor
    model |= params
    return data


def save_yaml(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def tiny_tensors(config: ModelConfig = TINY_V1, *, ema: float | None = None) -> dict[str, torch.Tensor]:
    """Every tensor of an original checkpoint; with ``ema``, averaged twins that are so much larger, too."""
    model = random_models(config)
    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    if ema is not None:
        twins = {MAPS["ldm"].ema(name): tensor * ema for name, tensor in tensors.items()}
        tensors |= {name: tensor for name, tensor in twins.items() if name is not None}
    return tensors


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": tensors, "global_step": 470000, "pytorch-lightning_version": "1.4.2"}, path)
    return path


def save_original(folder: Path, config: ModelConfig = TINY_V1) -> None:
    """Lay out ``folder`` as the original's README asks for: checkpoint and configuration at their places."""
    save_checkpoint(folder / CKPT, tiny_tensors(config))
    save_yaml(folder / CONFIG, tiny_yaml(config))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def equal(a: Path, b: Path) -> bool:
    return pixels(a).shape == pixels(b).shape and bool((pixels(a) == pixels(b)).all())


def options(path: Path) -> GenerationOptions:
    found = read_metadata(path).options
    assert found is not None
    return found


def record(path: Path) -> Mapping[str, Any]:
    found = read_metadata(path).sdjp
    assert found is not None
    return found
