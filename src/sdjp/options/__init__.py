"""Options: what one generation is asked for, each told once, and how to refuse what cannot be drawn."""

from sdjp.options.generation import (
    ENLARGEMENT,
    MAX_LORA_WEIGHT,
    MAX_PIXELS,
    OPTIONS,
    Fit,
    GenerationOptions,
    MaskRule,
    Option,
    ResolvedOptions,
    TranslateMode,
    check_options,
    frozen,
)
from sdjp.options.presets import PRESETS, Preset, get_preset

__all__ = [
    "ENLARGEMENT",
    "MAX_LORA_WEIGHT",
    "MAX_PIXELS",
    "OPTIONS",
    "PRESETS",
    "Fit",
    "GenerationOptions",
    "MaskRule",
    "Option",
    "Preset",
    "ResolvedOptions",
    "TranslateMode",
    "check_options",
    "frozen",
    "get_preset",
]
