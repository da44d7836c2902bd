"""The data and the loss of the UNet: nothing varies unsaid, and drawings count more than backgrounds."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from sdjp_training.loop import checkpoint
from sdjp_training.scenes import painting, shards
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.styles import STYLES
from sdjp_training.trainers import autoencoder, examples, latents, text_encoder
from sdjp_training.trainers.examples import Examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path, shipped_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("diffusion")
    (folder / "autoencoder.pt").symlink_to(shipped_folder / "autoencoder.pt")
    (folder / "artwork").symlink_to(artwork_folder)
    return folder


def test_a_scene_is_always_drawn_alike(artwork_folder: Path) -> None:
    artwork = Artwork(artwork_folder)
    scene = Scene(emojis=(artwork.concepts[0].emoji,), place="red")
    pictures = [painting.draw(scene, artwork) for _ in range(8)]
    assert all(np.array_equal(pictures[0], picture) for picture in pictures)
    drawn = np.flatnonzero((pictures[0] != pictures[0][0, 0]).any(axis=(0, 2)))
    assert drawn[0] + drawn[-1] == 255, "in the middle"


def test_records_with_a_seed_can_still_be_read(tmp_path: Path) -> None:
    row = {"emojis": ["🐈"], "layout": "big", "place": "sea", "style": "neon", "seed": 17}
    (tmp_path / "000.json").write_text(json.dumps([row]), encoding="utf-8")
    scene = Scene(emojis=("🐈",), layout="big", place="sea", style="neon")
    assert shards.read_records(tmp_path / "000.json") == [scene]


def test_cells_of_a_drawing_count_four_times(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    styles = {name: STYLES[name] for name in ("plain", "neon")}
    monkeypatch.setattr(latents, "STYLES", styles)
    monkeypatch.setattr(latents, "BACKGROUNDS", ("red", "sea"))
    bare = latents.bare(folder)
    assert set(bare) == {f"{place} {style}" for place in ("red", "sea") for style in styles}
    artwork = Artwork(folder / "artwork")
    scene = Scene(emojis=(artwork.concepts[0].emoji,), place="sea")
    picture = painting.draw(scene, artwork)[None]
    z = autoencoder.load(folder).encode(autoencoder.to_tensor(picture)).mean
    cells = examples.cell_weights(z, bare["sea plain"][None].float())
    assert cells.shape == (1, 1, 16, 16)
    assert cells[0, 0, 8, 8] == examples.DRAWN_WEIGHT == 4
    assert (cells[0, 0, [0, 0, 15, 15], [0, 15, 0, 15]] == 1).all()
    monkeypatch.setattr(latents, "BACKGROUNDS", ("red", "sea", "night"))
    assert len(latents.bare(folder)) == 3 * len(styles), "what is lacking is made"


def test_the_mean_is_by_weight() -> None:
    error = torch.tensor([[[[1.0, 3.0]], [[1.0, 5.0]]]])  # (1, 2, 1, 2)
    assert examples.weighted_mean(error, torch.ones(1, 1, 1, 2)) == error.mean()
    cells = torch.tensor([[[[1.0, 4.0]]]])
    assert examples.weighted_mean(error, cells) == pytest.approx((1 * 1 + 4 * 4) / 5)


def test_a_restored_encoder_is_given_the_head_that_tells_most(tmp_path: Path, samples_folder: Path) -> None:
    for file in samples_folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    tokens, scale, data = text_encoder.tokenizer(tmp_path), latents.scale(tmp_path), Examples(tmp_path)
    z, texts, _ = data.of(list(range(data.shown)), random.Random(1))

    def error() -> float:
        state = checkpoint.load(tmp_path / "text.pt")
        assert state is not None
        assert all(torch.equal(state["model"][name], state["ema"][name]) for name in state["ema"])
        both = text_encoder.begin(tmp_path)
        both.load_state_dict(state["model"])
        with torch.no_grad():
            states = both["model"](text_encoder.encode(tokens, texts))
            return float(text_encoder.untold(both["head"], states, z * scale).mean())

    before = error()
    text_encoder.prepare(tmp_path)
    assert error() < 0.5 * before
    state = checkpoint.load(tmp_path / "text.pt")
    assert state is not None
    assert state["model"]["head.weight"].abs().max() < 2, "no large weights that cancel"
    state["model"]["head.bias"] += 1  # it has learnt since
    checkpoint.save(tmp_path / "text.pt", {**state, "step": 1})
    text_encoder.prepare(tmp_path)
    learnt = checkpoint.load(tmp_path / "text.pt")
    assert learnt is not None
    assert torch.equal(learnt["model"]["head.bias"], state["model"]["head.bias"])
