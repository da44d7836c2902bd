"""Configurations: specs of models, models by name, and JSON in and out."""

from sdjp.config.codec import from_json, to_json
from sdjp.config.named import ALT_DIFFUSION, LAION_400M, MINI, SD_V1, TINY, VIT_L_14, VIT_TINY
from sdjp.config.specs import (
    Activation,
    AdapterConfig,
    BertConfig,
    CLIPTextConfig,
    CLIPVisionConfig,
    Concept,
    Defaults,
    ModelConfig,
    Prediction,
    SafetyCheckerConfig,
    ScheduleConfig,
    TextConfig,
    UNetConfig,
    VAEConfig,
    XLMRobertaConfig,
)

__all__ = [
    "ALT_DIFFUSION",
    "LAION_400M",
    "MINI",
    "SD_V1",
    "TINY",
    "VIT_L_14",
    "VIT_TINY",
    "Activation",
    "AdapterConfig",
    "BertConfig",
    "CLIPTextConfig",
    "CLIPVisionConfig",
    "Concept",
    "Defaults",
    "ModelConfig",
    "Prediction",
    "SafetyCheckerConfig",
    "ScheduleConfig",
    "TextConfig",
    "UNetConfig",
    "VAEConfig",
    "XLMRobertaConfig",
    "from_json",
    "to_json",
]
