"""Small LoRA and textual inversion files with random weights, in every form they are met in.

Module names are those that diffusers and transformers themselves gave (see golden/README.md, keys).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp.weights import to_layout
from tests.conftest import SMALL, random_models

KEYS = Path(__file__).parent / "golden" / "keys" / "diffusers_sd_v1.json.gz"
RANK, ALPHA = 4, 2.0
ATTENTION = re.compile(r".*(attn\d\.to_(q|k|v|out\.0)|self_attn\.(q|k|v|out)_proj)")
EVERYTHING = re.compile(r".*")
# What LoRAs for few steps touch: the layers that the script of LCM-LoRA names, and others after it.
FEW_STEPS = re.compile(
    r".*(to_(q|k|v|out\.0)|proj_in|proj_out|ff\.net\.(0\.proj|2)|conv1|conv2|conv_shortcut"
    r"|downsamplers\.0\.conv|upsamplers\.0\.conv|time_emb_proj)"
)


@cache
def names_there(part: str) -> dict[str, tuple[int, ...]]:
    """The layers of diffusers' UNet or transformers' text encoder, and their shapes in the small model."""
    model = random_models(SMALL)
    tensors = to_layout("diffusers", SMALL, unet=model.unet, vae=model.vae, text=model.text)
    with gzip.open(KEYS, "rt", encoding="utf-8") as file:
        listed = json.load(file)[part]
    return {
        name.removesuffix(".weight"): tuple(tensors[f"{part}/{name}"].shape)
        for name, shape in listed.items()
        if len(shape) >= 2 and not name.endswith("_embedding.weight") and f"{part}/{name}" in tensors
    }


def factors(shape: tuple[int, ...], generator: torch.Generator, *, tucker: bool = False) -> dict[str, Tensor]:
    """Random factors of one layer; large enough to be seen in a picture."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * 0.2

    ones = [1] * len(shape[2:])
    if tucker:
        return {
            "down": draw(RANK, shape[1], *ones),
            "mid": draw(RANK, RANK, *shape[2:]),
            "up": draw(shape[0], RANK, *ones),
        }
    return {"down": draw(RANK, *shape[1:]), "up": draw(shape[0], RANK, *ones)}


def kohya(part: str, name: str, role: str) -> str:
    prefix = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[part]
    leaf = "alpha" if role == "alpha" else f"lora_{role}.weight"
    return f"{prefix}{name.replace('.', '_')}.{leaf}"


def peft(part: str, name: str, role: str) -> str:
    leaf = {"down": "lora_A.weight", "up": "lora_B.weight", "alpha": "alpha"}[role]
    return f"{part}.{name}.{leaf}"


def peft_folder(part: str, name: str, role: str) -> str:
    """As ``adapter_model.safetensors`` of peft has them, where a UNet was trained alone."""
    return f"base_model.model.{peft(part, name, role).removeprefix(f'{part}.')}"


def diffusers_new(part: str, name: str, role: str) -> str:
    if role == "alpha":
        return f"{part}.{name}.alpha"
    return f"{part}.{name}.{'lora' if part == 'unet' else 'lora_linear_layer'}.{role}.weight"


def diffusers_old(part: str, name: str, role: str) -> str:
    """Attention processors, as diffusers before 0.21 named them; attention only, and no alpha."""
    module, _, leaf = name.removesuffix(".0").rpartition(".")
    leaf = (
        leaf if part == "unet" else {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v"}.get(leaf, "to_out")
    )
    processor = ".processor" if part == "unet" else ""
    return f"{part}.{module}{processor}.{leaf}_lora.{role}.weight"


def lora_tensors(
    naming: Callable[[str, str, str], str],
    *,
    which: re.Pattern[str] = ATTENTION,
    seed: int = 0,
    alpha: float | None = ALPHA,
    tucker: bool = False,
    parts: Iterable[str] = ("unet", "text_encoder"),
) -> dict[str, Tensor]:
    """The tensors of a LoRA for the small model."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for part in parts:
        for name, shape in names_there(part).items():
            if which.fullmatch(name):
                of_one = factors(shape, generator, tucker=tucker and len(shape) == 4)
                if alpha is not None:
                    of_one["alpha"] = torch.tensor(alpha)
                tensors |= {naming(part, name, role): tensor for role, tensor in of_one.items()}
    return tensors


def write_lora(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> Path:
    """Write tensors by the ending of ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file({k: v.clone() for k, v in tensors.items()}, path, dict(metadata) if metadata else None)
    else:
        torch.save(dict(tensors), path)
    return path


def vectors(count: int = 2, width: int = SMALL.text.width, seed: int = 0) -> Tensor:
    """Random vectors of a size that shows in a picture."""
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def write_inversion(path: Path, rows: Tensor) -> Path:
    """Write vectors as AUTOMATIC1111 does, by the ending of ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file({"emb_params": rows}, path)
    else:
        data = {"string_to_token": {"*": 265}, "string_to_param": {"*": rows}, "name": path.stem, "step": 1}
        torch.save(data, path)
    return path
