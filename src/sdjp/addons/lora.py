"""LoRA files (Hu et al. 2021, arXiv 2106.09685) and the changes of weights that are in them.

W' = W + weight · alpha / rank · (up @ down), in float32. For convolutions the factors are convolutions, too;
with a third factor, ``mid``, the change is a Tucker decomposition (LoCon: Yeh et al. 2023, arXiv 2309.14859).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from sdjp.addons.lora_names import Role, module_names, read_name, unsupported
from sdjp.config import ModelConfig
from sdjp.weights.files.faults import FILE, Fault, Invalid, faults_of, texts_of
from sdjp.weights.files.json_file import parse_json, read_object, to_object
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.names.compare import Shape, listing, show_shape
from sdjp.weights.names.maps import MAPS

METADATA: Final = "lora_adapter_metadata"  # of diffusers, in safetensors files
PEFT: Final = "adapter_config.json"  # beside the file
MAX_PATTERNS, MAX_WILD, MAX_PATTERN = 2_000, 20, 300
"""Patterns of a file, those that stand for several modules, and characters of one."""
PARTS: Final = {"unet": "unet", "text": "text_encoder"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """The change of one weight.

    Attributes:
        file: Where its factors are.
        names: The name there of each factor.
        scale: alpha / rank.
        shape: The shape of the weight.
    """

    file: TensorFile
    names: Mapping[Role, str]
    scale: float
    shape: Shape

    def delta(self, device: torch.device | str = "cpu") -> Tensor:
        """Return the difference at weight 1, float32, in the shape of the weight."""
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
        changes: The change of each weight, by our name of it (``"unet.….weight"``).
        unused: Names in the file that are no part of a LoRA.
    """

    path: Path
    changes: Mapping[str, Change]
    unused: tuple[str, ...]


def read_lora(path: Path, config: ModelConfig, shapes: Mapping[str, Shape]) -> Lora:
    """Read a LoRA file of kohya-ss' scripts, diffusers or peft.

    Args:
        path: The file.
        config: The model that it is for.
        shapes: Shapes of the model's weights by our names.

    Raises:
        WeightsError: If it cannot be read, is no LoRA or does not fit; all that is wrong is in one message.
    """
    with faults_of(path):
        return _lora(open_file(path), config, shapes)


def _lora(file: TensorFile, config: ModelConfig, shapes: Mapping[str, Shape]) -> Lora:
    modules = module_names(config, MAPS, {name.removesuffix(".weight") for name in shapes})
    factors: dict[str, dict[Role, str]] = {}
    foreign = unsupported(file.entries)
    misplaced, unused, misshapen = [], [], []
    for name in file.entries:
        factor = read_name(name, modules)
        if factor is None:
            unused += [] if name in foreign else [name]
        elif not factor.known:
            misplaced.append(name)
        else:
            factors.setdefault(factor.module, {})[factor.role] = name
    settings = _Settings.of(file)
    changes = {}
    for module, names in factors.items():
        shape = shapes[f"{module}.weight"]
        problem = _problem(file, names, shape)
        if problem is None:
            scale = settings.scale(module, names, file)
            matrices: dict[Role, str] = {role: name for role, name in names.items() if role != "alpha"}
            changes[f"{module}.weight"] = Change(file=file, names=matrices, scale=scale, shape=shape)
        else:
            misshapen.append(f"{next(iter(names.values()))} ({problem})")
    if foreign or misplaced or misshapen or not changes:
        raise _unfit(config, foreign, misplaced, misshapen)
    return Lora(path=file.path, changes=changes, unused=tuple(unused))


def _unfit(config: ModelConfig, foreign: list[str], misplaced: list[str], misshapen: list[str]) -> Fault:
    problems = (
        ("sdjp が扱えない種類のテンソル", "tensors of a kind that sdjp cannot apply", foreign),
        ("このモデルにない場所のテンソル", "tensors for places that this model does not have", misplaced),
        ("形の合わないもの、欠けたもの", "misshapen or incomplete", misshapen),
    )
    ja, en = listing([(f"{ja}: {len(names)}", f"{en}: {len(names)}", names) for ja, en, names in problems])
    line = "\n" if ja else ""  # a file with no part of a LoRA in it has none
    return Fault(
        "lora.fit",
        ja=f"LoRA {FILE} は、モデル {config.name} に使えません。{line}{ja}\n"
        "Stable Diffusion v1 用の LoRA（kohya-ss か diffusers の形式）を指定してください。",
        en=f"the LoRA {FILE} cannot be used with the model {config.name}.{line}{en}\n"
        "Give a LoRA for Stable Diffusion v1, in the form of kohya-ss or diffusers.",
    )


@dataclass(frozen=True)
class _Settings:
    """Settings of a file for modules that have no tensor ``alpha``; without any, alpha is the rank."""

    by_part: Mapping[str, Mapping[str, Any]]
    patterns: Mapping[str, Sequence[tuple[re.Pattern[str], Any]]]

    @classmethod
    def of(cls, file: TensorFile) -> _Settings:
        try:
            by_part = cls._by_part(file)
            patterns = {part: _patterns(settings.get("alpha_pattern")) for part, settings in by_part.items()}
        except (Invalid, re.error) as error:
            raise _unreadable(error) from error
        return cls(by_part, patterns)

    @staticmethod
    def _by_part(file: TensorFile) -> Mapping[str, Mapping[str, Any]]:
        beside = file.path.parent / PEFT
        if METADATA in file.metadata:
            settings = to_object(parse_json(file.metadata[METADATA]))
            by_part = {
                part: {
                    key.removeprefix(f"{theirs}."): value
                    for key, value in settings.items()
                    if key.startswith(f"{theirs}.")
                }
                for part, theirs in PARTS.items()
            }
            return by_part if any(by_part.values()) else dict.fromkeys(PARTS, settings)
        if file.path.stem == "adapter_model" and beside.is_file():
            return dict.fromkeys(PARTS, read_object(beside))
        return {}

    def scale(self, module: str, names: Mapping[Role, str], file: TensorFile) -> float:
        """alpha / rank of one module; alpha / sqrt(rank) where peft says so (arXiv 2312.03732)."""
        rank = file.entries[names["down"]].shape[0]
        if "alpha" in names:
            return float(file.read(names["alpha"]).flatten()[0]) / rank
        theirs = re.sub(r"\.lora_A(\.\w+)?\.weight$", "", names["down"])
        try:
            settings = self.by_part.get(module.partition(".")[0], {})
            alpha = settings.get("lora_alpha")
            for pattern, value in self.patterns.get(module.partition(".")[0], ()):
                if pattern.search(theirs):
                    alpha = value
            if alpha is None:
                return 1.0
            return float(alpha) / (math.sqrt(rank) if settings.get("use_rslora") else rank)
        except (TypeError, ValueError, OverflowError) as error:
            raise _unreadable(error) from error


def _patterns(given: Any) -> list[tuple[re.Pattern[str], Any]]:
    """The regular expressions for names of modules, which peft has, with the alpha of each.

    Raises:
        Invalid: If they are none, or might take longer than any layer of a network is worth.
        re.error: If one is no regular expression.
    """
    if given is None:
        return []
    if not isinstance(given, dict) or len(given) > MAX_PATTERNS:
        raise Invalid("alpha_pattern が表ではないか、大きすぎます", "alpha_pattern is no table, or too large")
    if sum(any(sign in pattern for sign in "*+{?|") for pattern in given) > MAX_WILD or any(
        len(pattern) > MAX_PATTERN
        or sum(pattern.count(sign) for sign in "*+{") > 2
        or sum(pattern.count(sign) for sign in "?|") > 8
        or re.search(r"\)[*+{]", pattern)
        for pattern in given
    ):
        raise Invalid(
            "alpha_pattern の正規表現が複雑すぎます", "a regular expression of alpha_pattern is too intricate"
        )
    return [(re.compile(rf"(^|\.)({pattern})$"), value) for pattern, value in given.items()]


def _unreadable(error: Exception) -> Fault:
    ja, en = texts_of(error)
    return Fault(
        "lora.settings",
        ja=f"LoRA {FILE} の設定（alpha）を読めません: {ja}。ファイルを入手し直してください。",
        en=f"cannot read the settings (alpha) of the LoRA {FILE}: {en}. Get the file again.",
    )


def _problem(file: TensorFile, names: Mapping[Role, str], shape: Shape) -> str | None:
    """The fault of the factors for a weight of ``shape``, or None; 1×1 convolutions may be linear there."""
    missing = {"down": "lora_down", "up": "lora_up"}.keys() - names.keys()
    if missing:
        return "no " + ", ".join(sorted(missing))
    factors = {role: file.entries[name].shape for role, name in names.items()}
    if "alpha" in factors and math.prod(factors["alpha"]) != 1:
        return f"alpha {show_shape(factors['alpha'])}"
    rank = factors["down"][0] if factors["down"] else 0
    inner = factors["up"][1] if len(factors["up"]) > 1 else 0
    fitting: dict[Role, Shape] = {"down": (rank, *shape[1:]), "up": (shape[0], rank)}
    if "mid" in factors:
        fitting = {"down": (rank, shape[1]), "mid": (inner, rank, *shape[2:]), "up": (shape[0], inner)}
    wrong = [
        f"{role} {show_shape(factors[role])} → {show_shape(fit)}"
        for role, fit in fitting.items()
        if _stripped(factors[role]) != _stripped(fit) or 0 in fit
    ]
    return ", ".join(wrong) or None


def _stripped(shape: Shape) -> Shape:
    """A shape without the sides of a 1×1 kernel."""
    return shape[:2] if all(n == 1 for n in shape[2:]) else shape
