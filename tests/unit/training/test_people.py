"""People: what is said of how they look is what is drawn, in the words of the translator."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from sdjp.text import read
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes import captions, painting, people
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.clothes import shoulders
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.faces import FACES
from sdjp_training.scenes.people import ANIMALS, BEHIND, PEOPLE, TRAITS, Crowd

FOREHEAD = BEHIND + 40, 60


@pytest.fixture(scope="module")
def crowd(artwork_folder: Path) -> Crowd:
    return Artwork(artwork_folder).crowd


def test_each_trait_is_seen(crowd: Crowd) -> None:
    same = {
        "black hair",
        "long",
        "bald",
        "short",
        "curly",
        "twintails",
        "beard",
    }  # other heads, here all the same
    for emoji, person in PEOPLE.items():
        plain = crowd.draw(emoji, "")
        for name, trait in TRAITS.items():
            if person.letter in trait.who and name not in same:
                assert not np.array_equal(crowd.draw(emoji, name), plain), (emoji, name)


def test_hair_is_dyed_and_nothing_else(crowd: Crowd) -> None:
    plain, blue = crowd.draw("👩", ""), crowd.draw("👩", "blue hair")
    assert np.abs(blue[FOREHEAD][:3].astype(int) - TRAITS["blue hair"].color).max() < 40
    assert np.array_equal(plain[BEHIND + 100 :], blue[BEHIND + 100 :])


def test_clothes_have_their_colour() -> None:
    image = np.asarray(shoulders("red clothes", (216, 44, 44)))
    assert image.shape == (330, 256, 4)
    assert image[300, 128, 0] > 2 * image[300, 128, 1]
    assert not np.array_equal(image, np.asarray(shoulders("red kimono", (216, 44, 44))))


def test_a_flat_person_has_skin_of_one_colour(crowd: Crowd) -> None:
    shaded = crowd.parts["👩"].copy()
    shaded[100:240, 30:226, :3] = np.linspace((250, 214, 190), (230, 180, 170), 140)[:, None].astype("u1")
    flat = Crowd({**crowd.parts, "👩": shaded}).draw("👩", "", flat=True)
    assert len(np.unique(flat[BEHIND + 210 : BEHIND + 230, 60], axis=0)) == 1


def test_every_head_has_a_place_for_its_features() -> None:
    heads = {person.head for person in PEOPLE.values()}
    cuts = {cut for person in PEOPLE.values() for cut in person.cuts.values()}
    assert FACES.keys() >= heads | cuts
    assert {name for person in PEOPLE.values() for name in person.cuts} <= TRAITS.keys()


def test_at_most_one_trait_of_each_sort() -> None:
    rng = random.Random(2)
    looks = [people.look("👩", rng) for _ in range(300)]
    assert "" in looks
    for look in looks:
        sorts = [trait.sort for trait in people.traits(look).values()]
        assert len(sorts) == len(set(sorts)) <= 3
    assert not any("beard" in look or "suit" in look for look in looks)


def test_animals_can_be_dressed(artwork_folder: Path) -> None:
    artwork = Artwork(artwork_folder)
    worn = [name for name, trait in TRAITS.items() if "a" in trait.who]
    for emoji in ANIMALS:
        drawn = {painting.subject(artwork, emoji, "solid", look).tobytes() for look in ("", *worn)}
        assert len(drawn) == len(worn) + 1


@pytest.mark.parametrize(
    ("prompt", "emoji", "look"),
    [
        ("青い髪の女性", "👩", "blue hair"),
        ("長い青い髪の女の子", "👧", "long, blue hair"),
        ("笑っている男の人", "👨", "smile"),
        ("笑顔の女の子", "👧", "smile"),
        ("眼鏡をかけた男性", "👨", "glasses"),
        ("泣いている赤ちゃん", "👶", "cry"),
        ("怒った女性", "👩", "angry"),
        ("ひげの男性", "👨", "beard"),
        ("金髪の少女", "👧", "blond hair"),
        ("ポニーテールの女の子", "👧", "ponytail"),
        ("赤い着物の女性", "👩", "red kimono"),
        ("制服の女の子", "👧", "school uniform"),
        ("スーツの男性", "👨", "suit"),
        ("女性の肖像", "👩", ""),
        ("眼鏡をかけた青い髪の女性", "👩", "blue hair, glasses"),
        ("麦わら帽子をかぶった少女", "👧", "straw hat"),
        ("着物を着た猫", "🐈", "kimono"),
        ("帽子をかぶった犬", "🐕", "straw hat"),
        ("王冠をかぶったライオン", "🦁", "crown"),
    ],
)
def test_people_are_said_as_the_translator_says_them(
    prompt: str, emoji: str, look: str, artwork_folder: Path
) -> None:
    heard = read.to_english([prompt], translator=LexiconTranslator())[0]
    artwork, rng = Artwork(artwork_folder), random.Random(0)
    scene = Scene(emojis=(emoji,), looks=(look,) if look else ())
    said = (captions.caption(scene, artwork, rng) for _ in range(2000))
    assert any(phrase in (heard, f"a {heard}") for phrase in said)
