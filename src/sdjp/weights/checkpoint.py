"""Open a checkpoint of any layout: its tensors, the model they make up, and what lies beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sdjp.config import ModelConfig, from_json
from sdjp.errors import InputError, WeightsError
from sdjp.weights.configs import diffusers, infer
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import Entry, TensorFile, damaged
from sdjp.weights.foreign import no_model
from sdjp.weights.names.maps import MAPS
from sdjp.weights.parts import vocabulary
from sdjp.weights.parts.vocabulary import Vocabulary
from sdjp.weights.source import COMPONENTS, weight_file

Ema = bool | Literal["auto"]


class Stored(NamedTuple):
    """A tensor in a file."""

    file: TensorFile
    name: str

    @property
    def entry(self) -> Entry:
        """Its dtype and shape."""
        return self.file.entries[self.name]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights that were found and not yet read.

    Attributes:
        path: File or folder.
        layout: A key of :data:`sdjp.weights.names.maps.MAPS`.
        config: The model they make up.
        tensors: Name, as the map of the layout writes it, to tensor.
        averaged: Whether what the plain names hold is known to be a moving average.
        files: Every file of tensors.
        vocabulary: The tokenizer of the text encoder.
    """

    path: Path
    layout: str
    config: ModelConfig
    tensors: Mapping[str, Stored]
    averaged: bool
    files: tuple[Path, ...]
    vocabulary: Vocabulary


def open_checkpoint(path: Path, *, ema: Ema = "auto") -> Checkpoint:
    """Read the table of contents of a file or folder.

    Args:
        path: A file with the original names, a folder with ``model.safetensors``, or a diffusers folder.
        ema: False to take the files of weights that are not averaged, where a diffusers folder has them.

    Raises:
        WeightsError: If it holds no model that sdjp knows.
    """
    if not path.is_dir():
        return _open_file(path, [path.with_suffix(".json"), path.parent / "config.json"], path.stem)
    if (path / "model_index.json").is_file():
        return _open_diffusers(path, ema)
    if (path / "model.safetensors").is_file():
        return _open_file(path / "model.safetensors", [path / "config.json"], path.name)
    raise no_model(path)


def _open_file(path: Path, beside: Iterable[Path], name: str) -> Checkpoint:
    file = open_file(path)
    tensors = _canonical(path, "ldm", ((name, Stored(file, name)) for name in file.entries))
    config = _own_config(path, file.metadata.get("sdjp.config"), beside)
    if config is None:
        config = infer.from_shapes(path, {name: stored.entry.shape for name, stored in tensors.items()})
    _check_text(path, "ldm", config)
    return Checkpoint(
        path=path,
        layout="ldm",
        config=config,
        tensors=tensors,
        averaged=False,
        files=(path,),
        vocabulary=vocabulary.beside_file(path, config.text),
    )


def _open_diffusers(folder: Path, ema: Ema) -> Checkpoint:
    tensors: list[tuple[str, Stored]] = []
    files: list[Path] = []
    averaged = False
    for component in COMPONENTS:
        names = [p.name for p in (folder / component).glob("*")]
        chosen, plain = weight_file(names), weight_file(names, averaged=False)
        if plain is not None and ema is False:
            chosen = plain
        averaged = averaged or (plain is not None and chosen != plain)
        if chosen is None:
            raise WeightsError(
                "weights.component",
                ja=f"{folder / component} に重みのファイル（.safetensors か .bin）がありません。"
                "フォルダーが全部そろっているか確かめてください。",
                en=f"there is no file of weights (.safetensors or .bin) in {folder / component}. "
                "Check that the folder is complete.",
            )
        for path in _whole_or_shards(folder / component / chosen):
            file = open_file(path)
            files.append(path)
            tensors += [(f"{component}/{name}", Stored(file, name)) for name in file.entries]
    config = _own_config(folder, None, [folder / "sdjp.json", folder / "config.json"])
    if config is None:
        settings = {part: _json_object(folder / name) for part, name in diffusers.FILES.items()}
        config = diffusers.from_files(folder, settings)
    _check_text(folder, "diffusers", config)
    return Checkpoint(
        path=folder,
        layout="diffusers",
        config=config,
        tensors=_canonical(folder, "diffusers", tensors),
        averaged=averaged,
        files=tuple(files),
        vocabulary=vocabulary.in_folder(folder, config.text),
    )


def _check_text(path: Path, layout: str, config: ModelConfig) -> None:
    """A configuration of our own may name a text encoder that the layout has no names for."""
    kind, texts = config.text.kind, MAPS[layout].texts
    if kind not in texts:
        raise WeightsError(
            "weights.text",
            ja=f"{path} の設定にあるテキストエンコーダー {kind} は、この形式（{layout}）では読めません"
            f"（読めるもの: {', '.join(texts)}）。設定の JSON を確かめてください。",
            en=f"the text encoder in the configuration of {path}, {kind}, cannot be read from this layout "
            f"({layout}), which has {', '.join(texts)}. Check the configuration (JSON).",
        )


def _whole_or_shards(path: Path) -> list[Path]:
    if path.suffix != ".json":
        return [path]
    shards = _json_object(path).get("weight_map")
    names = set(shards.values()) if isinstance(shards, dict) else set()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise damaged(path, "weight_map が読めません", "its weight_map cannot be read")
    return [path.parent / name for name in sorted(names)]


def _canonical(path: Path, layout: str, tensors: Iterable[tuple[str, Stored]]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for name, stored in tensors:
        canonical = MAPS[layout].canonical(name)
        if canonical in found:
            raise WeightsError(
                "weights.twice",
                ja=f"{path} では、同じテンソルが二つの名前で入っています"
                f"（{found[canonical].name} と {stored.name}）。別のファイルを指定してください。",
                en=f"{path} has the same tensor under two names, {found[canonical].name} and {stored.name}. "
                "Give another file.",
            )
        found[canonical] = stored
    return found


def _own_config(path: Path, metadata: str | None, beside: Iterable[Path]) -> ModelConfig | None:
    """The configuration that sdjp writes into a file or beside it; other programs' files are passed over."""
    if metadata is not None:
        return _parse_config(path, _parse(path, metadata))
    for candidate in beside:
        if candidate.is_file():
            data = _json(candidate)
            parts = [data.get(key) for key in ("unet", "vae", "text")] if isinstance(data, dict) else [None]
            if all(isinstance(part, dict) for part in parts):
                return _parse_config(candidate, data)
    return None


def _parse_config(path: Path, data: Any) -> ModelConfig:
    try:
        return from_json(ModelConfig, data)
    except (InputError, TypeError, ValueError) as error:
        ja = error.ja if isinstance(error, InputError) else str(error)
        en = error.en if isinstance(error, InputError) else str(error)
        raise WeightsError(
            "weights.config",
            ja=f"{path} の設定を読めません（{ja}）。"
            "新しい sdjp で書き出したものなら、sdjp を更新してください。",
            en=f"cannot read the configuration in {path} ({en}). If a newer sdjp wrote it, update sdjp.",
        ) from error


def _json_object(path: Path) -> dict[str, Any]:
    data = _json(path)
    if not isinstance(data, dict):
        raise _not_json(path, "object")
    return data


def _json(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _not_json(path, str(error)) from error
    return _parse(path, text)


def _parse(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(path, str(error)) from error


def _not_json(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        "weights.json",
        ja=f"設定 {path} を読めません（{reason}）。モデルのファイルが全部そろっているか確かめてください。",
        en=f"cannot read the settings in {path} ({reason}). Check that all files of the model are there.",
    )
