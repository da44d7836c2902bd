"""What comes of the small CLIP: a folder for transformers, and a safety checker."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.evaluation.features import ClipFeatures
from sdjp.images import clip_pixels
from sdjp.postprocess import SafetyCheck
from sdjp.training import clip, clip_export, judge, restore, watched
from sdjp.training.artwork import PACKAGES, Artwork
from sdjp.weights.safety_file import load_checker

SHAPES = {
    "square": '<rect x="4" y="4" width="24" height="24" fill="#e02020"/>',
    "circle": '<circle cx="16" cy="16" r="12" fill="#2040e0"/>',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path) -> Path:
    """A CLIP that has hardly learnt, and drawings of everything that is watched for."""
    folder = tmp_path_factory.mktemp("clip")
    restore.restore(folder)
    (folder / "artwork").symlink_to(artwork_folder)
    icons = {name: {"body": body, "width": 32, "height": 32} for name, body in SHAPES.items()}
    chars = {
        "-".join(f"{ord(c):x}" for c in emoji if c != "\ufe0f"): list(SHAPES)[i % 2]
        for i, emoji in enumerate(watched.emojis())
    }
    for name in PACKAGES:
        (folder / "packages" / name).mkdir(parents=True)
        (folder / "packages" / name / "icons.json").write_text(json.dumps({"icons": icons, "aliases": {}}))
        (folder / "packages" / name / "chars.json").write_text(json.dumps(chars))
    pytest.importorskip("resvg_py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clip, "BATCH", 8)
        patch.setattr(clip, "HELD_OUT", 20)
        clip.train(folder, minutes=0.02)
    return folder


def test_what_is_watched_for_is_among_what_clip_learns(folder: Path) -> None:
    drawn = watched.WatchedArtwork(folder / "artwork", folder / "packages")
    for emoji in watched.emojis():
        assert emoji in drawn.index
        assert all(drawing.shape == (256, 256, 4) for drawing in drawn.every(emoji))
    names = {concept.names[0] for concept in drawn.concepts}
    assert {"kitchen knife", "cigarette"} <= names


def test_pixels_as_clip_scales_them_give_the_same_points(folder: Path) -> None:
    model, _ = clip.load(folder)
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    scaled = torch.from_numpy(clip_pixels(Image.fromarray(picture), 64))[None]
    with torch.no_grad():
        expected = model.vision(judge.to_input(picture[None]))
        found = clip_export.in_clips_scale(model.vision)(scaled)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_transformers_reads_it_and_sees_the_same(folder: Path, tmp_path: Path) -> None:
    clip_export.export(folder, tmp_path / "clip")
    model, tokens = clip.load(folder)
    features = ClipFeatures(tmp_path / "clip")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    with torch.no_grad():
        expected = model.pictures(judge.to_input(np.asarray(picture)[None]))
        said = model.texts(*clip.encode(tokens, ["a cat on a red background"]))
    seen = torch.nn.functional.normalize(torch.from_numpy(features.pictures([picture])), dim=1)
    read = torch.nn.functional.normalize(
        torch.from_numpy(features.texts(["a cat on a red background"])), dim=1
    )
    torch.testing.assert_close(seen, expected, atol=5e-3, rtol=0)  # half precision in the file
    torch.testing.assert_close(read, said, atol=5e-3, rtol=0)


def test_a_checker_is_made_of_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_export, "SHOWN", 3)
    monkeypatch.setattr(clip_export, "HARMLESS", 60)
    made = clip_export.checker(folder, tmp_path / "safety_checker")
    assert len(made.found) == len(watched.WATCHED)
    assert made.false_positives <= 0.05
    checker = load_checker(tmp_path / "safety_checker", model="mini")
    assert checker is not None
    assert [concept.en for concept in checker.concept_names] == [concept.en for concept, _ in watched.WATCHED]
    verdict = SafetyCheck(checker=checker).look(Image.new("RGB", (256, 256), "white"))
    assert len(verdict.scores) == len(watched.WATCHED)


def test_harmless_pictures_have_nothing_in_them_that_is_watched_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, asked = Artwork(folder / "artwork"), []
    monkeypatch.setattr(
        clip_export.scenes, "draw", lambda scene, _: asked.append(scene) or np.zeros((8, 8, 3), np.uint8)
    )
    assert len(list(clip_export.harmless(drawn, random.Random(0), 100))) == 100
    assert not {emoji for scene in asked for emoji in scene.emojis} & watched.emojis().keys()
