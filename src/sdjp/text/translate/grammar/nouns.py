"""Noun phrases in English: number, articles, what stands before and behind the noun."""

from __future__ import annotations

import re
from typing import Final

from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.genitive import is_color
from sdjp.text.translate.grammar.numerals import ordinal
from sdjp.text.translate.grammar.parts import (
    POINTING,
    Adjective,
    Clause,
    Genitive,
    Modifier,
    Noun,
    Related,
    Single,
)
from sdjp.text.translate.grammar.words import Word

NO_ARTICLE: Final = frozenset("proper artist name tag emoji latin quoted color style".split())
_NO_PLURAL: Final = frozenset("proper emoji tag unit".split())
PREPOSITIONS: Final = {"から": "from", "へ": "to", "まで": "to", "と": "with", "より": "than", "は": ""}
_POSITIONS: Final = {
    "on {}": "on top", "above {}": "above", "under {}": "below", "in {}": "inside",
    "in front of {}": "in front", "behind {}": "behind", "next to {}": "next to it",
    "beside {}": "at the side", "near {}": "nearby", "around {}": "all around", "outside {}": "outside",
    "deep in {}": "in the background", "beyond {}": "beyond", "to the left of {}": "on the left",
    "to the right of {}": "on the right", "between {s}": "in between",
}  # fmt: skip
_BEHIND: Final = "in the background of {}"
_IN_BOWLS: Final = frozenset("ramen noodles soba udon soup rice stew porridge".split())
# Adjectives (赤い, 茶色い) that stand where a color does.
_COLORS: Final = frozenset("red blue white black yellow brown green".split())


def noun_phrase(noun: Noun, *, article: bool = True, located: bool = False, many: bool | None = None) -> str:
    """Return the English of ``noun`` with all that belongs to it.

    Args:
        noun: The phrase.
        article: Whether it takes one where English wants one.
        located: Whether a preposition stands before it: rain, but in the rain.
        many: Plural or singular, where the phrase itself does not say.
    """
    before, after = _modifiers(noun)
    determiner = next((b for b in before if b.endswith("'s")), None)
    if determiner is not None:
        before.remove(determiner)
    core, plural = _name(noun, many=many)
    core = _without_echo(" ".join([*before, core]))
    if noun.amount is not None:
        core = _counted(noun, core, plural=plural)
    elif determiner is not None:
        core = f"{determiner} {core}"
    elif noun.definite and not core.startswith(("both ", "one ")):
        core = f"the {core}"
    elif article:
        core = _with_article(noun, core, plural=plural, located=located)
    core = core.replace("non- ", "non-")
    tail = [word.use(word.english) for word in noun.tail]
    text = " ".join(filter(None, [noun.limit, core, *after, *tail]))
    if not noun.also:
        return text
    others = [noun_phrase(other, article=article, located=located, many=many) for _, other in noun.also]
    joint = noun.also[-1][0]
    return f"{', '.join(others)}{',' if len(others) > 1 else ''} {joint} {text}"


def is_plural(noun: Noun) -> bool:
    """Whether the English of ``noun`` takes a plural verb."""
    if noun.also:
        return True
    if noun.amount is not None:
        return noun.amount.number is None or noun.amount.number > 1
    features = noun.head.features
    return "pl" in features or ((noun.many or "many" in features) and "mass" not in features)


def _name(noun: Noun, *, many: bool | None = None) -> tuple[str, bool]:
    """The nouns of a compound in the right number, and whether that is the plural."""
    head = noun.head
    if noun.amount is not None:
        one = noun.amount.number == 1 or "always" in noun.amount.features  # three slices of cake
        plural = noun.amount.number is None or not one
    else:
        plural = many if many is not None else noun.many or "many" in head.features
    first = [w.use(_as_adjective(w)) for w in noun.words[:-1]]
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
    return _without_echo(text), plural or "pl" in head.features


def _without_echo(text: str) -> str:
    """Drop a word that repeats the one before it: strawberry strawberry shortcake."""
    return re.sub(r"\b([\w-]+) \1\b", r"\1", text)


def _with_article(noun: Noun, core: str, *, plural: bool, located: bool) -> str:
    head = noun.head
    features = head.features
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
    if (
        bare
        or not core
        or re.match(
            r"(?:the|a|an|some|many|all|each|both|no|only|this|that|my|his|her|its|our|another) ", core
        )
    ):
        return core
    return f"{english.article(core)} {core}"


def _counted(noun: Noun, core: str, *, plural: bool) -> str:
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
    if amount.category == "ordinal" and amount.number is not None:
        return f"the {amount.use(ordinal(amount.number))} {core}"
    if amount.number == 1 and "1" not in amount.source:
        return f"{amount.use(english.article(core))} {core}"
    return f"{amount.use(amount.english)} {core}"


def _as_adjective(word: Word) -> str:
    """The form of a noun before another noun: Japanese, wooden, rainy, anime."""
    text = word.features.get("adj") or word.features.get("style") or word.english
    return text.removesuffix(" print") if word.category == "medium" else text


def bare(noun: Noun) -> str:
    """Singular, without article, for compounds: oil painting style, glass vase."""
    before, after = _modifiers(noun)
    words = [w.use(_as_adjective(w)) for w in noun.words]
    text = " ".join([*before, *words, *after]).replace(" -", "-")
    joined = [bare(other) for _, other in noun.also]
    return " and ".join([*joined, text])


def _modifiers(noun: Noun) -> tuple[list[str], list[str]]:
    """What stands before the noun and what stands after it; the nearest in Japanese is the nearest in
    English.
    """
    before: list[tuple[int, str]] = []
    after: list[str] = []
    for modifier in noun.modifiers:
        place, text = _modifier(modifier, noun)
        if not text:
            continue
        if place < AFTER:
            before.append((place, text))
        else:
            after.insert(0, text)
    return [text for _, text in sorted(before, key=lambda pair: pair[0])], after


# Before a noun: whose, opinion and size, colour, what it is made of.
_WHOSE, OPINION, _COLOR, _KIND, AFTER = range(5)


def _modifier(modifier: Modifier, noun: Noun) -> tuple[int, str]:
    from sdjp.text.translate.grammar.clauses import argument_phrase, relative  # which say nouns, too

    match modifier:
        case Adjective(subject=None):
            if "post" in modifier.word.features or modifier.standard or modifier.extent:
                return AFTER, adjective_phrase(modifier)
            if modifier.word.form.negative:
                return AFTER, f"that {'are' if is_plural(noun) else 'is'} {adjective_phrase(modifier)}"
            if _is_superlative(modifier):
                noun.definite = True
            if modifier.word.base in POINTING and noun.head.category == "body":
                noun.definite = True
                return _WHOSE, modifier.word.use("")  # その膝: on the knees
            noun.many = noun.many or "several" in modifier.word.features
            return (_COLOR if _is_color(modifier.word) else OPINION), adjective_phrase(modifier)
        case Adjective(subject=subject):
            assert subject is not None
            subject.modifiers.append(Adjective(modifier.word, modifier.adverbs))
            return AFTER, f"with {noun_phrase(subject)}"
        case Clause():
            return relative(modifier, noun)
        case Genitive(before=True):
            if modifier.template == "{}'s":
                return _WHOSE, noun_phrase(modifier.noun) + "'s"
            sex = (
                {"woman": "female", "man": "male"}.get(bare(modifier.noun))
                if noun.head.category == "person"
                else None
            )
            place = _COLOR if modifier.noun.head.category == "color" else _KIND
            return place, sex or bare(modifier.noun)
        case Genitive():
            return AFTER, fill(modifier.template, modifier.noun)
        case Related():
            if modifier.word.english.startswith("that looks") and is_plural(noun):
                modifier.word.english = modifier.word.english.replace("that looks", "that look")
            if modifier.noun is not None and {"pre", "join"} & set(modifier.word.features):
                return OPINION, related_phrase(modifier)
            return AFTER, related_phrase(modifier)
        case Noun():
            return AFTER, argument_phrase(modifier, None)
        case Single():
            word = modifier.word
            return (AFTER if word.kind == "adv" else OPINION), word.use(word.english)


def _is_color(word: Word) -> bool:
    return word.category == "color" or word.english in _COLORS


def adjective_phrase(adjective: Adjective) -> str:
    """An adjective with its adverbs: very big; bigger than a house; small enough to ride the palm."""
    word = adjective.word
    text = word.features.get("adj") or word.features.get("style") or word.english
    if word.category == "unit" or word.kind == "number":
        text = word.english
    if word.form.negative:
        text = f"not {text}"
    if word.form.seeming:
        text = f"{text}-looking"
    if adjective.standard is not None:
        text = f"{english.comparative(text)} than {noun_phrase(adjective.standard)}"
    word.use(text)
    if adjective.extent is not None:
        from sdjp.text.translate.grammar.clauses import infinitive

        text = f"{text} enough to {infinitive(adjective.extent)}"
    if _is_superlative(adjective):
        text = word.use(english.superlative(text))
        adjective.adverbs[-1].use("most")
        return text
    adverbs = [a.use(adverb(a)) for a in adjective.adverbs]
    return " ".join([*adverbs, text])


def _is_superlative(adjective: Adjective) -> bool:
    """Whether 最も or 一番 stands before it."""
    return any(a.english == "most" for a in adjective.adverbs)


def adverb(word: Word) -> str:
    """A word as an adverb."""
    return english.adverb(word.english) if word.category in {"adj", "color", "tag"} else word.english


def related_phrase(related: Related) -> str:
    """A noun in its relation: on a desk, like a bird; where there is none: nearby, inside."""
    word, noun = related.word, related.noun
    template = word.english
    if noun is None and related.marker == "から":
        return word.use("from " + _POSITIONS.get(template, re.sub(r"\{\w*\}", "", template).strip()))
    if noun is None:
        return word.use(_POSITIONS.get(template, re.sub(r"\{\w*\}", "", template).strip()))
    if "neg" in word.features:
        word.use("without")
        return without(noun)
    if "style" in word.features:
        word.use("style")
        return _style(noun, template)
    word.use(re.sub(r"\s*\{\w*\}\s*", " ", template).strip())
    if template == _BEHIND and (
        noun.head.category in {"color", "material", "style", "tag"} or is_color(noun)
    ):
        color = bare(noun)  # 灰色の背景の猫
        return f"on {english.article(color)} {color} background"
    if template == _BEHIND and related.marker in {"", "の"}:  # 森の背景の猫
        template = "with {} in the background"
    text = fill(template, noun)
    prep = PREPOSITIONS.get(related.marker, "")
    return f"{prep} {text}" if prep in {"from", "to"} else text


def without(noun: Noun) -> str:
    """What is not there: without windows, with no people."""
    if noun.head.category == "person":
        return f"with no {noun_phrase(noun, article=False, many=True)}"
    return f"without {noun_phrase(noun)}"


def _style(noun: Noun, template: str) -> str:
    if noun.head.category in {"artist", "name"}:
        return f"in the style of {noun_phrase(noun)}"
    if template == "in {n} style":
        name = bare(noun).removesuffix("-style")
        return f"in {name}" if name.endswith("style") else f"in {name} style"
    return fill(template, noun)


def fill(template: str, noun: Noun) -> str:
    """Put ``noun`` into ``template``: {} with article, {n} bare, {0} without article, {s} plural, {m} as what
    something is made of.
    """
    slot = re.search(r"\{(\w*)\}", template)
    if slot is None:
        return f"{template} {noun_phrase(noun)}"
    match slot[1]:
        case "n":
            text = bare(noun)
        case "0":
            text = _stuff(noun) or noun_phrase(noun, article=False)
        case "m":
            text = _stuff(noun) or noun_phrase(noun, article=False, many=True if noun.simple else None)
        case "s":
            text = noun_phrase(noun, article=bool(noun.amount), many=True if noun.amount is None else None)
        case _:
            one = False if noun.head.category == "part" and not noun.many else None  # outside a window
            text = noun_phrase(noun, located=not template.startswith("{"), many=one)
    return template[: slot.start()] + text + template[slot.end() :]


def _stuff(noun: Noun) -> str:
    """The noun of a material that Japanese calls like a thing: 木 is wood here, not a tree."""
    material = next((s for s in noun.head.senses if s.category == "material"), None)
    if material is None or not noun.simple:
        return ""
    return noun.head.use(material.features.get("noun", material.english))
