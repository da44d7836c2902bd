"""LoRA and textual inversion for one run: found by name, checked, and put into copies of the networks.

The networks of a pipeline are never written to. A run that asks for a LoRA gets copies that share all weights
but those it changes; the copies of the last set are kept for the next run.
"""

from __future__ import annotations

import copy
import dataclasses
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from sdjp.addons.controlnets import ControlNets
from sdjp.addons.folder import AddonFolder, find_file, unknown_name
from sdjp.addons.inversion import read_inversion
from sdjp.addons.lora import Lora, read_lora
from sdjp.addons.patch import patched
from sdjp.config import AdapterConfig, ModelConfig
from sdjp.device import plain_tensors
from sdjp.engines import writes
from sdjp.errors import InputError
from sdjp.models import Adapter, TextEncoder, UNet
from sdjp.models.extended_embedding import ExtendedEmbedding
from sdjp.records import Report
from sdjp.text.names import Names, named
from sdjp.text.prompt import Prompt
from sdjp.weights.files.readers import unreadable

N = TypeVar("N", bound=nn.Module)
LORA, EMBEDDINGS = "LoRA", "embeddings"


class Networks(NamedTuple):
    """The networks that an add-on can change."""

    unet: UNet
    text: TextEncoder


class Equipped(NamedTuple):
    """Networks for one run, and how its names and reports read."""

    unet: UNet
    text: TextEncoder
    names: Names
    reports: tuple[Report, ...]


class _Patched(NamedTuple):
    base: Networks
    wanted: tuple[object, ...]
    networks: Networks


class Addons:
    """The folders of a pipeline, and what was read from them.

    Args:
        lora_dir: A folder of LoRA files; None for no LoRA.
        embeddings_dir: A folder of files of textual inversion; None for none.
        controlnet_dir: A folder of ControlNets; None for those that are called by their paths only.

    Raises:
        InputError: If there is no such folder.
    """

    def __init__(
        self,
        lora_dir: str | Path | None = None,
        embeddings_dir: str | Path | None = None,
        controlnet_dir: str | Path | None = None,
    ) -> None:
        self._folders = (lora_dir, embeddings_dir, controlnet_dir)
        self.controlnets = ControlNets(controlnet_dir)
        self.loras, self.embeddings = (
            None if folder is None else AddonFolder(folder, option=option)
            for folder, option in ((lora_dir, "lora_dir"), (embeddings_dir, "embeddings_dir"))
        )
        self._read: dict[tuple[Path, float, str], Any] = {}
        self._last: _Patched | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:  # a copy reads the files anew
        return type(self), self._folders

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names that there are files of: ``"loras"``, ``"embeddings"`` and ``"controlnets"``."""
        folders = {"loras": self.loras, "embeddings": self.embeddings}
        found = {kind: () if of is None else tuple(sorted(of.files())) for kind, of in folders.items()}
        return {**found, "controlnets": self.controlnets.names}

    def check(
        self, prompts: Sequence[Prompt], loras: Mapping[str, float], config: ModelConfig, networks: Networks
    ) -> None:
        """Refuse what cannot be drawn: nothing here is left to fail later.

        Args:
            prompts: Of one run, negative ones included.
            loras: Its LoRAs with their weights.
            config: The model's.
            networks: The model's.

        Raises:
            InputError: If a LoRA is not there, or is asked for where it cannot act.
            WeightsError: If a file cannot be read, or does not fit the model.
        """
        self._find(loras, *_with_own_encoder(config, networks))
        self._vectors(prompts, networks.text)

    def equip(
        self, prompts: Sequence[Prompt], loras: Mapping[str, float], config: ModelConfig, networks: Networks
    ) -> Equipped:
        """Return the networks with LoRAs and with the vectors of the names that are in ``prompts``."""
        config, own = _with_own_encoder(config, networks)
        found = self._find(loras, config, own)
        unet, text = self._patched(found, own)
        if isinstance(networks.text, Adapter):
            text = networks.text if text is own.text else _twin(networks.text, own=text)
        vectors = self._vectors(prompts, text)
        names = Names({name: len(rows) for name, rows in vectors.items()})
        reports = tuple(
            _report(name, lora, weight) for name, (lora, weight) in zip(loras, found, strict=True)
        )
        return Equipped(unet, _extended(text, vectors, names) if vectors else text, names, reports)

    # LoRA.

    def paths(self, loras: Mapping[str, float]) -> list[Path]:
        """Return the file of each LoRA.

        Raises:
            InputError: If one is not there; its message tells what is.
        """
        if loras and self.loras is None:
            raise unknown_name(next(iter(loras)), None, kind=LORA, code="lora")
        files = {} if self.loras is None or not loras else self.loras.files()
        return [find_file(files, name, kind=LORA, code="lora") for name in loras]

    def _find(
        self, wanted: Mapping[str, float], config: ModelConfig, networks: Networks
    ) -> list[tuple[Lora, float]]:
        if not wanted:
            return []
        paths = zip(self.paths(wanted), wanted.values(), strict=True)
        shapes = {
            f"{part}.{name}": tuple(p.shape)
            for part, network in networks._asdict().items()
            for name, p in network.named_parameters()
        }
        return [
            (self._once(path, "lora", lambda path=path: read_lora(path, config, shapes)), weight)
            for path, weight in paths
        ]

    def _patched(self, loras: Sequence[tuple[Lora, float]], base: Networks) -> Networks:
        """The networks with LoRAs, those of the last set as they are."""
        acting = [(lora, weight) for lora, weight in loras if weight != 0]
        if not acting:
            return base
        # The weights of the pipeline may be changed by another that shares them: torch counts the changes.
        versions = sum(writes(network) for network in base)
        wanted = (versions, *sorted((id(lora), weight) for lora, weight in acting))
        last = self._last
        same = last is not None and last.base.unet is base.unet and last.base.text is base.text
        if last is not None and same and last.wanted == wanted:
            return last.networks
        with plain_tensors():
            networks = Networks(*(patched(network, part, acting) for part, network in base._asdict().items()))
        self._last = _Patched(base, wanted, networks)  # one assignment: other threads see the old or the new
        return networks

    # Textual inversion.

    def _vectors(self, prompts: Sequence[Prompt], encoder: nn.Module) -> dict[str, Tensor]:
        """The vectors of the names that are in ``prompts``."""
        if self.embeddings is None:
            return {}
        files = self.embeddings.files()
        known = Names(dict.fromkeys(files, 1))
        mentioned = dict.fromkeys(name for prompt in prompts for name in named(known.mark(prompt)))
        table = getattr(encoder, "token_embedding", None)
        if mentioned and not isinstance(table, nn.Embedding):
            raise InputError(
                "embeddings.encoder",
                ja="このモデルのテキストエンコーダーでは、textual inversion は使えません。",
                en="the text encoder of this model cannot take textual inversion.",
            )
        vectors = {}
        for name in mentioned:
            assert isinstance(table, nn.Embedding)
            path = find_file(files, name, kind="textual inversion ", code="embeddings")
            width = table.weight.shape[1]
            vectors[name] = self._once(
                path, f"vectors {width}", lambda path=path, width=width: read_inversion(path, width=width)
            )
        return vectors

    def _once(self, path: Path, kind: str, read: Any) -> Any:
        """Read a file, unless it was read and has not changed since."""
        try:
            wanted = (path, path.stat().st_mtime, kind)
        except OSError as error:  # a link to nothing
            raise unreadable(path, error) from error
        with self._lock:
            if wanted not in self._read:
                self._read[wanted] = read()
            return self._read[wanted]


def _report(name: str, lora: Lora, weight: float) -> Report:
    ja, en = f"LoRA「{name}」を重み {weight:g} で使いました。", f"drawn with the LoRA {name!r} at {weight:g}."
    if lora.unused:
        ja += f"LoRA ではないテンソルが {len(lora.unused)} 個あり、使いませんでした。"
        en += f" {len(lora.unused)} tensors in its file are no part of a LoRA and were not used."
    data = {"name": name, "weight": weight, "file": lora.path.name, "unused": list(lora.unused)}
    return Report(name="lora", status="done", ja=ja, en=en, data=data)


def _extended(encoder: TextEncoder, vectors: Mapping[str, Tensor], names: Names) -> TextEncoder:
    """The text encoder with more vectors beside its table, everything else shared."""
    table = encoder.token_embedding
    assert isinstance(table, nn.Embedding)
    last = max(-i for name in vectors for i in names.ids(name))
    rows = torch.zeros(last, table.weight.shape[1])
    for name, of_one in vectors.items():
        rows[[-1 - i for i in names.ids(name)]] = of_one
    return _twin(encoder, token_embedding=ExtendedEmbedding(table, rows))


def _twin(network: N, **parts: nn.Module) -> N:
    """The same network with other parts, everything else shared."""
    twin = copy.copy(network)
    twin._modules = {**network._modules, **parts}
    return twin


def _with_own_encoder(config: ModelConfig, networks: Networks) -> tuple[ModelConfig, Networks]:
    """The text encoder that LoRAs are for: behind an adapter, where there is one."""
    if isinstance(networks.text, Adapter) and isinstance(config.text, AdapterConfig):
        return dataclasses.replace(config, text=config.text.own), networks._replace(text=networks.text.own)
    return config, networks
