"""Load a safety checker: CompVis' file, or a folder of the same form with names for its concepts.

A folder has ``config.json`` (Hugging Face's ``vision_config`` and ``projection_dim``; ``concepts`` and
``special_concepts``, lists of names ``{"ja": …, "en": …}``, where its makers tell them) and the tensors of
diffusers' ``StableDiffusionSafetyChecker``, however many concepts there are. Both prefixes of the image
encoder are read (``vision_model.`` since transformers 5, ``vision_model.vision_model.`` before).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import torch
from torch import Tensor

from sdjp.config import SafetyCheckerConfig
from sdjp.errors import WeightsError
from sdjp.models.safety_checker import SafetyChecker
from sdjp.weights.configs.clip_vision import Shapes
from sdjp.weights.configs.safety_checker import to_config
from sdjp.weights.files.faults import Invalid, texts_of, unloadable
from sdjp.weights.files.json_file import read_object
from sdjp.weights.files.readers import open_file
from sdjp.weights.names.clip_vision import IGNORED, canonical
from sdjp.weights.names.compare import compare
from sdjp.weights.names.safety_checker import tensor_names
from sdjp.weights.networks import Unfilled
from sdjp.weights.on_demand import OnDemand
from sdjp.weights.source import Source, from_hub, is_hub_id, locate, weight_file

FOLDER: Final = "safety_checker"
"""Folder of the checker that a model ships."""


class _Place(NamedTuple):
    """The files of one checker."""

    weights: Path
    config: Path | None


def load_checker(
    source: str | Path | None,
    *,
    model: str | Path | Source,
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


# Finding it.


def _own(model: str | Path | Source) -> _Place | None:
    """The checker in a model's own folder; of a model on the hub, it is downloaded."""

    def files(names: Iterable[str]) -> list[str]:
        return ["model_index.json", *hub_files(names)]  # there may be no checker

    if isinstance(model, Source) and not hub_files(model.repository or ()):
        folder = model.path  # all that there is to be had of it
    elif isinstance(model, Source) or is_hub_id(model):
        folder = from_hub(str(model), files).path
    else:
        folder = locate(model).path
    return _inside(folder / FOLDER) if folder.is_dir() else None


def _find(source: str | Path) -> _Place:
    path = (from_hub(str(source), hub_files) if is_hub_id(source) else locate(source)).path
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


# Reading it.


def _load(place: _Place, device: torch.device, on_demand: OnDemand | None) -> SafetyChecker:
    file = open_file(place.weights)
    names = {canonical(name): name for name in file.entries}
    shapes = {name: file.entries[here].shape for name, here in names.items()}
    if len(names) < len(file.entries):
        raise _refused(
            place.weights,
            "同じテンソルが二つの名前で入っています",
            "it has the same tensor under two names",
        )
    config = _config(place, shapes)
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
    own = {theirs[ours]: tuple(tensor.shape) for ours, tensor in checker.state_dict().items()}
    unknown = [name for name in shapes if name not in own and not IGNORED.fullmatch(name)]
    problems = compare(shapes, own, unknown=unknown)
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


def _config(place: _Place, shapes: Shapes) -> SafetyCheckerConfig:
    try:
        data = {} if place.config is None else read_object(place.config)
    except Invalid as error:
        raise _refused(
            place.config or place.weights,
            f"設定を読めません: {error.ja}",
            f"it cannot be read: {error.en}",
        ) from error
    try:
        return to_config(data, shapes)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        ja, en = texts_of(error)
        raise _refused(
            place.config or place.weights, f"設定が読めません: {ja}", f"bad configuration: {en}"
        ) from error


_refused: Final = functools.partial(
    unloadable,
    code="safety_checker.weights",
    part=("安全性チェッカー", "a safety checker"),
    advice=(
        "CompVis/stable-diffusion-safety-checker と同じ形式のファイルを指定してください。",
        "Give a file of the form of CompVis/stable-diffusion-safety-checker.",
    ),
)
