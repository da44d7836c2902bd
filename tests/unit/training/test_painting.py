"""Scenes as they are drawn: large, with a shadow where there is ground, riders in their mounts."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from sdjp_training.scenes import composition, painting, riding
from sdjp_training.scenes.artwork import Artwork, concepts
from sdjp_training.scenes.composition import LAYOUTS, Layout, Scene
from sdjp_training.scenes.people import ANIMALS, PEOPLE
from sdjp_training.scenes.pixels import fitted, trimmed
from sdjp_training.scenes.places import background
from sdjp_training.scenes.riding import HELD, MOUNTS, RIDERS, SEATS, Mount, Rider
from sdjp_training.scenes.tints import TINTS, tint


def _square(color: tuple[int, int, int], side: int = 100) -> np.ndarray:
    """A square of a colour in the middle of nothing."""
    drawing = np.zeros((256, 256, 4), np.uint8)
    at = slice(128 - side // 2, 128 + side // 2)
    drawing[at, at] = (*color, 255)
    return drawing


def test_a_drawing_is_as_large_as_its_box() -> None:
    assert trimmed(_square((200, 0, 0))).shape == (100, 100, 4)
    assert fitted(_square((200, 0, 0)), 196, 240).shape == (196, 196, 4)
    assert trimmed(np.zeros((8, 8, 4), np.uint8)).shape == (8, 8, 4), "nothing stays nothing"


def test_there_is_a_shadow_on_the_ground_and_none_in_the_sky(artwork_folder: Path) -> None:
    artwork = Artwork(artwork_folder)
    emoji = artwork.concepts[0].emoji
    for place, shaded in (("white", True), ("sky", False)):
        picture = painting.draw(Scene(emojis=(emoji,), place=place), artwork).astype(int)
        darker = (background(place).astype(int) - picture)[236:242, 100:156].min()
        assert bool(darker > 10) is shaded
    flat = painting.draw(Scene(emojis=(emoji,), style="flat design"), artwork)
    assert np.array_equal(flat[240], background("white")[240])


def test_a_scene_without_a_subject_is_its_place(artwork_folder: Path) -> None:
    picture = painting.draw(Scene(emojis=(), layout="empty", place="sea"), Artwork(artwork_folder))
    assert np.array_equal(picture, background("sea"))


@pytest.mark.parametrize(("layout", "count"), [("single", 1), ("two", 2), ("four", 4), ("five", 5)])
def test_there_are_as_many_as_are_said(layout: Layout, count: int) -> None:
    scene = Scene(emojis=("🐈",), layout=layout)
    boxes = [box for _, box in painting.arranged(scene, [_square((0, 0, 0))])]
    assert len(boxes) == count
    for x, y, side in boxes:
        assert min(x, y, 256 - x, 256 - y) >= side / 2, "inside the picture"


def test_a_mount_hides_the_lower_half_of_its_rider() -> None:
    seat = Mount(across=0.5, down=0.4, astride=False)
    both = riding.ride(_square((250, 0, 0)), _square((0, 0, 250)), seat, Rider())
    column = both[:, both.shape[1] // 2]
    red, blue = (np.flatnonzero((column[:, i] > 200) & (column[:, 3] > 200)) for i in (0, 2))
    assert red[-1] < blue[0], "above it, and nothing of it before it"
    assert len(blue) == pytest.approx(riding.SIDE, abs=4)


def test_a_person_has_a_leg_on_this_side() -> None:
    seat = Mount(across=0.5, down=0.4, astride=True)
    both = riding.ride(_square((250, 0, 0)), _square((0, 0, 250)), seat, Rider(leg=(20, 200, 20)))
    assert (both[..., 1] > 120).sum() > 1000


def test_what_is_held_is_before_the_shoulders() -> None:
    person, thing = _square((250, 0, 0)), _square((0, 0, 250))
    both = riding.hold(person, thing)
    assert both.shape == (100, 100, 4)
    assert both[80, 50, 2] > 200
    assert both[10, 50, 0] > 200, "the face is free"


def test_children_drink_no_wine(artwork_folder: Path) -> None:
    artwork, rng = Artwork(artwork_folder), random.Random(5)
    scenes = [composition.sample(artwork, rng) for _ in range(9000)]
    drinking = {s.emojis[0] for s in scenes if s.layout == "holding" and s.emojis[1] in ("🍺", "🍷")}
    assert drinking
    assert not drinking & {"👧", "👦", "👶", "🧒"}


def test_everyone_who_rides_and_all_that_is_ridden_is_listed() -> None:
    known = {concept.emoji for concept in concepts()}
    assert known >= {*RIDERS, *MOUNTS, *SEATS, *HELD}
    assert not {"🐻", "🦊", "🦁"} & RIDERS.keys(), "heads never ride"


@pytest.mark.parametrize("name", TINTS)
def test_a_tint_changes_the_main_colour_alone(name: str) -> None:
    drawing = _square((200, 60, 50), 120)
    drawing[110:130, 110:130, :3] = (250, 250, 250)
    colored = tint(drawing, TINTS[name].rgb).astype(int)
    assert np.abs(colored[80, 80, :3] - TINTS[name].rgb).max() < 12
    assert np.abs(colored[120, 120, :3] - 250).max() < 12
    assert np.array_equal(colored[..., 3], drawing[..., 3])


def test_the_mix_of_scenes(artwork_folder: Path) -> None:
    artwork, rng = Artwork(artwork_folder), random.Random(4)
    scenes = [composition.sample(artwork, rng) for _ in range(3000)]
    assert {scene.layout for scene in scenes} == set(LAYOUTS)
    assert 0.02 < sum(not scene.emojis for scene in scenes) / 3000 < 0.05
    said = [(emoji, look) for scene in scenes for emoji, look in scene.subjects if look]
    assert 0.02 < sum(look in TINTS for _, look in said) / 3000 < 0.12
    assert 0.05 < sum(emoji in PEOPLE for emoji, _ in said) / 3000 < 0.15
    assert all(look in TINTS or emoji in ANIMALS for emoji, look in said if emoji not in PEOPLE)
    assert not any(look in TINTS for emoji, look in said if emoji in PEOPLE)
