"""LoRA files (Hu et al. 2021, arXiv 2106.09685): what they add to which weights.

W' = W + weight · alpha / rank · (up @ down), in float32. For convolutions the factors are convolutions, too;
with a third factor, ``mid``, the change is a Tucker decomposition (LoCon: Yeh et al. 2023, arXiv 2309.14859).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from sdjp.addons.lora_names import Role, module_names, read_name, unsupported
from sdjp.config import ModelConfig
from sdjp.errors import WeightsError
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.names.compare import LISTED
from sdjp.weights.names.maps import MAPS

METADATA: Final = "lora_adapter_metadata"  # of diffusers, in safetensors files
PEFT: Final = "adapter_config.json"  # beside the file
PARTS: Final = {"unet": "unet", "text": "text_encoder"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """What a LoRA adds to one weight.

    Attributes:
        file: Where its factors are.
        names: The name there of each factor.
        scale: alpha / rank.
        shape: The shape of the weight.
    """

    file: TensorFile
    names: Mapping[Role, str]
    scale: float
    shape: tuple[int, ...]

    def delta(self, device: torch.device | str = "cpu") -> Tensor:
        """Return what is added at weight 1, float32, in the shape of the weight."""
        factors = {role: self.file.read(name).to(device).float() for role, name in self.names.items()}
        up, down = factors["up"].flatten(1), factors["down"].flatten(1)
        if "mid" in factors:
            product = torch.einsum("or,rs...,si->oi...", up, factors["mid"], down)
        else:
            product = up @ down
        return self.scale * product.reshape(self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lora:
    """A LoRA file, read and found to fit a model.

    Attributes:
        path: The file.
        changes: Our name of each weight that it changes (``"unet.….weight"``) to what it adds.
        unused: Names in the file that are no part of a LoRA.
    """

    path: Path
    changes: Mapping[str, Change]
    unused: tuple[str, ...]


def read_lora(path: Path, config: ModelConfig, shapes: Mapping[str, tuple[int, ...]]) -> Lora:
    """Read a LoRA file of kohya-ss' scripts, diffusers or peft.

    Args:
        path: The file.
        config: The model that it is for.
        shapes: Shapes of the model's weights by our names.

    Raises:
        WeightsError: If it cannot be read, is no LoRA or does not fit; all that is wrong is in one message.
    """
    file = open_file(path)
    modules = module_names(config, MAPS, {name.removesuffix(".weight") for name in shapes})
    factors: dict[str, dict[Role, str]] = {}
    foreign = unsupported(file.entries)
    strangers, unused, misshapen = [], [], []
    for name in file.entries:
        factor = read_name(name, modules)
        if factor is None:
            unused += [] if name in foreign else [name]
        elif not factor.known:
            strangers.append(name)
        else:
            factors.setdefault(factor.module, {})[factor.role] = name
    settings = _Settings.of(file)
    changes = {}
    for module, names in factors.items():
        shape = shapes[f"{module}.weight"]
        problem = _problem(file, names, shape)
        if problem is None:
            scale = settings.scale(module, names, file)
            kept: dict[Role, str] = {role: name for role, name in names.items() if role != "alpha"}
            changes[f"{module}.weight"] = Change(file=file, names=kept, scale=scale, shape=shape)
        else:
            misshapen.append(f"{next(iter(names.values()))} ({problem})")
    problems = (
        ("sdjp が扱えない種類のテンソル", "tensors of a kind that sdjp cannot apply", foreign),
        ("このモデルにない場所のテンソル", "tensors for places that this model does not have", strangers),
        ("形の合わないもの、欠けたもの", "misshapen or incomplete", misshapen),
    )
    if foreign or strangers or misshapen or not changes:
        ja, en = _told(problems) if foreign or strangers or misshapen else ("", "")
        raise WeightsError(
            "lora.fit",
            ja=f"LoRA {path} は、モデル {config.name} に使えません。{ja}\n"
            "Stable Diffusion v1 用の LoRA（kohya-ss か diffusers の形式）を指定してください。",
            en=f"the LoRA {path} cannot be used with the model {config.name}.{en}\n"
            "Give a LoRA for Stable Diffusion v1, in the form of kohya-ss or diffusers.",
        )
    return Lora(path=path, changes=changes, unused=tuple(unused))


@dataclass(frozen=True)
class _Settings:
    """What a file says of alpha where it has no tensors for it; alpha is the rank where nothing is said."""

    data: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, file: TensorFile) -> _Settings:
        beside = file.path.parent / PEFT
        try:
            if METADATA in file.metadata:
                told = json.loads(file.metadata[METADATA])
                parts = {
                    part: {
                        key.removeprefix(f"{theirs}."): value
                        for key, value in told.items()
                        if key.startswith(f"{theirs}.")
                    }
                    for part, theirs in PARTS.items()
                }
                return cls(parts if any(parts.values()) else dict.fromkeys(PARTS, told))
            if file.path.stem == "adapter_model" and beside.is_file():
                return cls(dict.fromkeys(PARTS, json.loads(beside.read_text(encoding="utf-8"))))
        except (OSError, ValueError, AttributeError) as error:
            raise _unreadable(file.path, error) from error
        return cls({})

    def scale(self, module: str, names: Mapping[Role, str], file: TensorFile) -> float:
        """alpha / rank of one module; alpha / sqrt(rank) where peft says so (arXiv 2312.03732)."""
        rank = file.entries[names["down"]].shape[0]
        if "alpha" in names:
            return float(file.read(names["alpha"]).flatten()[0]) / rank
        theirs = re.sub(r"\.lora_A(\.\w+)?\.weight$", "", names["down"])
        try:
            told = self.data.get(module.partition(".")[0], {})
            alpha = told.get("lora_alpha")
            for pattern, value in (told.get("alpha_pattern") or {}).items():
                if re.search(rf"(^|\.)({pattern})$", theirs):
                    alpha = value
            if alpha is None:
                return 1.0
            return float(alpha) / (math.sqrt(rank) if told.get("use_rslora") else rank)
        except (AttributeError, TypeError, ValueError, re.error) as error:
            raise _unreadable(file.path, error) from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        "lora.settings",
        ja=f"LoRA {path} の設定（alpha）を読めません: {error}。ファイルを入手し直してください。",
        en=f"cannot read the settings (alpha) of the LoRA {path}: {error}. Get the file again.",
    )


def _problem(file: TensorFile, names: Mapping[Role, str], shape: tuple[int, ...]) -> str | None:
    """What is wrong with the factors for a weight of ``shape``; 1×1 convolutions may be linear there."""
    missing = {"down": "lora_down", "up": "lora_up"}.keys() - names.keys()
    if missing:
        return "no " + ", ".join(sorted(missing))
    found = {role: file.entries[name].shape for role, name in names.items()}
    if "alpha" in found and math.prod(found["alpha"]) != 1:
        return f"alpha {_shape(found['alpha'])}"
    rank = found["down"][0] if found["down"] else 0
    inner = found["up"][1] if len(found["up"]) > 1 else 0
    wanted: dict[Role, tuple[int, ...]] = {"down": (rank, *shape[1:]), "up": (shape[0], rank)}
    if "mid" in found:
        wanted = {"down": (rank, shape[1]), "mid": (inner, rank, *shape[2:]), "up": (shape[0], inner)}
    wrong = [
        f"{role} {_shape(found[role])} → {_shape(want)}"
        for role, want in wanted.items()
        if _stripped(found[role]) != _stripped(want) or 0 in want
    ]
    return ", ".join(wrong) or None


def _stripped(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the sides of a 1×1 kernel."""
    return shape[:2] if all(n == 1 for n in shape[2:]) else shape


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _told(problems: tuple[tuple[str, str, list[str]], ...]) -> tuple[str, str]:
    texts = []
    for index, more in ((0, "ほか {} 個"), (1, "and {} more")):
        lines = []
        for problem in problems:
            names = problem[2]
            if names:
                lines += [f"\n{problem[index]}: {len(names)}", *(f"\n  {name}" for name in names[:LISTED])]
                lines += [f"\n  {more.format(len(names) - LISTED)}"] * (len(names) > LISTED)
        texts.append("".join(lines))
    return texts[0], texts[1]
