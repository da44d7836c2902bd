"""From phrases to English: order, number, articles, participles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.genitive import background, is_background, preposition
from sdjp.text.translate.grammar.numerals import ordinal
from sdjp.text.translate.grammar.phrases import (
    POINTING,
    Adjective,
    Clause,
    Equation,
    Genitive,
    Item,
    Modifier,
    Noun,
    Related,
    Single,
    is_existence,
    is_object,
)
from sdjp.text.translate.grammar.words import Word

_PREPOSITIONS: Final = {"から": "from", "へ": "to", "まで": "to", "と": "with", "より": "than", "は": ""}
_LOCATED: Final = frozenset(["place", "proper", "weather", "time", "part"])
_NO_ARTICLE: Final = frozenset(
    ["proper", "artist", "name", "tag", "emoji", "latin", "quoted", "color", "style"]
)
_POSITIONS: Final = {
    "on {}": "on top", "above {}": "above", "under {}": "below", "in {}": "inside",
    "in front of {}": "in front", "behind {}": "behind", "next to {}": "next to it",
    "beside {}": "at the side", "near {}": "nearby", "around {}": "all around", "outside {}": "outside",
    "deep in {}": "in the background", "beyond {}": "beyond", "to the left of {}": "on the left",
    "to the right of {}": "on the right", "between {s}": "in between",
}  # fmt: skip
_BEHIND: Final = "in the background of {}"
_DANGLING: Final = re.compile(r"^((?:look|gaz|star|listen|point)ing(?: \w+)?) (?:at|to)$")
_WHO: Final = frozenset(["person", "animal", "name"])
_IN_BOWLS: Final = frozenset(["ramen", "noodles", "soba", "udon", "soup", "rice", "stew", "porridge"])
_CLOSING: Final = frozenset([",", ".", "!", "?", ":", ";", ")", "]", "}", "、", "。"])
_OPENING: Final = frozenset(["(", "[", "{", "#", "$"])
_MARKS: Final = {"、": ",", "。": ".", "！": "!", "？": "?"}


def generate(items: Sequence[Item]) -> str:
    """Return the English of a whole text.

    A text of one bare noun, and the bare nouns of a list, are tags and take no article.
    """
    stretches: list[list[Item]] = [[]]
    marks: list[str] = []
    for item in items:
        if isinstance(item, Single) and item.word.kind == "punct":
            marks.append(item.word.use(_MARKS.get(item.word.english, item.word.english)))
            stretches.append([])
        else:
            stretches[-1].append(item)
    full = [i for i, stretch in enumerate(stretches) if stretch]
    text = ""
    for i, stretch in enumerate(stretches):
        mark = marks[i] if i < len(marks) else ""
        sentence = mark in {".", "!", "?"}
        part = _stretch(stretch, tag=len(full) > 1 and not sentence, sentence=sentence)
        glued = (
            not text
            or part == ""
            or text[-1:] in _OPENING
            or (text[-1:] in "\"'" and text.count(text[-1]) % 2 == 1)
        )
        text += part if glued else f" {part}"
        opens = mark in _OPENING or (mark in {'"', "'"} and text.count(mark) % 2 == 0)
        text += f" {mark}" if text and (opens or (mark not in _CLOSING and mark not in {'"', "'"})) else mark
    return re.sub(r"\s+", " ", text).strip()


def _stretch(items: Sequence[Item], *, tag: bool, sentence: bool) -> str:
    if len(items) == 1 and isinstance(items[0], Noun):
        noun = items[0]
        bare = tag or (noun.simple and len(noun.words) == 1 and not noun.tail)
        text = noun_phrase(noun, article=not bare or _followed(noun))
    else:
        text = " ".join(filter(None, (_item(item, sentence=sentence) for item in items)))
    return text[:1].upper() + text[1:] if sentence else text


def _followed(noun: Noun) -> bool:
    """Whether something stands after the noun in English, so that a tag is a phrase."""
    return any(
        isinstance(m, (Clause, Related)) or (isinstance(m, Genitive) and not m.before) for m in noun.modifiers
    ) or bool(noun.also and len(noun.modifiers) > 0)


def _item(item: Item | Modifier, *, sentence: bool = False) -> str:
    match item:
        case Noun():
            return (
                _argument(item, None)
                if item.marker in _PREPOSITIONS or item.marker in {"に", "で"}
                else noun_phrase(item)
            )
        case Adjective():
            return _adjective(item)
        case Clause():
            return _final(item, sentence=sentence)
        case Related():
            return _standing(item)
        case Equation():
            return _equation(item, sentence=sentence)
        case Genitive():
            return _fill(item.template, item.noun)
        case Single():
            return item.word.use(item.word.english)


# -- nouns ---------------------------------------------------------------------------------------------------


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
    countable = not {"pl", "mass"} & set(head.features) and head.category not in {
        "proper",
        "emoji",
        "tag",
        "unit",
    }
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
        or (head.category in _NO_ARTICLE and head.how != "romaji")
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


def _bare(noun: Noun) -> str:
    """Singular, without article, for compounds: oil painting style, glass vase."""
    before, after = _modifiers(noun)
    words = [w.use(_as_adjective(w)) for w in noun.words]
    text = " ".join([*before, *words, *after]).replace(" -", "-")
    joined = [_bare(other) for _, other in noun.also]
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
        if place < _AFTER:
            before.append((place, text))
        else:
            after.insert(0, text)
    return [text for _, text in sorted(before, key=lambda pair: pair[0])], after


# Before a noun: whose, opinion and size, colour, what it is made of.
_WHOSE, _OPINION, _COLOR, _KIND, _AFTER = range(5)


def _modifier(modifier: Modifier, noun: Noun) -> tuple[int, str]:
    match modifier:
        case Adjective(subject=None):
            if "post" in modifier.word.features or modifier.standard or modifier.extent:
                return _AFTER, _adjective(modifier)
            if modifier.word.form.negative:
                return _AFTER, f"that {'are' if is_plural(noun) else 'is'} {_adjective(modifier)}"
            if _is_superlative(modifier):
                noun.definite = True
            if modifier.word.base in POINTING and noun.head.category == "body":
                noun.definite = True
                return _WHOSE, modifier.word.use("")  # その膝: on the knees
            noun.many = noun.many or "several" in modifier.word.features
            return (_COLOR if _is_color(modifier.word) else _OPINION), _adjective(modifier)
        case Adjective(subject=subject):
            assert subject is not None
            subject.modifiers.append(Adjective(modifier.word, modifier.adverbs))
            return _AFTER, f"with {noun_phrase(subject)}"
        case Clause():
            return _relative(modifier, noun)
        case Genitive(before=True):
            if modifier.template == "{}'s":
                return _WHOSE, noun_phrase(modifier.noun) + "'s"
            sex = (
                {"woman": "female", "man": "male"}.get(_bare(modifier.noun))
                if noun.head.category == "person"
                else None
            )
            place = _COLOR if modifier.noun.head.category == "color" else _KIND
            return place, sex or _bare(modifier.noun)
        case Genitive():
            return _AFTER, _fill(modifier.template, modifier.noun)
        case Related():
            if modifier.word.english.startswith("that looks") and is_plural(noun):
                modifier.word.english = modifier.word.english.replace("that looks", "that look")
            if modifier.noun is not None and {"pre", "join"} & set(modifier.word.features):
                return _OPINION, _related(modifier)
            return _AFTER, _related(modifier)
        case Noun():
            return _AFTER, _argument(modifier, None)
        case Single():
            return (_AFTER if modifier.word.kind == "adv" else _OPINION), _item(modifier)


def _is_color(word: Word) -> bool:
    return word.category == "color" or word.english in {
        "red",
        "blue",
        "white",
        "black",
        "yellow",
        "brown",
        "green",
    }


# -- adjectives ----------------------------------------------------------------------------------------------


def _adjective(adjective: Adjective) -> str:
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
        verb = adjective.extent.verb
        doing = " ".join(filter(None, [verb.use(verb.english), *_complements(adjective.extent)]))
        text = f"{text} enough to {doing}"
    if _is_superlative(adjective):
        text = word.use(english.superlative(text))
        adjective.adverbs[-1].use("most")
        return text
    adverbs = [a.use(_adverb(a)) for a in adjective.adverbs]
    return " ".join([*adverbs, text])


def _is_superlative(adjective: Adjective) -> bool:
    """Whether 最も or 一番 stands before it."""
    return any(a.english == "most" for a in adjective.adverbs)


def _adverb(word: Word) -> str:
    return english.adverb(word.english) if word.category in {"adj", "color", "tag"} else word.english


def _equation(equation: Equation, *, sentence: bool) -> str:
    """A is B; of something that is so, a fragment names the thing: 首が長い is a long neck."""
    if not sentence and isinstance(equation.complement, Adjective):
        return noun_phrase(
            replace(equation.subject, modifiers=[*equation.subject.modifiers, equation.complement])
        )
    be = "are" if is_plural(equation.subject) else "is"
    complement = equation.complement
    text = _adjective(complement) if isinstance(complement, Adjective) else noun_phrase(complement)
    return f"{noun_phrase(equation.subject)} {be} {text}"


# -- relations -----------------------------------------------------------------------------------------------


def _related(related: Related) -> str:
    word, noun = related.word, related.noun
    template = word.english
    if noun is None and related.marker == "から":
        return word.use("from " + _POSITIONS.get(template, re.sub(r"\{\w*\}", "", template).strip()))
    if noun is None:
        return word.use(_POSITIONS.get(template, re.sub(r"\{\w*\}", "", template).strip()))
    if "neg" in word.features:
        word.use("without")
        return _without(noun)
    if "style" in word.features:
        word.use("style")
        return _style(noun, template)
    word.use(re.sub(r"\s*\{\w*\}\s*", " ", template).strip())
    if template == _BEHIND and noun.head.category in {"color", "material", "style", "tag"}:
        color = _bare(noun)  # 灰色の背景の猫
        return f"on {english.article(color)} {color} background"
    if template == _BEHIND and related.marker in {"", "の"}:  # 森の背景の猫
        template = "with {} in the background"
    text = _fill(template, noun)
    prep = _PREPOSITIONS.get(related.marker, "")
    return f"{prep} {text}" if prep in {"from", "to"} else text


def _standing(related: Related) -> str:
    """A relation with nothing to belong to: 背景なし, アニメ風."""
    word, noun = related.word, related.noun
    if noun is not None and "neg" in word.features:
        word.use("no")
        name = noun_phrase(noun, article=False, many=True if noun.head.category == "person" else None)
        return f"no {name}"
    if noun is not None and "style" in word.features and "style of" not in word.english:
        word.use("style")
        name = _bare(noun)
        return name if name.endswith("style") else f"{name.removesuffix('-style')} style"
    return _related(related)


def _without(noun: Noun) -> str:
    if noun.head.category == "person":
        return f"with no {noun_phrase(noun, article=False, many=True)}"
    return f"without {noun_phrase(noun)}"


def _style(noun: Noun, template: str) -> str:
    if noun.head.category in {"artist", "name"}:
        return f"in the style of {noun_phrase(noun)}"
    if template == "in {n} style":
        name = _bare(noun).removesuffix("-style")
        return f"in {name}" if name.endswith("style") else f"in {name} style"
    return _fill(template, noun)


def _fill(template: str, noun: Noun) -> str:
    """Put ``noun`` into ``template``: {} with article, {n} bare, {0} without article, {s} plural, {m} as what
    something is made of.
    """
    slot = re.search(r"\{(\w*)\}", template)
    if slot is None:
        return f"{template} {noun_phrase(noun)}"
    match slot[1]:
        case "n":
            text = _bare(noun)
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


# -- clauses -------------------------------------------------------------------------------------------------


def _relative(clause: Clause, noun: Noun) -> tuple[int, str]:
    """A clause before a noun: a participle, before it if it stands alone, else after it."""
    verb, subject = clause.verb, clause.subject
    if is_existence(verb):
        return _AFTER, _existing(clause)
    if "when" in noun.head.features:
        return _AFTER, _at_that_time(clause, noun)
    if subject is not None:
        if (
            "vt" in verb.features
            and not verb.form.passive
            and not any(is_object(a) for a in clause.arguments)
        ):
            participle = verb.use(verb.features.get("pp") or english.participle(verb.english))
            by = f"by {noun_phrase(subject)}"
            return _AFTER, " ".join([*_chain(clause), participle, by, *_complements(clause)])
        nobody = subject.head.english.startswith("no ")  # 誰も住んでいない: the noun says no
        has = "without" if verb.form.negative and not nobody else "with"
        if "has" in verb.features:
            verb.use(has)
            return _AFTER, " ".join([has, noun_phrase(subject), *_complements(clause)])
        return _AFTER, " ".join([has, _subject(clause), _predicate(clause, negative=False, of=subject)])
    alone = not clause.arguments and not clause.before
    text = _predicate(clause, of=noun, gap=alone or not any(is_object(a) for a in clause.arguments))
    if alone and " " not in verb.rendered_or("") and not clause.adverbs and not verb.form.negative:
        return _OPINION, text
    state = verb.features.get("た") == verb.rendered and not text.startswith("with ")
    if alone and not verb.form.negative and state:
        return _OPINION, text
    return _AFTER, text


def _at_that_time(clause: Clause, noun: Noun) -> str:
    """What happens in a moment: the moment of drawing a sword; of a cat jumping."""
    noun.definite = True
    who = [] if clause.subject is None else [_subject(clause)]
    anyone = Noun([Word(source="", kind="noun", category="person")])
    return " ".join(["of", *who, _predicate(clause, of=clause.subject or anyone)])


def _existing(clause: Clause) -> str:
    """いる and ある before a noun: in the room; with a cat; without windows."""
    verb, subject = clause.verb, clause.subject
    verb.use("")
    where = _complements(clause)
    if subject is not None:
        text = _without(subject) if verb.form.negative else f"with {noun_phrase(subject)}"
        return " ".join([text, *where])
    if verb.form.negative:
        return " ".join(["not", *where])
    return " ".join(where)


def _subject(clause: Clause) -> str:
    """The subject; what lines up, gathers or scatters comes in numbers."""
    noun = clause.subject
    assert noun is not None
    several = (
        "several" in clause.verb.features and noun.amount is None and noun.head.category not in _NO_ARTICLE
    )
    if several and "mass" not in noun.head.features:
        noun.many = True
    return noun_phrase(noun)


def _predicate(clause: Clause, *, of: Noun, negative: bool | None = None, gap: bool = False) -> str:
    """The participle with all that the verb takes: riding a horse, drawn with crayons, not wearing a hat."""
    verb = clause.verb
    objects = [a.head for a in clause.arguments if isinstance(a, Noun) and a.marker == "を"]
    if "worn" in verb.features and any(o.category == "clothes" for o in objects):
        verb.english = "wear"
    if "watched" in verb.features and any("watch" in o.features for o in objects):
        verb.english = "watch"
    if "painted" in verb.features:
        verb.english = _how_drawn(clause, of)
    if verb.form.causative and not verb.form.passive:
        return _made_to(clause)
    verb.english = verb.features.get(of.head.category, verb.english)  # a car stops, a bird perches
    text = _participle(clause, of=of, gap=gap)
    if (verb.form.negative if negative is None else negative) and not verb.form.potential:
        text = f"not {text}"
    complements = _complements(clause)
    if "{}" in text:
        text, complements = _around_object(text, clause, complements)
    if (
        any(o.category in {"body", "part"} for o in objects)
        and "having" in verb.features
        and not verb.form.negative
    ):
        text = verb.use("with")
    if verb.base == "為る" and (complements or clause.before):  # 跳ねたり転がったりする
        text = verb.use("")
    if _reduplicates(verb, complements):
        text = text.rsplit(" ", 1)[0]
    if complements and text.endswith((" into", " onto")) and complements[0].startswith(("in ", "on ")):
        complements = [complements[0].partition(" ")[2], *complements[1:]]
    if not complements and not verb.form.passive and (not gap or of.kind == "animate"):
        text = verb.use(_DANGLING.sub(r"\1", text))  # looking up, with nothing to look at
    if verb.form.like:
        text = verb.use(f"as if {text}")
    chain = _chain(clause)
    if not text and not complements:
        chain = chain[:-1]
    return " ".join(filter(None, [*chain, text, *complements, *_circumstances(clause)]))


def _made_to(clause: Clause) -> str:
    """Make somebody do something: making a child eat vegetables."""
    verb = clause.verb
    everyone = [a for a in clause.arguments if isinstance(a, Noun)]
    markers = ("に", "を") if "vt" in verb.features else ("を", "に")
    found = (a for marker in markers for a in everyone if a.marker == marker and a.head.category in _WHO)
    who = next(found, next((a for a in everyone if a.marker == markers[0]), None))
    rest = replace(clause, arguments=[a for a in clause.arguments if a is not who])
    text = " ".join(filter(None, [verb.use(verb.english), *_complements(rest)]))
    made = "not making" if verb.form.negative else "making"
    whom = "someone" if who is None else noun_phrase(who)
    return " ".join([*_chain(clause), made, whom, text, *_circumstances(clause)])


def _how_drawn(clause: Clause, of: Noun) -> str:
    """Pictures depict; what is done with paint, or after a painter, is painted."""
    if of.head.category == "medium" and any(is_object(a) for a in clause.arguments):
        return "depict"
    words = [a.word.english if isinstance(a, Related) else a.head.english for a in clause.arguments]
    return "paint" if any("paint" in w or "style of" in w for w in words) else clause.verb.english


def _around_object(verb: str, clause: Clause, complements: list[str]) -> tuple[str, list[str]]:
    """Put the object where the verb has a place for it: holding {} at the ready."""
    if any(is_object(a) for a in clause.arguments):
        return verb.replace("{}", complements[0]), complements[1:]
    return verb.replace("{} ", ""), complements


def _circumstances(clause: Clause) -> list[str]:
    """What follows the verb: with petals fluttering, while singing, as if flying."""
    anyone = Noun([Word(source="", kind="noun", category="person")])
    parts = []
    for earlier in clause.before:
        if not isinstance(earlier, Clause):
            continue
        if earlier.subject is not None:
            parts.append(f"with {noun_phrase(earlier.subject)} {_predicate(earlier, of=earlier.subject)}")
        elif _follows(earlier):
            joint = "while " if earlier.verb.form.link == "while" else "without " if _omits(earlier) else ""
            parts.append(joint + _predicate(earlier, of=anyone, negative=False if _omits(earlier) else None))
    return parts


def _follows(clause: Clause) -> bool:
    """Whether a joined clause stands after the verb in English: 歌いながら, 飛ぶように, 差さずに."""
    return clause.verb.form.link == "while" or clause.verb.form.like or _omits(clause)


def _omits(clause: Clause) -> bool:
    """Whether a joined clause tells what is not done: 傘を差さずに."""
    return clause.verb.form.negative and clause.verb.form.link == "te"


def _reduplicates(verb: Word, complements: Sequence[str]) -> bool:
    """Whether the verb's own preposition meets another one: look at + outside a window."""
    tail = verb.english.rsplit(" ", 1)[-1]
    first = complements[0].split(" ")[0] if complements else ""
    return (
        " " in verb.english
        and (tail in {"at", "on", "to", "for"} or (tail == "in" and first in {"in", "into"}))
        and first
        in {
            "outside",
            "at",
            "toward",
            "to",
            "in",
            "on",
            "out",
            "behind",
            "above",
            "under",
            "beyond",
            "into",
            "from",
        }
    )


def _participle(clause: Clause, *, of: Noun, gap: bool) -> str:
    """Choose between the present participle, the past participle and the verb's own resulting state."""
    verb, form, features = clause.verb, clause.verb.form, clause.verb.features
    if form.potential:
        able = "can" if not form.negative else "cannot"
        return verb.use(f"{'who' if of.head.category == 'person' else 'that'} {able} {verb.english}")
    if form.seeming:
        if form.passive:
            return verb.use(f"that can seemingly be {english.participle(verb.english)}")
        return verb.use(f"about to {verb.english}")
    if form.passive and not form.causative:
        return verb.use(features.get("pp") or english.participle(verb.english))
    if "as" in features and not form.negative:
        return verb.use(features["as"])
    state = (
        features.get("た")
        if form.past and not form.progressive
        else features.get("て")
        if form.progressive
        else None
    )
    if state is not None and not form.negative:
        return verb.use(state)
    if form.resultative and "vt" in features:
        return verb.use(features.get("pp") or english.participle(verb.english))
    lifeless = of.head.category not in {"person", "animal", "name"}
    if gap and "vt" in features and lifeless and (form.past or "pp" in features):
        return verb.use(features.get("pp") or english.participle(verb.english))
    if form.desire:
        return verb.use(f"wanting to {verb.english}")
    alone = not clause.arguments and not clause.adverbs and not clause.before
    if "pre" in features and alone:
        return verb.use(features["pre"])
    return verb.use(english.gerund(verb.english))


def _chain(clause: Clause) -> list[str]:
    """Clauses joined by て: holding an umbrella and walking."""
    parts = []
    for earlier in clause.before:
        of = Noun([Word(source="", kind="noun", category="person")])
        if isinstance(earlier, Adjective):
            parts += [_adjective(earlier), "and"]
        elif earlier.subject is None and not _follows(earlier):
            parts += [_predicate(earlier, of=of), "and"]
    return parts


def _complements(clause: Clause) -> list[str]:
    """Object first, then the others, the nearest to the verb first, then adverbs."""
    direct = [_argument(a, clause.verb) for a in clause.arguments if is_object(a)]
    others = [_argument(a, clause.verb) for a in reversed(clause.arguments) if not is_object(a)]
    bare = [
        o
        for a, o in zip(reversed([a for a in clause.arguments if not is_object(a)]), others, strict=True)
        if _is_direct(a, clause.verb)
    ]
    rest = [o for o in others if o not in bare]
    adverbs = [a.use(_adverb(a)) for a in clause.adverbs]
    return [*direct, *bare, *adverbs, *rest]


def _is_direct(argument: Noun | Related, verb: Word) -> bool:
    return isinstance(argument, Noun) and verb.features.get(argument.marker) == "" and not verb.form.passive


def _argument(argument: Noun | Related, verb: Word | None) -> str:
    if isinstance(argument, Related):
        return _related(argument)
    if is_background(argument) and argument.marker in {"に", "で"}:
        return _fill(background(argument), argument)
    preposition = _preposition(argument, verb)
    if verb is not None and "the" in verb.features and argument.marker == "を" and not is_plural(argument):
        argument.definite = True  # playing the piano
    if argument.head.category == "body" and argument.marker in {"に", "で"} and argument.simple:
        argument.definite = True  # on the shoulder
    medium = argument.marker == "で" and argument.head.category == "medium"
    crowd = argument.marker == "で" and argument.head.english == "person" and argument.simple
    text = noun_phrase(argument, article=not medium, located=preposition != "", many=True if crowd else None)
    return f"{preposition} {text}" if preposition else text


def _preposition(noun: Noun, verb: Word | None) -> str:
    """The preposition for a noun with its particle: the verb's, the noun's, the particle's."""
    particle, head = noun.marker, noun.head
    own = preposition(noun) if "prep" in head.features or head.category in _LOCATED else ""
    if "phrase" in head.features:
        return ""
    wanted = None if verb is None else verb.features.get(particle)
    if verb is not None and verb.form.passive and particle == "に":
        wanted = verb.features.get("受に") or wanted or ("by" if not own else None)
    if verb is not None and "to" in verb.features and particle == "に" and noun.kind == "animate":
        return "to"  # a letter to a friend
    if wanted == "path":
        wanted = "along" if own in {"on", "by"} else "through" if own else ""
    if wanted == "loc":
        wanted = own or "on"
    if wanted is not None:
        return own if wanted and (head.category == "time" or (particle == "で" and own)) else wanted
    if particle in {"に", "で"} and "prep" in head.features:
        return own
    match particle:
        case "を":
            if verb is not None and verb.base == "為る":
                return _doing(head)
            return ""
        case "に":
            if head.category == "color":
                return "in"
            return own or ("to" if noun.kind == "animate" else "on")
        case "で":
            if verb is not None and verb.features.get("で"):
                return verb.features["で"]
            return own or ("in" if head.category in {"medium", "style", "color"} else "with")
        case _:
            return _PREPOSITIONS.get(particle, "")


def _doing(head: Word) -> str:
    """する with an object: doing, playing, or having a face."""
    if head.category in {"body", "clothes", "part"}:
        return "with"
    if "play" in head.features:
        return "playing"
    return "" if head.english.split(" ")[-1].endswith("ing") else "doing"


# -- the end of a sentence -----------------------------------------------------------------------------------


def _final(clause: Clause, *, sentence: bool) -> str:
    """A clause that ends: Children are playing soccer. Without a full stop: children playing soccer."""
    verb, subject = clause.verb, clause.subject
    if is_existence(verb):
        return _there_is(clause, sentence=sentence)
    of = subject if subject is not None else Noun([Word(source="", kind="noun", category="person")])
    text = _predicate(clause, of=of)
    if subject is None:
        return text
    if not sentence:
        return f"{_subject(clause)} {text}"
    if verb.form.potential:
        return f"{_subject(clause)} {text.partition(' ')[2]}"
    return f"{_subject(clause)} {'are' if is_plural(subject) else 'is'} {text}"


def _there_is(clause: Clause, *, sentence: bool) -> str:
    subject = clause.subject
    clause.verb.use("")
    where = _complements(clause)
    if subject is None:
        return " ".join(["not", *where] if clause.verb.form.negative else where)
    no = clause.verb.form.negative
    name = f"no {noun_phrase(subject, article=False)}" if no else noun_phrase(subject)
    be = ["There", "are" if is_plural(subject) else "is"] if sentence else []
    return " ".join([*be, name, *where])
