"""The distance from the scene that was asked for: over what stands there, and in dB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from sdjp_training.release import fidelity, questions
from sdjp_training.release.questions import Question
from sdjp_training.scenes import painting
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import BACKGROUNDS, background
from sdjp_training.trainers import text_encoder


@pytest.fixture(scope="module")
def artwork(artwork_folder: Path) -> Artwork:
    return Artwork(artwork_folder)


def test_a_background_alone_is_far_from_a_scene_although_most_of_it_is_right(artwork: Artwork) -> None:
    scene = Scene(emojis=(artwork.concepts[0].emoji,), place="red", layout="small")
    truth, bare = painting.draw(scene, artwork), background("red")
    asked = [Question(kind="single", prompt="", scene=scene)] * 2
    right = fidelity.measured(artwork, asked[:1], [truth])["single"]
    wrong = fidelity.measured(artwork, asked, [bare, bare])["single"]
    everywhere = fidelity.psnr(bare, truth, np.ones((256, 256), bool))
    assert right > 100
    assert wrong < everywhere - 5


def test_noise_of_known_size_has_the_psnr_of_the_formula(artwork: Artwork) -> None:
    scene = Scene(emojis=(artwork.concepts[0].emoji,))
    truth = painting.draw(scene, artwork)
    off = np.where(truth > 127, truth - 10, truth + 10).astype(np.uint8)
    where = fidelity.drawn(truth, scene)
    assert 0.02 < where.mean() < 0.9
    assert fidelity.psnr(off, truth, where) == pytest.approx(20 * np.log10(255 / 10))


def test_where_nothing_stands_the_whole_picture_counts(artwork: Artwork) -> None:
    scene = Scene(emojis=(), layout="empty", place="sea")
    assert fidelity.drawn(painting.draw(scene, artwork), scene).all()


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_a_scene_is_before_its_background_however_it_is_blurred(artwork: Artwork, name: str) -> None:
    truth = painting.draw(Scene(emojis=(artwork.concepts[0].emoji,), place=name), artwork)
    blurred = Image.fromarray(truth).filter(ImageFilter.GaussianBlur(3))
    grain = np.random.default_rng(1).normal(0, 12, truth.shape)
    for picture in (truth, blurred, np.clip(truth + grain, 0, 255).astype(np.uint8)):
        assert fidelity.place_of(np.asarray(picture)) == name


def test_shares_of_places_are_of_those_that_were_asked_for(artwork: Artwork) -> None:
    cat = artwork.concepts[0].emoji
    scenes = {name: Scene(emojis=(cat,), place=name) for name in ("red", "blue", "sea", "white")}
    asked = [Question(kind="place", prompt="", scene=scenes[name]) for name in ("red", "blue", "sea")]
    asked.append(Question(kind="single", prompt="", scene=scenes["white"]))
    drawn = [painting.draw(scenes[name], artwork) for name in ("red", "sea", "sea", "red")]
    found = fidelity.places(asked, drawn)
    assert found == {"place": pytest.approx(2 / 3), "color": 0.5}
    assert np.isnan(list(fidelity.places(asked[3:], drawn[3:]).values())).all()


def test_every_question_means_a_scene_that_can_be_drawn(artwork: Artwork) -> None:
    asked = questions.others(artwork, 8)
    kinds = {question.kind for question in asked}
    assert kinds >= {"place", "pair", "riding", "count", "side", "sides", "style", "person", "empty"}
    assert {q.scene.layout for q in asked if q.kind == "count"} == {"two", "three", "four", "five"}
    assert all(q.prompt for q in asked)
    nouns = questions.nouns(artwork)
    assert len({q.subjects for q in nouns}) == len(nouns) == questions.NOUNS
    assert nouns == questions.nouns(artwork)


def test_states_that_tell_every_cell_leave_nothing_untold() -> None:
    z = torch.randn(2, 8, 16, 16)
    cells = z.unfold(2, 2, 2).unfold(3, 2, 2)  # (2, 8, 8, 8, 2, 2): channel, row, column, within the cell
    states = torch.zeros(2, 77, 32)  # those before tell nothing
    states[:, 13:] = cells.permute(0, 2, 3, 1, 4, 5).reshape(2, 64, 32)
    as_it_is = torch.nn.Identity()
    torch.testing.assert_close(text_encoder.untold(as_it_is, states, z), torch.zeros_like(z))
    states[0, 13 + 9, 5] += 1  # row 1, column 1; channel 1, first line and second column within the cell
    assert text_encoder.untold(as_it_is, states, z)[0, 1, 2, 3] == pytest.approx(1)
