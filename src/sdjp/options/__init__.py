"""Options: what one generation is asked for, each told once, and how to refuse what cannot be drawn."""

from sdjp.checks import MAX_LORA_WEIGHT
from sdjp.choices import (
    Fit,
    MaskRule,
    PromptCheck,
    SafetyMode,
    TranslateMode,
    WatermarkMethod,
)
from sdjp.options.generation import (
    MAX_PIXELS,
    MAX_SEED,
    OPTIONS,
    GenerationOptions,
    Option,
    ResolvedOptions,
    check_factor,
    check_option,
    check_options,
    checked_steps,
    enlarging,
    frozen,
)
from sdjp.options.presets import PRESETS, Preset, get_preset

__all__ = [
    "MAX_LORA_WEIGHT",
    "MAX_PIXELS",
    "MAX_SEED",
    "OPTIONS",
    "PRESETS",
    "Fit",
    "GenerationOptions",
    "MaskRule",
    "Option",
    "Preset",
    "PromptCheck",
    "ResolvedOptions",
    "SafetyMode",
    "TranslateMode",
    "WatermarkMethod",
    "check_factor",
    "check_option",
    "check_options",
    "checked_steps",
    "enlarging",
    "frozen",
    "get_preset",
]
