"""Open a checkpoint of any layout: its tensors, the model they make up, and what lies beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sdjp.config import ModelConfig, from_json
from sdjp.errors import InputError, WeightsError
from sdjp.weights import vocabulary
from sdjp.weights.configs import bounds, diffusers, infer, scheduler
from sdjp.weights.files.faults import FILE, Fault, Invalid, damaged, faults_of, texts_of
from sdjp.weights.files.foreign import no_model
from sdjp.weights.files.json_file import parse_json, read_json, read_object
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import Entry, TensorFile
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import Networks
from sdjp.weights.source import weight_file
from sdjp.weights.vocabulary import Vocabulary

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
        notes: What of its settings is not followed, in Japanese and in English.
    """

    path: Path
    layout: str
    config: ModelConfig
    tensors: Mapping[str, Stored]
    averaged: bool
    files: tuple[Path, ...]
    vocabulary: Vocabulary
    notes: tuple[tuple[str, str], ...] = ()


def open_checkpoint(path: Path, *, ema: Ema = "auto") -> Checkpoint:
    """Read the table of contents of a file or folder.

    Args:
        path: A file with the original names, a folder with ``model.safetensors``, or a diffusers folder.
        ema: False to take the files of weights that are not averaged, where a diffusers folder has them.

    Raises:
        WeightsError: If it holds no model that sdjp knows.
    """
    if not path.is_dir():
        with faults_of(path):
            return _open_original(path, [path.with_suffix(".json"), path.parent / "config.json"])
    if (path / "model_index.json").is_file():
        with faults_of(path):
            return _open_diffusers(path, ema)
    if (path / "model.safetensors").is_file():
        with faults_of(path / "model.safetensors"):
            return _open_original(path / "model.safetensors", [path / "config.json"])
    raise no_model(path)


def _open_original(path: Path, beside: Iterable[Path]) -> Checkpoint:
    file = open_file(path)
    tensors = by_name("ldm", ((name, Stored(file, name)) for name in file.entries))
    config = own_config(file.metadata.get("sdjp.config"), beside, layout="ldm", tensors=len(tensors))
    if config is None:
        config = infer.from_shapes(path.stem, {name: stored.entry.shape for name, stored in tensors.items()})
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
    for component in diffusers.COMPONENTS:
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
    beside = [folder / "sdjp.json", folder / "config.json"]
    config = own_config(None, beside, layout="diffusers", tensors=len(tensors))
    notes: tuple[scheduler.Note, ...] = ()
    if config is None:
        settings = {part: _settings(folder / name) for part, name in diffusers.FILES.items()}
        config = diffusers.from_files(folder.name, settings)
        notes = scheduler.notes(settings["scheduler"], sampler=config.defaults.sampler)
    return Checkpoint(
        path=folder,
        layout="diffusers",
        config=config,
        tensors=by_name("diffusers", tensors),
        averaged=averaged,
        files=tuple(files),
        vocabulary=vocabulary.in_folder(folder, config.text),
        notes=notes,
    )


def _check_text(layout: str, config: ModelConfig) -> None:
    """A configuration of our own may name a text encoder that the layout has no names for."""
    kind, texts = config.text.kind, MAPS[layout].texts
    if kind not in texts:
        raise Fault(
            "weights.text",
            ja=f"{FILE} の設定にあるテキストエンコーダー {kind} は、この形式（{layout}）では読めません"
            f"（読めるもの: {', '.join(texts)}）。設定の JSON を確かめてください。",
            en=f"the text encoder in the configuration of {FILE}, {kind}, cannot be read from this layout "
            f"({layout}), which has {', '.join(texts)}. Check the configuration (JSON).",
        )


def _whole_or_shards(path: Path) -> list[Path]:
    if path.suffix != ".json":
        return [path]
    shards = _settings(path).get("weight_map")
    names = set(shards.values()) if isinstance(shards, dict) else set()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise damaged("weight_map が読めません", "its weight_map cannot be read").of(path)
    return [path.parent / name for name in sorted(names)]


def by_name(layout: str, tensors: Iterable[tuple[str, Stored]]) -> dict[str, Stored]:
    """Return tensors by the names that the map of a layout has for them.

    Raises:
        Fault: If two have the same.
    """
    found: dict[str, Stored] = {}
    for name, stored in tensors:
        canonical = MAPS[layout].canonical(name)
        if canonical in found:
            raise Fault(
                "weights.twice",
                ja=f"{FILE} では、同じテンソルが二つの名前で入っています"
                f"（{found[canonical].name} と {stored.name}）。別のファイルを指定してください。",
                en=f"{FILE} has the same tensor under two names, {found[canonical].name} and "
                f"{stored.name}. Give another file.",
            )
        found[canonical] = stored
    return found


def own_config(
    metadata: str | None, beside: Iterable[Path], *, layout: str, tensors: int
) -> ModelConfig | None:
    """The configuration that sdjp writes into a file or beside it; other programs' files are passed over."""
    if metadata is not None:
        with _json_faults():
            data = parse_json(metadata)
        return _model_config(data, layout, tensors)
    for path in beside:
        if path.is_file():
            with faults_of(path):
                with _json_faults():
                    data = read_json(path)
                if isinstance(data, dict) and all(
                    isinstance(data.get(part), dict) for part in Networks._fields
                ):
                    return _model_config(data, layout, tensors)
    return None


def _model_config(data: Any, layout: str, tensors: int) -> ModelConfig:
    try:
        config = from_json(ModelConfig, data)
        _check_text(layout, config)
        bounds.check(config, tensors=tensors)
        return config
    except (InputError, TypeError, ValueError) as error:
        ja, en = texts_of(error)
        raise Fault(
            "weights.config",
            ja=f"{FILE} の設定を読めません（{ja}）。"
            "新しい sdjp で書き出したものなら、sdjp を更新してください。",
            en=f"cannot read the configuration in {FILE} ({en}). If a newer sdjp wrote it, update sdjp.",
        ) from error


def _settings(path: Path) -> dict[str, Any]:
    """The settings in a JSON file of a diffusers folder."""
    with faults_of(path), _json_faults():
        return read_object(path)


@contextmanager
def _json_faults() -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        raise Fault(
            "weights.json",
            ja=f"設定 {FILE} を読めません（{error.ja}）。"
            "モデルのファイルが全部そろっているか確かめてください。",
            en=f"cannot read the settings in {FILE} ({error.en}). "
            "Check that all files of the model are there.",
        ) from error
