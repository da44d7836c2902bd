"""AのB: what the two nouns are decides how English says it.

A cat's eyes, a bridge in a forest, a girl with blue eyes, a glass vase, a photo of a cat: all are の. Every
rule looks at the categories of the two heads; the first that fits is taken.
"""

from __future__ import annotations

import re
from typing import Final

from sdjp.text.translate.grammar.parts import Adjective, Clause, Genitive, Noun, is_object

_ANIMATE: Final = frozenset(["person", "animal", "name"])
_HELD: Final = frozenset(["thing", "food", "animal"])
_BUILT: Final = frozenset(["place", "thing", "part", "food", "clothes", "proper"])
# What a thing has rather than is made or full of: a cafe with dim light, but a ball of dry grass.
_QUALITIES: Final = frozenset(
    """
    light lighting air feel feeling pattern texture mood look appearance line taste tone shape touch size
    length height curtain ribbon handle lid label expression
    """.split()
)
# Heads that English joins by "of": the sound of rain, a view of a town.
_OF: Final = frozenset(
    """
    sound scent world atmosphere color shape name number voice smell land country king queen god end edge
    top view scene landscape townscape scenery map history meaning power piece fragment fragments ray
    light memory memories dream image season sea ocean feeling symbol kingdom mood moment story legend
    city statue birth death beginning path ring wall pile row logo icon figurine sticker poster bunch
    bouquet collection crystal surface pattern field
    """.split()
)
_GROWS: Final = frozenset("leaf branch root fruit nut trunk bark spirit shade stump flower".split())
# After a place these say what is there rather than where it is.
_SCENES: Final = frozenset("landscape townscape scenery view scene map sky".split())
# What belongs to a printed thing rather than being shown in it.
_OF_MEDIA: Final = frozenset("cover design page title layout template frame".split())
# What a shop or an office has made for itself.
_PRINTED: Final = frozenset(
    """
    bag paper wrapper label mascot receipt coupon website ticket logo flyer ad advertisement menu card poster
    sign signboard banner form uniform
    """.split()
)
# A maid who is a girl, a knight who is a cyborg.
_ANYONE: Final = frozenset(
    """
    beastman villain hero heroine goblin orc dwarf angel demon devil fairy mermaid dragonkin werewolf rookie
    newcomer genius apprentice beginner amateur idol woman man girl boy person lady cyborg robot android
    zombie ghost skeleton vampire alien elf mummy
    """.split()
)
_HERDS: Final = {
    animal: herd
    for herd, animals in {
        "flock": "bird sheep pigeon crow crane duck seagull",
        "school": "fish goldfish carp",
        "pack": "dog wolf",
        "swarm": "bee insect butterfly",
        "pod": "dolphin whale",
        "colony": "penguin",
        "pride": "lion",
        "crowd": "person",
        "group": "cat child",
    }.items()
    for animal in animals.split()
}


def attach(modifier: Noun, head: Noun) -> Noun:
    """Join ``modifier`` の ``head`` and return the noun that is the head in English."""
    a, b = modifier.head.category, head.head.category
    word, last = modifier.head, head.head.english.split(" ")[-1]
    modifier.marker = ""
    _lift_amount(modifier, head)
    if b == "group":
        return _group(modifier, head)
    if word.english == "another person" and b == "person":
        word.english = "another"
        return _before(modifier, head)
    if word.kind == "number" and "measure" in word.features:
        word.english = re.sub(r"^(\d+) (\w+?)s$", r"\1-\2", word.english)  # 三日間の旅: a 3-day journey
    if last == "mountain" and a in {"thing", "food", "clothes"} and head.head.english == "mountain":
        head.head.english, modifier.many = "mountain" if a == "food" else "pile", True
        return _after(modifier, head, "of {}")
    if word.english.startswith("-"):  # 動物的な目
        return _before(modifier, head)
    if word.category == "quoted" and b not in {"quoted", "group"}:
        return _after(modifier, head, "reading {}")  # 「営業中」の看板
    if is_background(modifier):
        return _after(modifier, head, background(modifier))
    if a == "thing" and b in _BUILT | _ANIMATE and _is_made_of(modifier, head):
        return _before(modifier, head)
    if a == "food" and b in {"body", "clothes"} and is_color(modifier):
        return _before(modifier, head)
    if "holds" in word.features and b in _HELD:
        return _after(modifier, head, _where(modifier))
    if "between" in head.head.features and modifier.also:
        return _after(modifier, head, "between {}")
    if a == b == "food" and not modifier.modifiers and modifier.amount is None:
        return _before(modifier, head)  # tomato and basil pasta
    if a in {"color", "material", "style", "tag", "latin"}:
        head.many = head.many or "several" in word.features  # 色とりどりの風船
        return _before(modifier, head)
    if last in _OF_MEDIA and a in {"medium", "thing"}:
        return _before(modifier, head)  # 雑誌の表紙
    if a == "medium" and b != "medium":
        modifier.modifiers.append(Genitive(head, "of {}"))
        return modifier
    if b == "medium":
        if a == "proper" and "adj" in word.features and modifier.simple:
            return _before(modifier, head)
        made = [m for m in modifier.modifiers if isinstance(m, Clause) and _makes_pictures(m)]
        modifier.modifiers = [m for m in modifier.modifiers if m not in made]
        _after(modifier, head, "by {}" if a == "artist" else "of {}")
        head.modifiers = [*made, *head.modifiers]
        return head
    if (
        a in {"proper", "time", "weather", "person"}
        and "adj" in word.features
        and not (a == "weather" and b != "time")
    ):
        return _before(modifier, head)
    if a == "time":
        return (
            _before(modifier, head)
            if b == "time"
            else _after(modifier, head, _where(modifier), lift="when" not in word.features)
        )
    if a == "weather":
        located = b in {"place", "proper", "person", "animal"} or "phrase" in word.features
        return _after(modifier, head, _where(modifier) if located else "of {}")
    if a == "body" and last in _OF:
        return _after(modifier, head, "of {}")
    if a == "body":
        return _before(modifier, head) if b in {"body", "part"} else _after(modifier, head, "with {}")
    if a == "clothes":
        return _after(modifier, head, "in {}") if b in _ANIMATE else _before(modifier, head)
    if a == "part" and b in _BUILT:
        return (
            _after(modifier, head, "with {}")
            if not modifier.simple or " " in word.english
            else _before(modifier, head)
        )
    if b in {"body", "part"} and a != "latin":
        head.definite = head.amount is None and "mass" not in word.features
        return _after(modifier, head, "of {}")
    if a == "artist":
        return _after(modifier, head, "by {}")
    if a in {"place", *_ANIMATE} and b == "style" and last == "art":
        return _after(modifier, head, "of {}")  # 城のドット絵
    if a == "place" and last in _PRINTED:
        return _before(modifier, head)  # カフェのロゴ
    if a == "proper" and b == "food" and modifier.simple and "the" not in word.features:
        return _before(modifier, head)  # 名古屋の味噌カツ
    if a in {"place", "proper"}:
        return _after(modifier, head, "of {}" if last in _SCENES else _where(modifier), lift=a == "proper")
    if a in _ANIMATE:
        return _whose(modifier, head, last)
    if last in _OF:
        return _after(modifier, head, "of {}")
    if modifier.simple:
        return _before(modifier, head)
    has = b in _ANIMATE or word.english.split(" ")[-1] in _QUALITIES
    return _after(modifier, head, "with {}" if has else "of {}")


def is_background(noun: Noun) -> bool:
    """Whether ``noun`` is what lies behind the others."""
    return noun.head.english.split(" ")[-1] == "background"


def background(noun: Noun) -> str:
    """The template for what is before a background: in the background, on a white background."""
    noun.head.category = "thing"  # as a tag it would take no article
    return "in the {n}" if noun.simple and " " not in noun.head.english else "on {}"


def _lift_amount(modifier: Noun, head: Noun) -> None:
    """三匹の青い目の猫: the counter tells that cats are counted, not eyes."""
    amount = modifier.amount
    if amount is None or head.amount is not None or head.head.category == "group":
        return
    counts_animals = any(c in amount.source for c in "匹頭羽人名")
    if modifier.head.category in {"color", "material", "style"} or (
        counts_animals and modifier.kind == "thing"
    ):
        head.amount, modifier.amount = amount, None


def _is_made_of(modifier: Noun, head: Noun) -> bool:
    """Whether ``modifier`` is a material here (木の橋, but 木の葉); its word then becomes the material's."""
    return head.head.english.split(" ")[-1] not in _GROWS and _takes_sense(modifier, "material")


def is_color(noun: Noun) -> bool:
    """Whether ``noun`` may be a color (オレンジの髪); its word then becomes the color's."""
    return noun.simple and _takes_sense(noun, "color")


def _takes_sense(noun: Noun, category: str) -> bool:
    """Let the only word of ``noun`` be what it is as a ``category``; False if it is no such thing."""
    word = noun.head
    sense = next((s for s in word.senses if s.category == category), None)
    if sense is None or len(noun.words) > 1:
        return False
    word.english, word.category, word.features = sense.english, category, sense.features
    return True


def _makes_pictures(clause: Clause) -> bool:
    """クレヨンで描いた家族の絵: the picture is drawn, not the family."""
    return "painted" in clause.verb.features and not any(map(is_object, clause.arguments))


def _whose(modifier: Noun, head: Noun, last: str) -> Noun:
    """A person or an animal の something."""
    a, b = modifier.head.category, head.head.category
    anyone = a == "animal" or modifier.head.english in _ANYONE or last in _ANYONE
    if b == "person" and anyone and not modifier.also and modifier.amount is None:
        return _before(modifier, head)
    if b in _ANIMATE or last in _OF:
        return _after(modifier, head, "of {}")
    if a == "animal" and modifier.simple:
        return _before(modifier, head)
    if (
        not any(isinstance(m, (Genitive, Clause)) for m in modifier.modifiers)
        and not {"pl", "many"} & set(modifier.head.features)
        and len(modifier.modifiers) < 2
        and not modifier.also
    ):
        head.modifiers.insert(0, Genitive(modifier, "{}'s", before=True))
        return head
    return _after(modifier, head, "of {}")


def _group(modifier: Noun, head: Noun) -> Noun:
    modifier.many = True
    herd = _HERDS.get(modifier.head.english.split(" ")[-1])
    if "herd" in head.head.features:
        head.head.english = herd or ("herd" if modifier.head.category == "animal" else "group")
    return _after(modifier, head, "of {}")


def _where(noun: Noun) -> str:
    if "phrase" in noun.head.features:
        return "{}"
    return f"{preposition(noun)} {{}}".strip()


def preposition(noun: Noun) -> str:
    """The preposition that ``noun`` as a place or a time takes: at night, but on a summer night."""
    own = noun.head.features.get("prep", "in")
    if (
        own == "at"
        and noun.head.english.endswith(("night", "morning"))
        and (any(isinstance(m, Adjective) for m in noun.modifiers) or len(noun.words) > 1)
    ):
        return "on"
    return own


def _before(modifier: Noun, head: Noun) -> Noun:
    """Put ``modifier`` before the head as an adjective; its own modifiers are the head's (古い木の橋)."""
    head.modifiers = [*modifier.modifiers, Genitive(modifier, "{n}", before=True), *head.modifiers]
    modifier.modifiers = []
    return head


def _after(modifier: Noun, head: Noun, template: str, *, lift: bool = False) -> Noun:
    head.modifiers.insert(0, Genitive(modifier, template))
    if lift:
        head.modifiers = [*modifier.modifiers, *head.modifiers]
        modifier.modifiers = []
    return head
