"""Names in LoRA files, from the tables of the networks: kohya-ss' scripts, diffusers (old and new) and peft.

A name is that of a module and one of :data:`ROLES`; kohya-ss writes the module with ``_`` for every dot.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from sdjp.config import ModelConfig
from sdjp.weights.names.keymap import Layout

Role = Literal["down", "up", "mid", "alpha"]

PREFIXES: Final = (
    # layout of the module's name, what begins it there, what begins it in the file, dots written as
    ("diffusers", "unet/", "lora_unet_", "_"),
    ("diffusers", "text_encoder/", "lora_te_", "_"),
    ("diffusers", "text_encoder/", "lora_te1_", "_"),
    ("ldm", "model.diffusion_model.", "lora_unet_", "_"),
    ("ldm", "model.diffusion_model.", "diffusion_model.", "."),  # written by ComfyUI
    ("diffusers", "text_encoder/", "text_encoders.clip_l.transformer.", "."),
    ("diffusers", "text_encoder/", "clip_l.transformer.", "."),
    ("diffusers", "unet/", "unet.", "."),
    ("diffusers", "text_encoder/", "text_encoder.", "."),
    ("diffusers", "text_encoder/text_model.", "text_encoder.", "."),  # written by transformers 5
    ("diffusers", "unet/", "", "."),  # by save_attn_procs, or of a peft folder
)
ROLES: Final[tuple[tuple[str, Role], ...]] = (
    (r"\.lora_down\.weight", "down"),
    (r"\.lora_up\.weight", "up"),
    (r"\.lora_mid\.weight", "mid"),
    (r"\.lora_A(?:\.\w+)?\.weight", "down"),
    (r"\.lora_B(?:\.\w+)?\.weight", "up"),
    (r"\.lora(?:_linear_layer|_layer)?\.down\.weight", "down"),
    (r"\.lora(?:_linear_layer|_layer)?\.up\.weight", "up"),
    (r"\.alpha", "alpha"),
)
# Diffusers before 0.21 named the layers of its attention processors.
ALIASES: Final = (
    (r"(^|\.)_orig_mod\.", r"\1"),  # torch.compile
    (r"^base_model\.model\.", ""),
    (r"^model\.(?=diffusion_model\.)", ""),
    (r"\.processor\.", "."),
    (r"^(text_encoder\..+\.self_attn)\.to_(q|k|v)_lora\.", r"\1.\2_proj.lora."),
    (r"^(text_encoder\..+\.self_attn)\.to_out_lora\.", r"\1.out_proj.lora."),
    (r"\.to_(q|k|v)_lora\.", r".to_\1.lora."),
    (r"\.to_out_lora\.", r".to_out.0.lora."),
    (r"(\.lora(?:_linear_layer|_layer)?)\.alpha$", ".alpha"),
)
UNSUPPORTED: Final = (
    r".*\.(hada_\w+|lokr_\w+|oft_\w+|boft_\w+|glora_\w+|on_input|diff|diff_b|dora_scale|w_norm|b_norm)",
    r".*\.(a1|a2|b1|b2)\.weight",
    r".*\.lora_magnitude_vector(\.\w+)?(\.weight)?",
    r".*\.lora_B(\.\w+)?\.bias",
    r".*\.(oft_blocks|oft_diag|scalar)",
)
"""Other kinds of adapters, which would draw something else if only their LoRA part were applied."""


class Factor(NamedTuple):
    """One tensor of a file."""

    module: str
    """Our name of the module that it changes; where we have none, the name in the file."""
    role: Role
    known: bool
    """Whether we have a name for it."""


def module_names(
    config: ModelConfig, layouts: Mapping[str, Layout], modules: Collection[str]
) -> dict[str, str]:
    """Return the names in files of the modules of a model, to ours.

    Args:
        config: The model.
        layouts: The tables of :mod:`sdjp.weights.names.maps`, which have rows for modules that it lacks, too.
        modules: Our names of those that it has.
    """
    names: dict[str, str] = {}
    for layout, begins, written, dot in PREFIXES:
        for row in layouts[layout].rows(config):
            if row.theirs.startswith(begins) and row.ours in modules:
                theirs = written + row.theirs.removeprefix(begins).replace(".", dot)
                names.setdefault(theirs, row.ours)
    return names


def read_name(name: str, modules: Mapping[str, str]) -> Factor | None:
    """Read the name of a tensor; None if it is no part of a LoRA."""
    for pattern, replacement in ALIASES:
        name = re.sub(pattern, replacement, name)
    for suffix, role in ROLES:
        match = re.fullmatch(f"(?P<module>.+?){suffix}", name)
        if match is not None:
            ours = modules.get(match["module"])
            return Factor(match["module"] if ours is None else ours, role, ours is not None)
    return None


def unsupported(names: Iterable[str]) -> list[str]:
    """Return the names that belong to another kind of adapter."""
    return [name for name in names if any(re.fullmatch(pattern, name) for pattern in UNSUPPORTED)]
