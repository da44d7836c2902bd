"""Nouns in English, without what belongs to them: number, articles, counting, their forms before others."""

from __future__ import annotations

import re
from typing import Final

from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.numerals import ordinal
from sdjp.text.translate.grammar.parts import Adjective, Noun
from sdjp.text.translate.grammar.words import Word

NO_ARTICLE: Final = frozenset("proper artist name tag emoji latin quoted color style".split())
_NO_PLURAL: Final = frozenset("proper emoji tag unit".split())
_ALONE: Final = frozenset("輪本粒滴筋艘")
"""Counters of what a picture shows for being one alone."""
_IN_BOWLS: Final = frozenset("ramen noodles soba udon soup rice stew porridge".split())
_FEMALE: Final = frozenset(
    """
    woman girl lady mother mom grandmother grandma sister daughter wife queen princess witch maid bride
    goddess actress waitress nun mermaid heroine aunt niece granddaughter schoolgirl geisha maiko maiden
    girlfriend female she empress ballerina gyaru miko hostess
    """.split()
)
_MALE: Final = frozenset(
    """
    man boy father dad grandfather grandpa brother son husband king prince groom uncle gentleman guy salaryman
    businessman fisherman wizard emperor shogun policeman monk knight samurai ronin butler boyfriend male he
    swordsman warlord lord hunter god nephew grandson schoolboy craftsman carpenter blacksmith wrestler
    """.split()
)
_DETERMINERS: Final = frozenset(
    """
    the a an some many several dozens all each every any both no only this that my his her its their our
    another
    """.split()
)
# There is one of these in a scene, so English takes them for known behind a preposition: on the floor.
_ONE_OF_ITS_KIND: Final = frozenset(
    """
    floor window sky wind sea back middle ceiling edge moon top rain ground counter horizon sand ice snow air
    water distance bottom surface entrance eaves clouds mountains world sun foreground grass kitchen garden
    fog steam shade soil mud tide waves dark stage railing table blackboard end tip side hallway
    dashboard stove veranda doorway doorstep gate harbor fire campfire earth heavens
    """.split()
)
# Adjectives (赤い, 茶色い) that stand where a color does.
_COLORS: Final = frozenset("red blue white black yellow brown green".split())


def is_plural(noun: Noun) -> bool:
    """Whether the English of ``noun`` takes a plural verb."""
    if noun.also:
        return True
    if noun.amount is not None:
        return noun.amount.number is None or noun.amount.number > 1
    features = noun.head.features
    return "pl" in features or ((noun.many or "many" in features) and "mass" not in features)


def compound(noun: Noun, *, many: bool | None = None) -> tuple[str, bool]:
    """The nouns of a compound in the right number, and whether that is the plural."""
    head = noun.head
    if noun.amount is not None:
        one = noun.amount.number == 1 or "always" in noun.amount.features  # three slices of cake
        plural = noun.amount.number is None or not one
    else:
        plural = many if many is not None else noun.many or "many" in head.features
    first = [w.use(as_adjective(w)) for w in noun.words[:-1]]
    proper = (
        head.features.get("proper", "").replace("_", " ")
        if head.kind == "suffix" and noun.words[0].category == "proper"
        else ""
    )
    last = (proper or head.english).lstrip("-") if not proper.endswith("<") else ""
    countable = not {"pl", "mass"} & set(head.features) and head.category not in _NO_PLURAL
    if plural and countable:
        last = english.plural(last)
    head.use(last)
    if head.english.startswith("-") and first:
        return first[-1] + head.english, plural
    if "lead" in head.features and first:
        return " ".join([last, *first]), plural  # 緊張感: a sense of tension
    text = " ".join([proper[:-1], *first] if proper.endswith("<") else [*first, last])
    return without_echo(text), plural or "pl" in head.features


def without_echo(text: str) -> str:
    """Drop a word that repeats the one before it: strawberry strawberry shortcake."""
    return re.sub(r"\b([\w-]+) \1\b", r"\1", text)


def with_article(noun: Noun, core: str, *, plural: bool, located: bool) -> str:
    """Put the article before, where English wants one: a cat, the rain, at night."""
    head = noun.head
    features = head.features
    if core.startswith("same "):
        return f"the {core}"
    if head.kind == "number" and (head.category != "unit" or core[:1].isdigit()) and core[:2] != "1 ":
        return f"only {core}" if "only" in features else core  # waiting for 3 minutes; only one is
    if located and core in _ONE_OF_ITS_KIND:
        return f"the {core}"
    if "the" in features and (located or head.category not in {"weather", "time"}):
        return f"the {core}"
    bare = (
        plural
        or {"mass", "bare", "pl", "the", "phrase"} & set(features)
        or (head.category in NO_ARTICLE and head.how != "romaji")
    )
    if (
        located
        and head.category in {"time", "weather"}
        and features.get("prep") == "at"
        and core == head.rendered
        and not noun.modifiers
    ):
        return core  # at night, at sunset
    if bare or not core or core.split(" ")[0] in _DETERMINERS:
        return core
    return f"{english.article(core)} {core}"


def counted(noun: Noun, core: str, *, plural: bool) -> str:
    """Put the number before: three cats, a dog, two cups of coffee."""
    amount = noun.amount
    assert amount is not None
    measure = amount.features.get("measure", "")
    if measure == "cup" and noun.head.english.split(" ")[-1] in _IN_BOWLS:
        measure = "bowl"
    if (
        ("mass" in noun.head.features or "always" in amount.features)
        and measure
        and not measure.startswith("-")
    ):
        core = f"{measure if amount.number == 1 else english.plural(measure)} of {core}"
    if amount.english == "another":
        return f"{amount.use(amount.english)} {core}"
    if amount.category == "ordinal" and amount.number is not None:
        return f"the {amount.use(ordinal(amount.number))} {core}"
    if "only" in amount.features and amount.number == 1:
        return f"{amount.use('a single')} {core}"  # 一本だけ立つ木
    if "only" in amount.features:
        return f"only {amount.use(amount.english)} {core}"
    if amount.number == 1 and amount.source.strip()[-1:] in _ALONE and not measure:
        return amount.use("a single") + f" {core}"  # 一輪の花
    if amount.number == 1 and "1" not in amount.source:
        return f"{amount.use(english.article(core))} {core}"
    return f"{amount.use(amount.english)} {core}"


def possessive(owner: Noun) -> str:
    """His, her, its or their, as the English of ``owner`` tells."""
    words = set(owner.head.english.split(" "))
    if is_plural(owner):
        return "their"
    if words & _FEMALE:
        return "her"
    if words & _MALE:
        return "his"
    return "their" if owner.head.category in {"person", "name"} else "its"


def as_adjective(word: Word) -> str:
    """The form of a noun before another noun: Japanese, wooden, rainy, anime."""
    text = word.features.get("adj") or word.features.get("style") or word.english
    return text.removesuffix(" print") if word.category == "medium" else text


def material(noun: Noun) -> str:
    """The noun of a material that Japanese calls like a thing: 木 is wood here, not a tree."""
    sense = next((s for s in noun.head.senses if s.category == "material"), None)
    if sense is None or not noun.simple:
        return ""
    return noun.head.use(sense.features.get("noun", sense.english))


def is_color_word(word: Word) -> bool:
    """Whether an adjective names a color: 赤い, 茶色い."""
    return word.category == "color" or word.english in _COLORS


def is_superlative(adjective: Adjective) -> bool:
    """Whether 最も or 一番 stands before it."""
    return any(a.english == "most" for a in adjective.adverbs)


def adverb(word: Word) -> str:
    """The English of a word that is an adverb."""
    return english.adverb(word.english) if word.category in {"adj", "color", "tag"} else word.english
