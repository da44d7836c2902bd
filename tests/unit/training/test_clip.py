"""The small CLIP that learns on the scenes of the embedded model."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from sdjp_training.loop import checkpoint
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.trainers import clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path, shipped_folder: Path) -> Path:
    """The text encoder that ships, to begin with, and drawings."""
    folder = tmp_path_factory.mktemp("clip")
    for name in ("text.pt", "merges.txt"):
        (folder / name).symlink_to(shipped_folder / name)
    (folder / "artwork").symlink_to(artwork_folder)
    return folder


def test_captions_end_at_their_first_end_token(folder: Path) -> None:
    _, tokens = clip.build(folder)
    ids, ends = clip.encode(tokens, ["a cat", "a cat " * 60, ""])
    assert ids.shape == (3, clip.TOKENS)
    assert ends.tolist() == [1 + len(tokens.encode("a cat")), clip.TOKENS - 1, 1]


def test_states_after_the_end_change_nothing(folder: Path) -> None:
    model, tokens = clip.build(folder)
    ids, ends = clip.encode(tokens, ["a cat on a red background"])
    with torch.no_grad():
        before = model.texts(ids, ends)
        ids[0, ends[0] + 1 :] = tokens.start_id
        torch.testing.assert_close(model.texts(ids, ends), before)
    torch.testing.assert_close(before.norm(dim=1), torch.ones(1))


def test_the_loss_is_that_of_a_right_answer_among_all() -> None:
    same = torch.eye(4)
    assert clip.contrast(same, same, torch.tensor(100.0).log()) < 1e-6
    alike = torch.ones(4, 4) / 2
    assert math.isclose(float(clip.contrast(alike, alike, torch.tensor(1.0))), math.log(4), rel_tol=1e-6)
    assert clip.contrast(same, same.roll(1, 0), torch.tensor(1.0)) > math.log(4)


@pytest.mark.usefixtures("counted_steps")
def test_training_goes_on_where_it_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip, "BATCH", 8)
    monkeypatch.setattr(clip, "HELD_OUT", 20)
    for _ in range(2):
        clip.train(folder, minutes=0.01)
    state = checkpoint.load(folder / "clip.pt")
    assert state is not None
    assert state["step"] == 2
    assert len((folder / "clip.jsonl").read_text().splitlines()) == 2
    figures = clip.retrieval(*clip.load(folder), Artwork(folder / "artwork"))
    assert set(figures) == {"text_of_picture", "picture_of_text"}
    assert all(0 <= share <= 1 for share in figures.values())


def test_no_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="training clip"):
        clip.load(tmp_path)
