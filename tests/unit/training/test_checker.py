"""The embedded safety checker: what it learns, and what is written of it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.images import clip_pixels
from sdjp.postprocess import SafetyCheck
from sdjp.weights.parts.safety_checker import load_checker
from sdjp_training.loop import checkpoint
from sdjp_training.release import checker_export
from sdjp_training.scenes import hazards, painting
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.trainers import checker, decoder, judge


def test_what_is_watched_for_is_among_what_clip_learns(clip_folder: Path) -> None:
    drawn = hazards.HazardArtwork(clip_folder / "artwork", clip_folder / "packages")
    for emoji in hazards.emojis():
        assert emoji in drawn.index
        assert all(drawing.shape == (256, 256, 4) for drawing in drawn.every(emoji))
    names = {concept.names[0] for concept in drawn.concepts}
    assert {"kitchen knife", "cigarette"} <= names


def test_half_of_the_scenes_show_something_that_is_watched_for(clip_folder: Path) -> None:
    drawn = hazards.HazardArtwork(clip_folder / "artwork", clip_folder / "packages")
    sampler, rng = checker.Sampler(drawn), random.Random(0)
    shown = torch.tensor([checker.shows(sampler.scene(rng)) for _ in range(400)])
    assert 0.45 < float(shown.any(dim=1).float().mean()) < 0.65
    assert bool((shown.sum(dim=0) > 8).all())
    assert checker.shows(Scene(emojis=("🐈", "💉"))) == [False, False, True, False]


def test_what_was_mistaken_comes_more_often(clip_folder: Path) -> None:
    drawn = hazards.HazardArtwork(clip_folder / "artwork", clip_folder / "packages")
    sampler, rng = checker.Sampler(drawn), random.Random(0)

    def first(emoji: str) -> float:
        return sum(sampler.scene(rng).emojis[:1] == (emoji,) for _ in range(600)) / 600

    before = {emoji: first(emoji) for emoji in ("🚲", "💉")}
    for _ in range(40):
        wrong = {"🚲": 0.9, "💉": 0.8}
        every = [Scene(emojis=(emoji,)) for emoji in drawn.index]
        sampler.learn(every, [wrong.get(scene.emojis[0], 0.0) for scene in every])
    for emoji, share in before.items():
        assert first(emoji) > share + 0.03


@pytest.mark.usefixtures("counted_steps")
def test_training_goes_on_where_it_stopped_and_a_checker_is_made_of_it(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("BATCH", 8), ("HELD_OUT", 20)):
        monkeypatch.setattr(checker, name, count)
    for name, count in (("SHOWN", 2), ("HARMLESS", 24)):
        monkeypatch.setattr(checker_export, name, count)
    for _ in range(2):
        checker.train(clip_folder, minutes=0.01)
    first, last = (json.loads(line) for line in (clip_folder / "checker.jsonl").read_text().splitlines())
    assert (first["step"], last["step"]) == (1, 2)
    made = checker_export.export(clip_folder, tmp_path / "safety_checker")
    assert len(made.found) == len(hazards.HAZARDS)
    assert made.false_positives <= 0.05
    card = (tmp_path / "safety_checker" / "README.md").read_text(encoding="utf-8")
    assert "weapons" in card
    assert "{" not in card
    loaded = load_checker(tmp_path / "safety_checker", model="mini")
    assert loaded is not None
    assert [concept.en for concept in loaded.concept_names] == [concept.en for concept, _ in hazards.HAZARDS]
    verdict = SafetyCheck(checker=loaded).look(Image.new("RGB", (256, 256), "white"))
    assert len(verdict.scores) == len(hazards.HAZARDS)


@pytest.fixture
def own_folder(samples_folder: Path, clip_folder: Path, tmp_path: Path) -> Path:
    """What a checker is trained from, with pictures that the UNet drew."""
    for folder in (samples_folder, clip_folder):
        for file in folder.iterdir():
            if not (tmp_path / file.name).exists() and not file.name.startswith("checker"):
                (tmp_path / file.name).symlink_to(file)
    return tmp_path


@pytest.mark.usefixtures("counted_steps")
def test_it_learns_from_what_the_unet_drew(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (("BATCH", 6), ("HELD_OUT", 20)):
        monkeypatch.setattr(checker, name, count)
    learnt: list[tuple[list[int], list[float]]] = []
    monkeypatch.setattr(checker.Samples, "learn", lambda _, rows, wrong: learnt.append((rows, wrong)))
    checker.train(own_folder, minutes=0.01)
    assert [len(rows) for rows, _ in learnt] == [2]
    assert [len(wrong) for _, wrong in learnt] == [2]


def test_what_the_unet_drew_and_was_mistaken_comes_more_often(own_folder: Path) -> None:
    own, rng = checker.Samples(own_folder), random.Random(0)
    assert own.pictures.shape == (6, 3, 64, 64)
    assert own.there.shape == (6, len(hazards.HAZARDS))
    with np.load(own_folder / "pool" / "samples.npz") as kept:
        drawn = decoder.load(own_folder).decode(torch.from_numpy(kept["latents"][:1]).float())
    small = judge.to_input(((drawn[0].permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).byte().numpy()[None])
    torch.testing.assert_close(own.pictures[:1].clamp(-1, 1), small, atol=0.05, rtol=0)
    for _ in range(40):
        own.learn(range(6), [0.9, 0, 0, 0, 0, 0])
    assert own.sample(400, rng).count(0) > 300


def test_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="checker"):
        checker_export.export(tmp_path, tmp_path / "made")


def test_harmless_pictures_have_nothing_in_them_that_is_watched_for(
    clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Artwork(clip_folder / "artwork")
    asked: list[Scene] = []

    def draw(scene: Scene, _: Artwork) -> np.ndarray:
        asked.append(scene)
        return np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr(painting, "draw", draw)
    assert len(list(checker_export.harmless(drawn, random.Random(0), 100))) == 100
    assert not {emoji for scene in asked for emoji in scene.emojis} & hazards.emojis().keys()


def test_the_shipped_checker_becomes_a_checkpoint_that_sees_the_same(shipped_folder: Path) -> None:
    state = checkpoint.load(shipped_folder / "checker.pt")
    assert state is not None
    watcher = checker.Watcher()
    watcher.load_state_dict(state["ema"])
    shipped = load_checker(None, model="mini")
    assert shipped is not None
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    scaled = torch.from_numpy(clip_pixels(Image.fromarray(picture), 64))[None]
    with torch.no_grad():
        expected = shipped(scaled).concepts - shipped.concept_thresholds
        found = watcher(judge.to_input(picture[None])) / watcher.sharpness
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
