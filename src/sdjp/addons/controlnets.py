"""ControlNets for a run: found by name or path, checked, and kept once they are loaded."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from sdjp.addons.folder import SUFFIXES, AddonFolder, find_file
from sdjp.config import ModelConfig
from sdjp.errors import InputError
from sdjp.models import ControlNet
from sdjp.records import Report
from sdjp.weights import OnDemand
from sdjp.weights.files.readers import unreadable
from sdjp.weights.known import sha256
from sdjp.weights.parts.controlnet import ControlNetFile, open_controlnet
from sdjp.weights.source import weight_file

CONTROLNET: Final = "ControlNet"


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedControlNet:
    """A ControlNet, ready to run.

    Attributes:
        network: The network; its weights may be read on demand only.
        source: The file it is from.
        sha256: That of the file.
    """

    network: ControlNet
    source: ControlNetFile
    sha256: str

    def report(self, name: str | Path) -> Report:
        """What is told of its use, and of what in its file was not used."""
        unused = self.source.unused
        ja, en = f"ControlNet「{name}」を使いました。", f"drawn with the ControlNet {str(name)!r}."
        if unused:
            ja += f"ControlNet ではないテンソルが {len(unused)} 個あり、使いませんでした。"
            en += f" {len(unused)} tensors in its file are no part of a ControlNet and were not used."
        data = {"name": str(name), "file": self.source.path.name, "sha256": self.sha256}
        return Report(name="controlnet", status="done", ja=ja, en=en, data={**data, "unused": list(unused)})


class ControlNets:
    """The ControlNets of a pipeline.

    Args:
        folder: Its files and diffusers folders are called by their names; None for paths only.

    Raises:
        InputError: If there is no such folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = None if folder is None else AddonFolder(folder, option="controlnet_dir")
        self._opened: dict[Path, tuple[float, ModelConfig, ControlNetFile]] = {}
        self._loaded: dict[Path, tuple[ControlNetFile, LoadedControlNet]] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The names that there are files of."""
        return () if self._folder is None else tuple(sorted(self._folder.files()))

    def path(self, name: str | Path) -> Path:
        """Return the file of a name, or at a path: a ``Path``, or a text with the ending of a file of weights
        or a separator of folders in it.

        Raises:
            InputError: If it is not there; the message tells what is.
        """
        text = os.fspath(name)
        separated = any(sign and sign in text for sign in (os.sep, os.altsep, "/"))
        if isinstance(name, Path) or separated or text.lower().endswith(SUFFIXES):
            return _at(Path(os.path.expanduser(text)))
        if self._folder is None:
            raise InputError(
                "controlnet.unknown",
                ja=f"ControlNet「{name}」はありません。ControlNet のフォルダーが指定されていません。"
                "controlnet_dir（コマンドでは --controlnet-dir）で指定するか、名前の代わりにファイルのパスを"
                "指定してください。",
                en=f"there is no ControlNet {name!r}: no folder of them was given. Give controlnet_dir "
                "(--controlnet-dir on the command line), or the path of a file in place of the name.",
            )
        files = {name: _one_a_folder(paths) for name, paths in self._folder.files().items()}
        return find_file(files, text, kind=CONTROLNET, code="controlnet")

    def check(self, names: Sequence[str | Path], config: ModelConfig) -> None:
        """Refuse what cannot be used with a model, before anything is read.

        Raises:
            InputError: If a file is not there.
            WeightsError: If it cannot be read, or is no ControlNet for this model.
        """
        for name in names:
            self._open(self.path(name), config)

    def load(
        self,
        names: Sequence[str | Path],
        config: ModelConfig,
        *,
        dtype: torch.dtype,
        device: torch.device,
        on_demand: OnDemand,
    ) -> tuple[LoadedControlNet, ...]:
        """Return the networks of a run; those that were used before are kept.

        Args:
            names: Theirs, or paths.
            config: The model's.
            dtype: The model's.
            device: The model's.
            on_demand: That of the model: where it reads the model on demand, it does so with these.
        """
        loaded = []
        for name in names:
            source = self._open(self.path(name), config)
            with self._lock:
                kept = self._loaded.get(source.path)
                if kept is None or kept[0] is not source:
                    network = source.load(dtype=dtype, device=device, on_demand=on_demand or None)
                    if device.type == "cuda":  # as the model's own networks
                        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                    one = LoadedControlNet(network=network, source=source, sha256=sha256(source.path))
                    self._loaded[source.path] = source, one
                loaded.append(self._loaded[source.path][1])
        return tuple(loaded)

    def _open(self, path: Path, config: ModelConfig) -> ControlNetFile:
        """Open a file, unless it is open and has not changed since."""
        try:
            changed = path.stat().st_mtime
        except OSError as error:
            raise unreadable(path, error) from error
        with self._lock:
            known = self._opened.get(path)
            if known is None or known[:2] != (changed, config):
                self._opened[path] = changed, config, open_controlnet(path, config)
            return self._opened[path][2]


def _at(path: Path) -> Path:
    """The file at a path; the one of its weights, where it is a folder."""
    if not path.is_dir():
        if path.exists():
            return path
        raise InputError(
            "controlnet.missing",
            ja=f"ControlNet のファイル {path} がありません。パスを確かめてください。",
            en=f"there is no file {path} of a ControlNet. Check the path.",
        )
    chosen = weight_file(os.listdir(path))
    if chosen is None or chosen.endswith(".json"):  # no ControlNet is large enough for shards
        raise InputError(
            "controlnet.folder",
            ja=f"フォルダー {path} に ControlNet の重み（diffusion_pytorch_model.safetensors など）が"
            "ありません。フォルダーを確かめるか、ファイルのパスを指定してください。",
            en=f"there are no weights of a ControlNet in the folder {path}, such as a "
            "diffusion_pytorch_model.safetensors. Check the folder, or give the path of a file.",
        )
    return path / chosen


def _one_a_folder(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files of one name; of those in a diffusers folder, which may be the same weights, one is chosen."""
    chosen: Mapping[Path, str | None] = {
        folder: weight_file(path.name for path in paths if path.parent == folder)
        for folder in dict.fromkeys(path.parent for path in paths)
    }
    return tuple(p for p in paths if chosen[p.parent] in (None, p.name) or weight_file([p.name]) is None)
