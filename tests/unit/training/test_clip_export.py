"""The small CLIP as Hugging Face has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sdjp.evaluation.features import ClipFeatures
from sdjp.images import clip_pixels
from sdjp_training.release import clip_export
from sdjp_training.trainers import clip, judge


def test_pixels_as_clip_scales_them_give_the_same_points(clip_folder: Path) -> None:
    model, _ = clip.load(clip_folder)
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    scaled = torch.from_numpy(clip_pixels(Image.fromarray(picture), 64))[None]
    with torch.no_grad():
        expected = model.vision(judge.to_input(picture[None]))
        found = clip_export.in_clips_scale(model.vision)(scaled)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_transformers_reads_it_and_sees_the_same(clip_folder: Path, tmp_path: Path) -> None:
    clip_export.export(clip_folder, tmp_path / "clip")
    model, tokens = clip.load(clip_folder)
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
