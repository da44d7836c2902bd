"""Models by name: Stable Diffusion v1, its relatives, the embedded one, and small ones for tests."""

from __future__ import annotations

from typing import Final

from sdjp.config.specs import (
    BertConfig,
    CLIPTextConfig,
    CLIPVisionConfig,
    Defaults,
    ModelConfig,
    ScheduleConfig,
    UNetConfig,
    VAEConfig,
    XLMRobertaConfig,
)

SD_V1: Final = ModelConfig()
"""Stable Diffusion v1: 859,520,964 + 83,653,863 + 123,060,480 parameters."""

LAION_400M: Final = ModelConfig(
    name="laion400m",
    unet=UNetConfig(context_dim=1280),
    text=BertConfig(),
    defaults=Defaults(height=256, width=256),
)
"""Latent diffusion on LAION-400M ("text2img-large"): 872,300,484 + 83,653,863 + 542,895,360 parameters."""

ALT_DIFFUSION: Final = ModelConfig(name="alt-diffusion", text=XLMRobertaConfig())
"""AltDiffusion and AltDiffusion-m9: Stable Diffusion v1 with a text encoder of several languages."""

TINY: Final = ModelConfig(
    name="tiny",
    unet=UNetConfig(model_channels=32, num_heads=4, context_dim=32),
    vae=VAEConfig(ch=32),
    text=CLIPTextConfig(width=32, layers=2, heads=4, mlp_width=64),
    defaults=Defaults(height=64, width=64),
)
"""The same tensor names as SD v1 with small widths, for tests with random weights."""

VIT_L_14: Final = CLIPVisionConfig()
"""The image encoder of the original safety checker."""

VIT_TINY: Final = CLIPVisionConfig(
    width=32, layers=2, heads=4, mlp_width=64, image_size=32, patch_size=8, projection=16
)
"""The same tensor names with small widths, for tests with random weights."""

MINI: Final = ModelConfig(
    name="mini",
    unet=UNetConfig(
        in_channels=8,
        out_channels=8,
        model_channels=96,
        channel_mult=(1, 2, 2),
        num_res_blocks=1,
        attention=(True, True, True),
        num_heads=3,
        context_dim=192,
        norm_groups=8,
    ),
    vae=VAEConfig(latent_channels=8, ch=16, ch_mult=(1, 2, 4, 6, 8), num_res_blocks=1, norm_groups=4),
    text=CLIPTextConfig(vocab_size=8192, width=192, layers=4, heads=3, mlp_width=768),
    schedule=ScheduleConfig(beta_end=0.02, prediction="v"),
    defaults=Defaults(
        height=256,
        width=256,
        num_inference_steps=8,
        guidance_scale=2.0,
        sampler="ddim",
        noise_multiplier=0.4,
        upscaler="animevideo",
    ),
    telling_padding=True,
)
"""The embedded model before its weights are known; the shipped one comes from its own ``config.json``."""
