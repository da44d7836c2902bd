"""Scenes in words, the many ways people write prompts."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Final

from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import COLORS
from sdjp_training.scenes.styles import Style

# Place: ways to say where (after a subject), ways to say it as a tag.
PLACE_PHRASES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "night": (
        (
            "at night",
            "under a starry sky",
            "under the night sky",
            "in the night sky",
            "in the moonlight",
            "in the dark",
        ),
        ("night", "night sky", "starry sky", "stars", "midnight"),
    ),
    "sky": (
        (
            "in the sky",
            "under a blue sky",
            "in the blue sky",
            "in the clouds",
            "flying in the sky",
            "above the clouds",
        ),
        ("blue sky", "sky", "clouds", "sunny day", "daytime"),
    ),
    "sea": (
        (
            "by the sea",
            "at the sea",
            "in the sea",
            "on the sea",
            "in the ocean",
            "on the water",
            "at sea",
            "by the lake",
        ),
        ("sea", "ocean", "water", "lake", "seaside"),
    ),
    "underwater": (
        (
            "underwater",
            "at the bottom of the sea",
            "on the sea floor",
            "under the sea",
            "swimming in the sea",
        ),
        ("underwater", "sea floor", "deep sea", "bubbles"),
    ),
    "grass": (
        (
            "on the grass",
            "in a field",
            "in a meadow",
            "in the park",
            "in a grassland",
            "on a hill",
            "in a garden",
        ),
        ("grassland", "meadow", "grass", "park", "field", "garden"),
    ),
    "forest": (
        (
            "in a forest",
            "in the forest",
            "in the woods",
            "in a deep forest",
            "among the trees",
            "in a jungle",
        ),
        ("forest", "woods", "trees", "jungle"),
    ),
    "snow": (
        (
            "in the snow",
            "on the snow",
            "on a snowy day",
            "in winter",
            "in a snowy landscape",
            "on a snowfield",
        ),
        ("snow", "winter", "snowy landscape", "snowfield", "snowing"),
    ),
    "sunset": (
        (
            "at sunset",
            "in the sunset",
            "at dusk",
            "under a sunset sky",
            "in the evening",
            "against the setting sun",
        ),
        ("sunset", "dusk", "evening", "sunset sky", "evening glow"),
    ),
    "beach": (
        ("on the beach", "at the beach", "on a sandy beach", "on the coast", "by the seaside"),
        ("beach", "sandy beach", "summer", "coast"),
    ),
    "desert": (("in the desert", "in a desert", "on the sand"), ("desert", "sand dunes", "sand")),
    "mountains": (
        ("in the mountains", "in front of mountains", "on a mountain", "with mountains in the background"),
        ("mountains", "snowy mountains", "mountain landscape"),
    ),
    "city": (
        ("in the city", "in a city", "in town", "on the street", "in a big city", "downtown", "on the road"),
        ("city", "town", "skyscrapers", "street", "buildings"),
    ),
    "city at night": (
        (
            "in a city at night",
            "in a neon city",
            "in a cyberpunk city",
            "in Tokyo at night",
            "in a futuristic city",
        ),
        ("night city", "cyberpunk", "neon lights", "night view", "futuristic city"),
    ),
    "space": (
        (
            "in space",
            "in outer space",
            "floating in space",
            "among the stars",
            "in the universe",
            "in the galaxy",
        ),
        ("outer space", "space", "galaxy", "universe"),
    ),
    "moon": (
        ("on the moon", "on the surface of the moon", "on another planet"),
        ("moon surface", "lunar surface"),
    ),
    "room": (
        (
            "in a room",
            "at home",
            "by the window",
            "in the living room",
            "indoors",
            "in a house",
            "in the kitchen",
        ),
        ("room", "indoors", "window", "living room"),
    ),
    "tatami": (
        ("in a Japanese-style room", "in a tatami room", "on tatami", "in a Japanese room", "in a tea room"),
        ("Japanese-style room", "tatami", "shoji screen"),
    ),
    "cherry blossoms": (
        (
            "under cherry blossoms",
            "under a cherry tree",
            "with cherry blossoms",
            "among cherry blossoms",
            "in spring",
        ),
        ("cherry blossoms", "spring", "falling petals", "sakura"),
    ),
    "flowers": (
        ("in a flower field", "in a field of flowers", "among flowers", "in a flower garden"),
        ("flower field", "flowers", "flower garden"),
    ),
    "rain": (("in the rain", "on a rainy day", "in heavy rain"), ("rain", "rainy day", "raining")),
    "fog": (("in the fog", "in the mist", "on a foggy day"), ("fog", "mist", "foggy")),
}
STYLE_PHRASES: Final[dict[Style, tuple[str, ...]]] = {
    "plain": (*("{}",) * 24, "{}, flat design", "a flat illustration of {}", "an emoji of {}"),
    "pixel art": ("pixel art of {}", "{}, pixel art", "{} in pixel art style", "a pixel art {}"),
    "monochrome": (
        "a black and white picture of {}",
        "{}, monochrome",
        "{}, black and white",
        "a monochrome {}",
    ),
    "watercolor": ("a watercolor painting of {}", "{}, watercolor", "{} in watercolor style"),
    "sketch": (
        "a sketch of {}",
        "a pencil drawing of {}",
        "a pencil sketch of {}",
        "a line drawing of {}",
        "{}, sketch",
        "{}, line art",
        "{}, line drawing",
        "{} in sketch style",
    ),
    "neon": (
        "a neon sign of {}",
        "neon art of {}",
        "{}, neon art",
        "{} in neon style",
        "a neon {}",
        "a neon-style {}",
    ),
    "ukiyo-e": (
        "a ukiyo-e of {}",
        "a ukiyo-e print of {}",
        "a woodblock print of {}",
        "{}, ukiyo-e print",
        "{}, ukiyo-e",
        "{} in ukiyo-e style",
    ),
    "3D": (
        "a 3D render of {}",
        "a 3D {}",
        "{}, 3D",
        "{}, 3D render",
        "{} in 3D style",
        "a 3D CG image of {}",
    ),
}
PREFIXES: Final = (
    "a picture of",
    "an illustration of",
    "a photo of",
    "a drawing of",
    "a close-up photo of",
    "an image of",
)
ADJECTIVES: Final = ("cute", "beautiful", "cool", "lovely", "young", "fluffy", "colorful", "happy", "little")
QUALITY: Final = (
    "best quality", "masterpiece", "high quality", "highly detailed", "4K", "8k", "illustration",
    "anime style", "soft light", "cinematic lighting", "digital art", "simple", "detailed",
)  # fmt: skip
MASS: Final = {
    "rice", "sushi", "ramen", "noodles", "sake", "beer", "coffee", "tea", "green tea", "matcha", "oden",
    "curry rice", "curry", "cheese", "chocolate", "corn", "bread", "Mount Fuji", "Tokyo Tower",
    "Santa Claus", "lightning", "thunder", "bamboo", "tempura", "wine", "autumn leaves", "cherry blossoms",
    "French fries", "glasses", "hina dolls", "koinobori", "Japanese dolls", "fireworks", "cherries",
    "grapes", "shoes", "sneakers", "candy", "dango", "dango dumplings", "sakura", "nesting dolls", "Saturn",
    "fire", "TV",
}  # fmt: skip
IRREGULAR: Final = {
    "mouse": "mice", "wolf": "wolves", "deer": "deer", "sheep": "sheep", "fish": "fish",
    "goldfish": "goldfish", "tropical fish": "tropical fish", "squid": "squid", "shrimp": "shrimp",
    "fried shrimp": "fried shrimp", "man": "men", "young man": "young men", "old man": "old men",
    "elderly man": "elderly men", "policeman": "policemen", "woman": "women", "young woman": "young women",
    "old woman": "old women", "elderly woman": "elderly women", "child": "children", "ninja": "ninja",
    "oni": "oni", "tengu": "tengu", "snowman": "snowmen", "Tyrannosaurus": "Tyrannosaurus",
    "loaf of bread": "loaves of bread", "bunch of grapes": "bunches of grapes",
    "bowl of rice": "bowls of rice", "bowl of ramen": "bowls of ramen", "cup of coffee": "cups of coffee",
    "glass of wine": "glasses of wine", "bouquet of flowers": "bouquets of flowers",
    "goose": "geese", "person": "people", "maple leaf": "maple leaves", "onigiri": "onigiri",
}  # fmt: skip
UNIQUE: Final = {"sun", "full moon", "crescent moon", "moon", "Earth", "globe"}


_MANY: Final = re.compile(r"^(?!.* of ).*[^uosi]s$|^(men|women|people) ")  # plural already: chopsticks

_MORE: Final = re.compile(r"(?:(?:wo)?man|person)(?= \w+ing\b)|.+?(?= (?:with|in|of|at|on|for) )")


def article(noun: str) -> str:
    """Put a, an, the or nothing before ``noun``."""
    if noun in MASS or _MANY.search(noun):
        return noun
    if noun in UNIQUE:
        return f"the {noun}"
    vowel = re.match(r"(?i)[aeio]|u(?!ni|FO)|8", noun) is not None
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """Return ``noun`` in the plural."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun in MASS or _MANY.search(noun):
        return noun
    more = _MORE.match(noun)
    if more is not None:
        return plural(more[0]) + noun[more.end() :]
    if re.search(r"(s|x|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


@cache
def translated(every: tuple[Concept, ...]) -> dict[str, str]:
    """What the translator makes of the Japanese name of a concept, where that is none of its English names:
    いちご comes as strawberries. By emoji.
    """
    found = LexiconTranslator().translate([c.japanese for c in every])
    return {
        c.emoji: t.english
        for c, t in zip(every, found, strict=True)
        if t.english.lower() not in {name.lower() for name in c.names}
    }


def caption(scene: Scene, artwork: Artwork, rng: random.Random) -> str:
    """Say ``scene`` in one of the ways people do."""

    def name(emoji: str) -> str:
        names = artwork.concepts[artwork.index[emoji]].names
        return names[0] if rng.random() < 0.75 else rng.choice(names)

    def one(emoji: str) -> str:
        noun = name(emoji)
        if rng.random() < 0.08 and noun not in UNIQUE and noun not in MASS:
            noun = f"{rng.choice(ADJECTIVES)} {noun}"
        bare = rng.random() < 0.15
        return noun if bare else article(noun)

    first = scene.emojis[0]
    tags = rng.random() < 0.3
    if scene.layout == "two":
        subject = f"two {plural(name(first))}"
    elif scene.layout == "three":
        subject = f"three {plural(name(first))}"
    elif scene.layout == "pair":
        a, b = (one(e) for e in scene.emojis)
        subject = rng.choice((f"{a} and {b}",) * 4 + (f"{a} next to {b}", f"{a} with {b}", f"{a}, {b}"))
    elif scene.layout == "riding":
        rider = one(first)
        verb = rng.choice(("riding", "riding", "riding", "riding on", "on"))
        subject = f"{rider} {verb} {one(scene.emojis[1])}"
    elif scene.layout == "above":
        subject = (
            f"{one(first)} {rng.choice(('on', 'on top of', 'above', 'sitting on'))} {one(scene.emojis[1])}"
        )
    elif scene.layout == "big":
        subject = article(f"{rng.choice(('big', 'giant', 'huge', 'large'))} {name(first)}")
    elif scene.layout == "small":
        subject = article(f"{rng.choice(('small', 'tiny'))} {name(first)}")
    elif scene.layout in ("left", "right"):
        subject = f"{one(first)} on the {scene.layout}"
    else:
        heard = translated(artwork.concepts).get(first)
        subject = heard if heard is not None and rng.random() < 0.4 else one(first)
        if rng.random() < 0.15:
            subject = f"{rng.choice(PREFIXES)} {subject}"

    parts: list[str] = []
    if scene.place in COLORS:
        if scene.place != "white" or rng.random() < 0.15:
            color = scene.place
            if tags:
                parts.append(f"{color} background")
            else:
                subject = f"{subject} {rng.choice(('on', 'with', 'against'))} {article(color)} background"
    else:
        phrases, words = PLACE_PHRASES[scene.place]
        if tags:
            parts.append(rng.choice(words))
        else:
            subject = f"{subject} {rng.choice(phrases)}"
    subject = in_style(rng.choice(STYLE_PHRASES[scene.style]), subject)
    if rng.random() < 0.15:
        parts += rng.sample(QUALITY, rng.randint(1, 3))
    rng.shuffle(parts)
    at = 0 if rng.random() < 0.7 else rng.randint(0, len(parts))
    parts.insert(at, subject)
    return ", ".join(parts)


def in_style(phrase: str, subject: str) -> str:
    """Put ``subject`` into a phrase; without its article after that of the phrase, as in "a neon cat"."""
    if phrase.startswith(("a ", "an ")) and not phrase.endswith(" of {}"):
        subject = re.sub(r"^(an?|the) ", "", subject)
    return phrase.format(subject)


def vocabulary(artwork: Artwork, n: int = 60000) -> set[str]:
    """Every word that captions use, for the byte-pair table of the embedded model."""
    from sdjp_training.scenes import composition

    rng = random.Random(0)
    words: set[str] = set()
    for _ in range(n):
        words.update(caption(composition.sample(artwork, rng), artwork, rng).replace(",", " ").split())
    for concept in artwork.concepts:
        for noun in concept.names:
            words.update(noun.split(), plural(noun).split())
    return words
