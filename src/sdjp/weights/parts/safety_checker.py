"""Load a safety checker: CompVis' file, or a folder of the same form with names for its concepts.

A folder has ``config.json`` (Hugging Face's ``vision_config`` and ``projection_dim``; ``concepts`` and
``special_concepts``, lists of names ``{"ja": …, "en": …}``, where its makers tell them) and the tensors of
diffusers' ``StableDiffusionSafetyChecker``, however many concepts there are. Both prefixes of the image
encoder are read (``vision_model.`` since transformers 5, ``vision_model.vision_model.`` before).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from sdjp.config import CLIPVisionConfig, Concept, SafetyCheckerConfig
from sdjp.errors import WeightsError
from sdjp.models.safety_checker import SafetyChecker
from sdjp.weights.files.readers import open_file
from sdjp.weights.names.compare import compare
from sdjp.weights.names.maps.ldm import TEXT_LAYER
from sdjp.weights.networks import Unfilled
from sdjp.weights.on_demand import OnDemand
from sdjp.weights.source import from_hub, is_hub_id, locate, weight_file

FOLDER: Final = "safety_checker"
"""Where a model that ships a checker has it."""
HEAD_WIDTH: Final = 64
"""Width of one head in every image encoder of CLIP."""
MAX_SIZE: Final = 16384
"""Largest number in a configuration; ViT-L/14 has 4096."""
ACTIVATIONS: Final = ("quick_gelu", "gelu")

_VISION: Final = "vision_model."
_EMBEDDINGS: Final = _VISION + "embeddings."
_PATCHES: Final = _EMBEDDINGS + "patch_embedding.weight"
_IGNORED: Final = re.compile(r"vision_model\.embeddings\.position_ids")
_OWN: Final = {
    "concepts": "concept_embeds",
    "special": "special_care_embeds",
    "concept_thresholds": "concept_embeds_weights",
    "special_thresholds": "special_care_embeds_weights",
}
_MODULES: Final = {
    "patches": _EMBEDDINGS + "patch_embedding",
    "position_embedding": _EMBEDDINGS + "position_embedding",
    "norm_in": _VISION + "pre_layrnorm",  # spelt so in every file
    "norm_out": _VISION + "post_layernorm",
    "projection": "visual_projection",
}
# What a vision_config of Hugging Face leaves out is as in ViT-B/32, its default.
_SETTINGS: Final[Mapping[str, tuple[str, int]]] = {
    "width": ("hidden_size", 768),
    "layers": ("num_hidden_layers", 12),
    "heads": ("num_attention_heads", 12),
    "mlp_width": ("intermediate_size", 3072),
    "image_size": ("image_size", 224),
    "patch_size": ("patch_size", 32),
}

Shapes = Mapping[str, tuple[int, ...]]


def vision_settings(vision: CLIPVisionConfig) -> dict[str, Any]:
    """Return the ``vision_config`` of Hugging Face; the projection stands outside it."""
    settings = {theirs: getattr(vision, ours) for ours, (theirs, _) in _SETTINGS.items()}
    return {**settings, "hidden_act": vision.activation}


class _Place(NamedTuple):
    """The files of one checker."""

    weights: Path
    config: Path | None


def load_checker(
    source: str | Path | None,
    *,
    model: str | Path,
    device: torch.device | str = "cpu",
    on_demand: OnDemand | None = None,
) -> SafetyChecker | None:
    """Load a safety checker, in float32: a verdict does not depend on the dtype of the drawing.

    Args:
        source: Its file (``pytorch_model.bin``, ``model.safetensors``); its folder; a folder of a model that
            ships one; or a hub id such as ``"CompVis/stable-diffusion-safety-checker"``. None is the model's
            own.
        model: The model, as :func:`sdjp.weights.load` takes it.
        device: Where to put the weights.
        on_demand: Takes charge of the image encoder, as ``"safety"``; None to read it now.

    Returns:
        The checker; None if ``source`` is None and the model ships none.

    Raises:
        WeightsError: If the file is missing, damaged, unsafe, or not that of a safety checker; all that is
            wrong with its tensors is in one message.
        MissingDependencyError: If a hub id is given and huggingface_hub is not installed.
    """
    place = _own(model) if source is None else _find(source)
    return None if place is None else _load(place, torch.device(device), on_demand)


def tensor_names(config: SafetyCheckerConfig) -> Iterator[tuple[str, str]]:
    """Give our name and the file's name of each tensor of a checker."""
    yield from _OWN.items()
    for ours, theirs in vision_names(config.vision.layers):
        yield f"vision.{ours}", theirs


def vision_names(layers: int) -> Iterator[tuple[str, str]]:
    """Give our name and Hugging Face's of each tensor of an image encoder."""
    yield "class_embedding", _EMBEDDINGS + "class_embedding"
    modules = dict(_MODULES)
    for n in range(layers):
        theirs = f"{_VISION}encoder.layers.{n}"
        modules |= {f"layers.{n}.{ours}": f"{theirs}.{name}" for ours, name in TEXT_LAYER}
    for ours, name in modules.items():
        yield f"{ours}.weight", f"{name}.weight"
        if ours not in ("patches", "position_embedding", "projection"):
            yield f"{ours}.bias", f"{name}.bias"


# Where it is.


def _own(model: str | Path) -> _Place | None:
    """The checker in a model's own folder; of a model on the hub, it is downloaded."""

    def files(names: Iterable[str]) -> list[str]:
        return ["model_index.json", *hub_files(names)]  # there may be no checker

    folder = from_hub(str(model), files) if is_hub_id(model) else locate(model)
    return _inside(folder / FOLDER) if folder.is_dir() else None


def _find(source: str | Path) -> _Place:
    path = from_hub(str(source), hub_files) if is_hub_id(source) else locate(source)
    if not path.is_dir():
        beside = path.parent / "config.json"
        return _Place(path, beside if beside.is_file() else None)
    place = _inside(path / FOLDER) or _inside(path)
    if place is None:
        raise WeightsError(
            "safety_checker.folder",
            ja=f"フォルダー {path} に安全性チェッカーがありません。"
            "pytorch_model.bin か model.safetensors のあるフォルダーを指定してください。",
            en=f"there is no safety checker in the folder {path}. "
            "Give a folder that has a pytorch_model.bin or a model.safetensors.",
        )
    return place


def _inside(folder: Path) -> _Place | None:
    chosen = weight_file(os.listdir(folder)) if folder.is_dir() else None
    if chosen is None or chosen.endswith(".json"):  # no checker is large enough for shards
        return None
    config = folder / "config.json"
    return _Place(folder / chosen, config if config.is_file() else None)


def hub_files(names: Iterable[str]) -> list[str]:
    """Choose the files of a checker in a repository: of a model that ships one, or of a checker alone."""
    paths = [PurePosixPath(name) for name in names]
    for folder in (PurePosixPath(FOLDER), PurePosixPath(".")):
        inside = {path.name for path in paths if path.parent == folder}
        chosen = weight_file(inside)
        if chosen is not None:
            return [str(folder / name) for name in sorted({chosen, "config.json"} & inside)]
    return []


# What is in it.


def _load(place: _Place, device: torch.device, on_demand: OnDemand | None) -> SafetyChecker:
    file = open_file(place.weights)
    names = {_canonical(name): name for name in file.entries}
    found = {ours: file.entries[name].shape for ours, name in names.items()}
    if len(names) < len(file.entries):
        raise _refused(
            place.weights,
            "同じテンソルが二つの名前で入っています",
            "it has the same tensor under two names",
        )
    config = _config(place, found)
    try:
        with torch.device("meta"), Unfilled():
            checker = SafetyChecker.from_config(config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise _refused(
            place.config or place.weights,
            f"この設定からはチェッカーを作れません: {error}",
            f"no checker can be built from this configuration: {error}",
        ) from error
    theirs = dict(tensor_names(config))
    wanted = {theirs[ours]: tuple(tensor.shape) for ours, tensor in checker.state_dict().items()}
    unknown = [name for name in found if name not in wanted and not _IGNORED.fullmatch(name)]
    problems = compare(found, wanted, unknown=unknown)
    if problems is not None:
        ja, en = problems
        raise _refused(place.weights, f"\n{ja}\n", f"\n{en}\n")

    def read(ours: str) -> Tensor:
        return file.read(names[theirs[ours]], dtype=torch.float32, device=device)

    later = "vision." if on_demand is not None else None
    tensors = {ours: read(ours) for ours in theirs if later is None or not ours.startswith(later)}
    checker.load_state_dict(tensors, strict=later is None, assign=True)
    if on_demand is not None:
        on_demand.add(
            "safety",
            checker.vision,
            lambda name: read(f"vision.{name}"),
            give_back=lambda name: file.give_back(names[theirs[f"vision.{name}"]]),
            dtype=lambda name: torch.float32,
            device=device,
        )
    return checker.eval().requires_grad_(False)


def _canonical(name: str) -> str:
    return re.sub(r"^vision_model\.vision_model\.", _VISION, name)


def _config(place: _Place, shapes: Shapes) -> SafetyCheckerConfig:
    data = {} if place.config is None else _json(place.config)
    vision = data.get("vision_config", data.get("vision_config_dict"))
    try:
        return SafetyCheckerConfig(
            vision=_from_shapes(shapes) if vision is None else _from_json(data, vision),
            concepts=_concepts(data.get("concepts"), shapes.get("concept_embeds", (17,))[0]),
            special=_concepts(data.get("special_concepts"), shapes.get("special_care_embeds", (3,))[0]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _refused(
            place.config or place.weights, f"設定が読めません: {error}", f"bad configuration: {error}"
        ) from error


def _from_json(data: Mapping[str, Any], vision: Mapping[str, Any]) -> CLIPVisionConfig:
    activation = vision.get("hidden_act", "quick_gelu")
    if activation not in ACTIVATIONS:
        raise ValueError(f"hidden_act = {activation!r}")
    if vision.get("layer_norm_eps", 1e-5) != 1e-5:
        raise ValueError(f"layer_norm_eps = {vision['layer_norm_eps']!r}")
    numbers = {ours: vision.get(theirs, default) for ours, (theirs, default) in _SETTINGS.items()}
    numbers["projection"] = data.get("projection_dim", vision.get("projection_dim", 512))
    for name, value in numbers.items():
        if type(value) is not int or not 1 <= value <= MAX_SIZE:
            raise ValueError(f"{name} = {value!r}")
    return CLIPVisionConfig(activation=activation, **numbers)


def _from_shapes(shapes: Shapes) -> CLIPVisionConfig:
    """What the shapes tell; the rest, and all that is missing, is as in ViT-L/14."""
    usual = CLIPVisionConfig()
    projection, width = shapes.get("visual_projection.weight", (usual.projection, usual.width))
    patch_size = shapes.get(_PATCHES, (0, 0, 0, usual.patch_size))[-1]
    tokens = shapes.get(_EMBEDDINGS + "position_embedding.weight", (257,))[0]
    layers = {m[1] for name in shapes if (m := re.match(_VISION + r"encoder\.layers\.(\d+)\.", name))}
    mlp = shapes.get(_VISION + "encoder.layers.0.mlp.fc1.weight", (usual.mlp_width,))[0]
    return CLIPVisionConfig(
        width=width,
        layers=len(layers) or usual.layers,
        heads=max(1, width // HEAD_WIDTH),
        mlp_width=mlp,
        image_size=patch_size * round((tokens - 1) ** 0.5),
        patch_size=patch_size,
        projection=projection,
    )


def _concepts(names: Any, count: int) -> tuple[Concept, ...]:
    if names is None:
        return (Concept(),) * count
    concepts = tuple(Concept(ja=str(name["ja"]), en=str(name["en"])) for name in names)
    if len(concepts) != count:
        raise ValueError(f"{len(concepts)} names / {count} concepts")
    return concepts


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(path, f"設定を読めません: {error}", f"it cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise _refused(path, "設定が JSON のオブジェクトではありません", "it is no JSON object")
    return data


def _refused(path: Path, ja: str, en: str) -> WeightsError:
    ends = "" if ja.endswith("\n") else "。", "" if en.endswith("\n") else ". "
    return WeightsError(
        "safety_checker.weights",
        ja=f"{path} を安全性チェッカーとして読み込めません: {ja}{ends[0]}"
        "CompVis/stable-diffusion-safety-checker と同じ形式のファイルを指定してください。",
        en=f"cannot load {path} as a safety checker: {en}{ends[1]}"
        "Give a file of the form of CompVis/stable-diffusion-safety-checker.",
    )
