"""Styles of scenes: each is drawn in its own way, and said."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from sdjp_training.scenes import captions, japanese, painting
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.styles import DARK, OTHERS, PRINT, STYLES, stylise

PICTURE = np.full((256, 256, 3), (40, 120, 210), np.uint8)
PICTURE[60:188, 60:188] = (220, 60, 50)
INSIDE, OUTSIDE = (128, 128), (16, 16)


@pytest.mark.parametrize("side", [256, 64])
def test_each_style_is_another_picture_of_the_same_size(side: int) -> None:
    picture = PICTURE[:: 256 // side, :: 256 // side]
    drawn = [stylise(picture, style, side=side) for style in STYLES if style != "flat design"]
    assert all(d.shape == picture.shape and d.dtype == np.uint8 for d in drawn)
    assert np.array_equal(drawn[0], picture), "plain stays as it is"
    assert len({d.tobytes() for d in drawn}) == len(drawn)


def test_a_sketch_has_outlines_on_paper() -> None:
    drawn = stylise(PICTURE, "sketch").astype(int)
    assert (drawn.max(axis=2) - drawn.min(axis=2)).max() < 12, "next to no colour"
    edge = drawn[128, 56:64].min()
    assert edge < drawn[INSIDE].min() - 80
    assert edge < drawn[OUTSIDE].min() - 80


def test_neon_glows_at_edges_alone() -> None:
    drawn = stylise(PICTURE, "neon").astype(int)
    assert np.abs(drawn[OUTSIDE] - DARK).max() < 8
    assert np.abs(drawn[INSIDE] - DARK).max() < 8
    assert drawn[128, 56:64].max() > 200


def test_a_print_has_the_colours_of_its_inks() -> None:
    drawn = stylise(PICTURE, "ukiyo-e")
    assert {tuple(drawn[INSIDE].tolist()), tuple(drawn[OUTSIDE].tolist())} == {PRINT[6], PRINT[13]}


def test_scenes_are_of_the_3d_drawings_but_for_those_of_flat_design(artwork_folder: Path) -> None:
    artwork = Artwork(artwork_folder)
    emoji = artwork.concepts[0].emoji
    flat, solid = (
        painting.draw(Scene(emojis=(emoji,), style=style), artwork) for style in ("flat design", "plain")
    )
    assert np.array_equal(flat[128, 128], artwork.drawing(emoji, "flat")[128, 128, :3])
    assert np.array_equal(solid[128, 128], artwork.drawing(emoji, "solid")[128, 128, :3])
    assert not np.array_equal(flat, solid)


@pytest.mark.parametrize("style", OTHERS)
def test_every_style_is_said_and_asked_for(style: str, artwork_folder: Path) -> None:
    artwork, rng = Artwork(artwork_folder), random.Random(0)
    emoji = artwork.concepts[0].emoji
    for say in (captions.caption, japanese.prompt):
        plain = {say(Scene(emojis=(emoji,)), artwork, rng) for _ in range(60)}
        assert say(Scene(emojis=(emoji,), style=style), artwork, rng) not in plain
    assert "{}" in STYLES[style].question


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("a neon {}", "a neon cat"),
        ("a sketch of {}", "a sketch of a cat"),
        ("{}, line art", "a cat, line art"),
        ("a black and white {}", "a black and white cat"),
    ],
)
def test_there_is_one_article(phrase: str, said: str) -> None:
    assert captions.in_style(phrase, "a cat") == said


def test_several_things_have_none() -> None:
    assert captions.in_style("a neon {}", "two cats") == "neon two cats"
