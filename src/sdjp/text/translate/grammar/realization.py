"""Phrases in English: nouns with their modifiers, clauses with their arguments.

Nouns have relative clauses and clauses have nouns, so both are here. What does not recurse is in ``nouns.py``
and ``verbs.py``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Final

from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.genitive import background, is_background, is_color
from sdjp.text.translate.grammar.nouns import (
    NO_ARTICLE,
    adverb,
    as_adjective,
    compound,
    counted,
    is_color_word,
    is_plural,
    is_superlative,
    material,
    possessive,
    with_article,
    without_echo,
)
from sdjp.text.translate.grammar.parts import (
    POINTING,
    Adjective,
    Clause,
    Genitive,
    Modifier,
    Noun,
    Related,
    Single,
    anyone,
    is_existence,
    is_object,
)
from sdjp.text.translate.grammar.verbs import (
    PREPOSITIONS,
    case_preposition,
    depiction,
    follows,
    is_direct,
    omits,
    reduplicates,
    verb_form,
)
from sdjp.text.translate.grammar.words import Word, is_look

_POSITIONS: Final = {
    "on {}": "on top", "above {}": "above", "under {}": "below", "in {}": "inside",
    "in front of {}": "in front", "behind {}": "behind", "next to {}": "next to it",
    "beside {}": "at the side", "near {}": "nearby", "around {}": "all around", "outside {}": "outside",
    "deep in {}": "in the background", "beyond {}": "beyond", "to the left of {}": "on the left",
    "to the right of {}": "on the right", "between {s}": "in between",
}  # fmt: skip
# The preposition of a participle that has nothing to look at or point to.
_DANGLING: Final = re.compile(r"^((?:look|gaz|star|listen|point|wait)ing(?: \w+)?) (?:at|to|for)$")
_PREPOSITIONS: Final = frozenset(
    "in on at with under for from of to by about into over out without during after before".split()
)
_WHERE_PUT: Final = frozenset("on in into onto from over around".split())
_PUTTING: Final = frozenset(
    "貼る 載せる のせる 配る 入れる 使う 置く 送る 添える 付ける つける 飾る 敷く 掛ける かける 贈る".split()
)
_ADVERBS: Final = frozenset("up down off away back together apart open around along forward".split())
_USABLE: Final = frozenset(["thing", "food", "clothes", "animal", "part"])
_SHOWN_BY_FACES: Final = frozenset("smile grin expression look face frown".split())
_LOOKS: Final = _SHOWN_BY_FACES | frozenset("eyes eye gaze stare pose".split())
_MAKING: Final = frozenset("作る 描く 書く 持つ する した".split())
_BEHIND: Final = "in the background of {}"
# Before a noun: whose, opinion and size, colour, what it is made of.
_WHOSE, _OPINION, _COLOR, _KIND, _AFTER = range(5)


def noun_phrase(noun: Noun, *, article: bool = True, located: bool = False, many: bool | None = None) -> str:
    """Return the English of ``noun`` with all that belongs to it.

    Args:
        noun: The phrase.
        article: Whether it takes one where English wants one.
        located: Whether a preposition stands before it: rain, but in the rain.
        many: Plural or singular, where the phrase itself does not say.
    """
    if noun.event is not None:  # 固まるのを待つ: waiting for candy freezing
        who = [] if noun.event.subject is None else [subject_phrase(noun.event)]
        return " ".join([*who, predicate(noun.event, of=noun.event.subject or anyone())])
    before, after = _modifiers(noun)
    determiner = next((b for b in before if b.endswith("'s")), None)
    if determiner is not None:
        before.remove(determiner)
    core, plural = compound(noun, many=many)
    core = without_echo(" ".join([*before, core]))
    if determiner is None and noun.owner is not None and not noun.also:
        determiner = possessive(noun.owner)
    if noun.amount is not None:
        core = counted(noun, core, plural=plural)
    elif determiner is not None:
        core = f"{determiner} {core}"
    elif noun.definite and not core.startswith(("both ", "one ")):
        core = f"the {core}"
    elif article:
        core = with_article(noun, core, plural=plural, located=located)
    core = core.replace("non- ", "non-")
    tail = [word.use(word.english) for word in noun.tail]
    text = " ".join(filter(None, [noun.limit, core, *after, *tail]))
    if not noun.also:
        return text
    shared = _shared_clause(noun)
    others = [noun_phrase(other, article=article, located=located, many=many) for _, other in noun.also]
    text = f"{text} {shared}" if shared else text
    joint = noun.also[-1][0]
    return f"{', '.join(others)}{',' if len(others) > 1 else ''} {joint} {text}"


def _shared_clause(noun: Noun) -> str:
    """A clause before the first of two of a kind, which is said of both: 樹液に集まるカブトムシとクワガタ.

    It is taken off the first, and stands behind the last.
    """
    first = noun.also[0][1]
    alike = all(other.head.category == noun.head.category for _, other in noun.also)
    plain = not noun.modifiers and not any(other.modifiers for _, other in noun.also[1:])
    match first.modifiers:
        case [Clause() as clause] if alike and plain:
            place, text = relative(clause, first)
            first.modifiers = [] if place == _AFTER else first.modifiers
            return text if place == _AFTER else ""
    return ""


def bare(noun: Noun) -> str:
    """Singular, without article, for compounds: oil painting style, glass vase."""
    before, after = _modifiers(noun)
    words = [w.use(as_adjective(w)) for w in noun.words]
    text = " ".join([*before, *words, *after]).replace(" -", "-")
    joined = [bare(other) for _, other in noun.also]
    return " and ".join([*joined, text])


def looks(noun: Noun) -> str:
    """What modifies a noun, without the noun itself: blue like the sea."""
    before, after = _modifiers(noun)
    return " ".join([*before, *after])


def _modifiers(noun: Noun) -> tuple[list[str], list[str]]:
    """The modifiers before the noun and those after it; the nearest in Japanese is the nearest in
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


def _modifier(modifier: Modifier, noun: Noun) -> tuple[int, str]:
    match modifier:
        case Adjective(subject=None):
            if "post" in modifier.word.features or modifier.standard or modifier.extent:
                return _AFTER, adjective_phrase(modifier)
            if modifier.word.form.negative:
                return _AFTER, f"that {'are' if is_plural(noun) else 'is'} {adjective_phrase(modifier)}"
            if is_superlative(modifier):
                noun.definite = True
            if modifier.word.base in POINTING and noun.head.category == "body":
                noun.definite = True
                return _WHOSE, modifier.word.use("")  # その膝: on the knees
            noun.many = noun.many or "several" in modifier.word.features
            text = adjective_phrase(modifier)
            if _is_long(text):
                return _AFTER, text
            return (_COLOR if is_color_word(modifier.word) else _OPINION), text
        case Adjective(subject=subject):
            assert subject is not None
            subject.modifiers.append(Adjective(modifier.word, modifier.adverbs))
            return _AFTER, f"with {noun_phrase(subject)}"
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
            return _AFTER, fill(modifier.template, modifier.noun)
        case Related():
            if modifier.word.english.startswith("that looks") and is_plural(noun):
                modifier.word.english = modifier.word.english.replace("that looks", "that look")
            if modifier.noun is not None and {"pre", "join"} & set(modifier.word.features):
                return _OPINION, related_phrase(modifier)
            return _AFTER, related_phrase(modifier)
        case Noun():
            return _AFTER, argument_phrase(modifier, None)
        case Single():
            word = modifier.word
            return (_AFTER if word.kind == "adv" else _OPINION), word.use(word.english)


def _is_long(adjective: str) -> bool:
    """Whether English puts an adjective behind its noun: in pajamas, covered in snow."""
    words = adjective.split(" ")
    return len(words) > 1 and (words[0] in _PREPOSITIONS or bool(_PREPOSITIONS & set(words[1:])))


def adjective_phrase(adjective: Adjective) -> str:
    """An adjective with its adverbs: very big; bigger than a house; small enough to ride the palm."""
    word = adjective.word
    text = word.features.get("adj") or word.features.get("style") or word.english
    if word.category == "unit" or word.kind == "number":
        text = word.english
    if word.form.excess:
        text = f"too {text}"
    if word.form.negative:
        text = f"not {text}"
    if word.form.seeming:
        text = f"{text}-looking"
    if adjective.standard is not None:
        text = f"{english.comparative(text)} than {noun_phrase(adjective.standard)}"
    word.use(text)
    if adjective.extent is not None:
        text = f"{text} enough to {infinitive(adjective.extent)}"
    if is_superlative(adjective):
        text = word.use(english.superlative(text))
        adjective.adverbs[-1].use("most")
        return text
    adverbs = [a.use(adverb(a)) for a in adjective.adverbs]
    return " ".join([*adverbs, text])


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
    if prep not in {"from", "to"}:
        return text
    if prep == "to":
        return f"{prep} {re.sub('^(?:at|in|on|through) ', '', text)}"
    text = re.sub("^(?:at|in|on|through) the ", "the ", text)  # 崖の端から: from the edge
    return f"{prep} {re.sub('^on ', 'the top of ', re.sub('^in ', 'inside ', text))}"


def without(noun: Noun) -> str:
    """A noun that is not there: without windows, with no people."""
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
            text = material(noun) or noun_phrase(noun, article=False)
        case "m":
            text = material(noun) or noun_phrase(noun, article=False, many=True if noun.simple else None)
        case "s":
            text = noun_phrase(noun, article=bool(noun.amount), many=True if noun.amount is None else None)
        case _:
            one = False if noun.head.category == "part" and not noun.many else None  # outside a window
            text = noun_phrase(noun, located=not template.startswith("{"), many=one)
    return template[: slot.start()] + text + template[slot.end() :]


def relative(clause: Clause, noun: Noun) -> tuple[int, str]:
    """A clause before a noun: a participle, before it if it stands alone, else after it."""
    verb, subject = clause.verb, clause.subject
    if clause.joint:
        return _AFTER, joined(clause)
    if is_existence(verb):
        return _AFTER, _existing(clause)
    if "when" in noun.head.features:
        return _AFTER, _at_that_time(clause, noun)
    if verb.base == "成る" and verb.form.past and subject is None and not (clause.arguments or clause.before):
        looks = [a for a in clause.adverbs if is_look(a)]
        if len(looks) == len(clause.adverbs) == 1:  # 暗くなった空: the dark sky
            verb.use("")
            return _OPINION, looks[0].use(looks[0].english)
    if subject is not None:
        if (
            "vt" in verb.features
            and not verb.form.passive
            and not verb.form.negative
            and not any(is_object(a) for a in clause.arguments)
        ):
            participle = verb.use(verb.features.get("pp") or english.participle(verb.english))
            by = f"by {noun_phrase(subject)}"
            return _AFTER, " ".join([*_chain(clause), participle, by, *complements_of(clause)])
        if verb.base == "為る" and [*map(is_object, clause.arguments)] == [True]:
            verb.use("")
            (what,) = clause.arguments
            assert isinstance(what, Noun)  # 屋根が三角形をしている: with a triangle roof
            subject.modifiers = [*what.modifiers, Genitive(what, "{n}", before=True), *subject.modifiers]
            what.modifiers = []
            return _AFTER, f"with {noun_phrase(subject)}"
        nobody = subject.head.english.startswith("no ")  # 誰も住んでいない: the noun says no
        has = "without" if verb.form.negative and not nobody else "with"
        if "has" in verb.features:
            verb.use(has)
            return _AFTER, " ".join([has, noun_phrase(subject), *complements_of(clause)])
        return _AFTER, " ".join([has, subject_phrase(clause), predicate(clause, negative=False, of=subject)])
    if (goal := _goal(clause, noun)) is not None:
        verb.use("")
        return _AFTER, f"for {noun_phrase(goal)}"  # 冷蔵庫に貼るシール
    if verb.form.past and _is_put(clause, noun):
        return _AFTER, _with_what_is_put(clause)
    alone = not clause.arguments and not clause.before
    text = predicate(clause, of=noun, gap=alone or not any(is_object(a) for a in clause.arguments))
    if alone and " " not in verb.rendered_or("") and not clause.adverbs and not verb.form.negative:
        return _OPINION, text
    state = verb.features.get("た") == verb.rendered and not text.startswith("with ")
    if alone and not verb.form.negative and state and not _is_long(text):
        return _OPINION, text
    return _AFTER, text


def _goal(clause: Clause, noun: Noun) -> Noun | None:
    """What a thing is for that will be put, sent or used somewhere: 名刺に載せるロゴ."""
    form = clause.verb.form
    plain = form.link == "plain" and not (form.past or form.negative or form.passive or form.progressive)
    alone = noun.kind == "thing" and not (clause.before or clause.adverbs)
    if not (plain and alone and clause.verb.base in _PUTTING):
        return None
    match clause.arguments:
        case [Noun(marker="に") as goal]:
            return goal
    return None


def _is_put(clause: Clause, noun: Noun) -> bool:
    """Whether something was put where ``noun`` is: 招き猫を並べた棚."""
    where = clause.verb.features.get("に") in _WHERE_PUT and not clause.verb.form.negative
    holds = noun.head.category in {"place", "part", "thing", "food", "clothes"} and not clause.before
    return where and holds and not clause.verb.form.passive and [*map(is_object, clause.arguments)] == [True]


def _with_what_is_put(clause: Clause) -> str:
    """With beckoning cats lined up."""
    verb, (what,) = clause.verb, clause.arguments
    assert isinstance(what, Noun)
    put = verb.use(verb.features.get("た") or english.participle(verb.english.replace("{} ", "")))
    return " ".join([f"with {noun_phrase(what)}", put, *(a.use(adverb(a)) for a in clause.adverbs)])


def _at_that_time(clause: Clause, noun: Noun) -> str:
    """An event in a moment: the moment of drawing a sword; of a cat jumping."""
    noun.definite = True
    who = [] if clause.subject is None else [subject_phrase(clause)]
    return " ".join(["of", *who, predicate(clause, of=clause.subject or anyone())])


def _existing(clause: Clause) -> str:
    """いる and ある before a noun: in the room; with a cat; without windows."""
    verb, subject = clause.verb, clause.subject
    verb.use("")
    where = complements_of(clause)
    if subject is not None:
        text = without(subject) if verb.form.negative else f"with {noun_phrase(subject)}"
        return " ".join([text, *where])
    if verb.form.negative:
        return " ".join(["not", *where])
    return " ".join(where)


def subject_phrase(clause: Clause) -> str:
    """The subject; what lines up, gathers or scatters comes in numbers."""
    noun = clause.subject
    assert noun is not None
    several = (
        "several" in clause.verb.features and noun.amount is None and noun.head.category not in NO_ARTICLE
    )
    if several and "mass" not in noun.head.features:
        noun.many = True
    return noun_phrase(noun)


def predicate(clause: Clause, *, of: Noun, negative: bool | None = None, gap: bool = False) -> str:
    """The participle with all that the verb takes: riding a horse, drawn with crayons, not wearing a hat."""
    verb = clause.verb
    if of.kind == "animate" and of.head.english:
        _give(clause, of)
    objects = [a.head for a in clause.arguments if isinstance(a, Noun) and a.marker == "を"]
    if "worn" in verb.features and any(o.category == "clothes" for o in objects):
        verb.english = "wear"
    if "watched" in verb.features and any("watch" in o.features for o in objects):
        verb.english = "watch"
    if "painted" in verb.features:
        verb.english = depiction(clause, of)
    if verb.form.causative and not verb.form.passive:
        return _made_to(clause)
    if of.head.category in verb.features:  # a car stops, a bird perches
        verb.english = verb.features[of.head.category]
        verb.features = {name: value for name, value in verb.features.items() if name not in {"た", "て"}}
    if verb.form.negative and _says_no(clause, of):
        verb.form = replace(verb.form, negative=False)
    text = verb_form(clause, of=of, gap=gap)
    if (verb.form.negative if negative is None else negative) and not verb.form.potential:
        text = f"not {text}"
    complements = complements_of(clause)
    if verb.form.benefit:
        said, rest = _had_done(verb, complements if objects else None)
        text, complements = said, rest if objects else complements
    elif (used := _used_as(clause)) is not None:
        what, role = used
        text, complements = verb.use("using") + f" {noun_phrase(what)} as {noun_phrase(role)}", []
    elif verb.form.passive and objects and " " not in text:  # せんべいを取られた: with crackers taken
        text, complements = verb.use("with") + f" {complements[0]} {text}", complements[1:]
    elif "{}" in text:
        text, complements = _around_object(text, clause, complements)
    if (
        any(o.category in {"body", "part"} for o in objects)
        and "having" in verb.features
        and not verb.form.negative
    ):
        text = verb.use("with")
    if verb.base == "為る" and (complements or clause.before):  # 跳ねたり転がったりする
        text = verb.use("")
    if " from " in text and complements and complements[0].startswith("from "):
        text = text.partition(" from ")[0]  # 下から見上げた: seen from below, said once
    if reduplicates(verb, complements):
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


def _give(clause: Clause, owner: Noun) -> None:
    """What of a body is in a clause belongs to who does it: holding a lamp in her hand."""
    for argument in clause.arguments:
        for modifier in argument.modifiers if isinstance(argument, Noun) else ():
            if isinstance(modifier, Adjective) and _is_said_own(modifier):
                modifier.word.english = f"{possessive(owner)} own"
        if isinstance(argument, Noun) and _is_own(argument, clause.verb):
            argument.owner = owner
    clause.verb.english = clause.verb.english.replace("one's", possessive(owner))
    for earlier in clause.before:
        if isinstance(earlier, Clause) and earlier.subject is None:
            _give(earlier, owner)


def _is_own(noun: Noun, verb: Word) -> bool:
    """Whether a part of a body is that of the one who acts; not what somebody has, looks like or makes."""
    made = noun.marker == "を" and verb.base in _MAKING
    if noun.head.category != "body" or noun.amount is not None or made:
        return False
    words = noun.head.english.split(" ")
    if words[0] in {"both", "one"}:
        return False
    face = words[-1] in _LOOKS and noun.marker == "で"
    had = noun.marker == "を" and ({"having", "as"} & set(verb.features) or verb.base == "為る")
    of_another = any(isinstance(m, Genitive | Noun) or _is_said_own(m) for m in noun.modifiers)
    return not (face or had or of_another)


def _is_said_own(modifier: Modifier) -> bool:
    return isinstance(modifier, Adjective) and modifier.word.english.endswith(" own")


def _had_done(verb: Word, complements: list[str] | None) -> tuple[str, list[str]]:
    """What somebody does for one: having shoes shined by a prince (磨いてもらう); being helped."""
    first, _, rest = verb.english.partition(" ")
    done = english.participle(first)
    whose = re.fullmatch(r"(?:(\w+) )?((?:his|her|its|their|one's) .+)", rest)
    if whose is not None and not complements:  # tie up her hair
        return verb.use(f"having {whose[2]} {done} {whose[1] or ''}".strip()), []
    if "{}" in rest:
        rest = rest.replace("{}", "").strip()
        said = verb.use(f"{done} {rest}")
        if not complements:
            return f"being {said}", []  # おんぶしてもらう
        return f"having {complements[0]} {said}", complements[1:]
    if complements:
        return f"having {complements[0]} {verb.use(f'{done} {rest}'.strip())}", complements[1:]
    if rest and rest.split(" ")[0] not in _PREPOSITIONS | _ADVERBS:
        return verb.use(f"having {rest} {done}"), []  # paint nails
    return verb.use(f"being {done} {rest}".strip()), []


def _used_as(clause: Clause) -> tuple[Noun, Noun] | None:
    """A thing and what it serves as: 帽子を器にする."""
    if clause.verb.base != "為る" or clause.adverbs:
        return None
    match clause.arguments:
        case [Noun(marker="を") as what, Noun(marker="に") as role]:
            usable = what.head.category in _USABLE and role.head.category in _USABLE - {"animal"}
            return (what, role) if usable else None
    return None


def _says_no(clause: Clause, of: Noun) -> bool:
    """Whether another word says the no of a negative verb: nobody, nothing, no longer."""
    for word in clause.adverbs:
        if word.base == "もう":
            word.english, word.category = "no longer", ""
            return True
    nouns = [of, *(a for a in clause.arguments if isinstance(a, Noun))]
    return any(n.head.english == "nothing" or n.head.english.startswith("no ") for n in nouns)


def infinitive(clause: Clause) -> str:
    """The verb as it stands behind "to", with all that it takes."""
    text, complements = clause.verb.english, complements_of(clause)
    if "{}" in text:
        text, complements = _around_object(text, clause, complements)
    clause.verb.use(clause.verb.english.replace("{} ", ""))
    return " ".join(filter(None, [text, *complements]))


def _made_to(clause: Clause) -> str:
    """Make somebody do something: making a child eat vegetables."""
    verb = clause.verb
    everyone = [a for a in clause.arguments if isinstance(a, Noun)]
    markers = ("に", "を") if "vt" in verb.features else ("を", "に")
    found = (a for marker in markers for a in everyone if a.marker == marker and a.kind == "animate")
    who = next(found, next((a for a in everyone if a.marker == markers[0]), None))
    rest = replace(clause, arguments=[a for a in clause.arguments if a is not who])
    text = infinitive(rest)
    made = "not making" if verb.form.negative else "making"
    whom = "someone" if who is None else noun_phrase(who)
    return " ".join([*_chain(clause), made, whom, text, *_circumstances(clause)])


def _around_object(verb: str, clause: Clause, complements: list[str]) -> tuple[str, list[str]]:
    """Put the object where the verb has a place for it: holding {} at the ready."""
    if any(is_object(a) for a in clause.arguments):
        return verb.replace("{}", complements[0]), complements[1:]
    return verb.replace("{} ", ""), complements


def _circumstances(clause: Clause) -> list[str]:
    """Circumstances, behind the verb: with petals fluttering, while singing, as if flying."""
    parts = []
    for earlier in clause.before:
        if not isinstance(earlier, Clause):
            continue
        form = earlier.verb.form
        if earlier.joint:
            parts.append(joined(earlier))
        elif form.like and form.negative:  # 起きないように
            who = "" if earlier.subject is None else f"that {subject_phrase(earlier)} will not "
            parts.append(f"so {who or 'as not to '}{infinitive(earlier)}")
        elif earlier.subject is not None:
            parts.append(f"with {noun_phrase(earlier.subject)} {predicate(earlier, of=earlier.subject)}")
        elif follows(earlier):
            joint = "while " if earlier.verb.form.link == "while" else "without " if omits(earlier) else ""
            parts.append(joint + predicate(earlier, of=anyone(), negative=False if omits(earlier) else None))
    return parts


def joined(clause: Clause) -> str:
    """A clause with the word that joins it: after taking a bath, after rain stopped, to let them go."""
    verb, subject = clause.verb, clause.subject
    if clause.joint == "to":
        return f"to {infinitive(clause)}"
    if subject is None:
        return f"{clause.joint} {predicate(clause, of=anyone())}"
    if not verb.form.passive and not verb.form.negative and not verb.form.progressive:
        tense = english.past if verb.form.past else english.present
        happened = verb.use(
            verb.english if is_plural(subject) and not verb.form.past else tense(verb.english)
        )
        return " ".join([clause.joint, subject_phrase(clause), happened, *complements_of(clause)])
    return f"{clause.joint} {subject_phrase(clause)} {predicate(clause, of=subject)}"


def _chain(clause: Clause) -> list[str]:
    """Clauses joined by て: holding an umbrella and walking."""
    parts = []
    for earlier in clause.before:
        if isinstance(earlier, Adjective):
            parts += [adjective_phrase(earlier), "and"]
        elif earlier.subject is None and not follows(earlier):
            parts += [predicate(earlier, of=anyone()), "and"]
    return parts


def complements_of(clause: Clause) -> list[str]:
    """Object first, then the others, the nearest to the verb first, then adverbs."""
    direct = [argument_phrase(a, clause.verb) for a in clause.arguments if is_object(a)]
    others = [argument_phrase(a, clause.verb) for a in reversed(clause.arguments) if not is_object(a)]
    bare = [
        o
        for a, o in zip(reversed([a for a in clause.arguments if not is_object(a)]), others, strict=True)
        if is_direct(a, clause.verb)
    ]
    rest = [o for o in others if o not in bare]
    return [*direct, *bare, *map(partial(_adverb_of, clause), clause.adverbs), *rest]


def _adverb_of(clause: Clause, word: Word) -> str:
    """An adverb as the clause has it: higher than a hill (丘より高く), white if it becomes so (白くなる)."""
    compared = any(isinstance(a, Noun) and a.marker == "より" for a in clause.arguments)
    if compared and "degree" not in word.features and " " not in word.english:
        return word.use(english.comparative(word.english))
    becomes = clause.verb.base in {"成る", "為る", "見える"} and is_look(word)
    return word.use(word.english if becomes else adverb(word))


def argument_phrase(argument: Noun | Related, verb: Word | None) -> str:
    """A noun with its preposition, as ``verb`` takes it; or a relation."""
    if isinstance(argument, Related):
        return related_phrase(argument)
    if is_background(argument) and argument.marker in {"に", "で"}:
        return fill(background(argument), argument)
    preposition = case_preposition(argument, verb)
    if verb is not None and "the" in verb.features and argument.marker == "を" and not is_plural(argument):
        argument.definite = True  # playing the piano
    on_body = argument.head.category == "body" and argument.head.english.split(" ")[-1] not in _SHOWN_BY_FACES
    if on_body and argument.marker in {"に", "で"} and argument.simple:
        argument.definite = True  # on the shoulder
    if "one" in argument.head.features and verb is not None and argument.amount is None:
        return f"{preposition} {noun_phrase(argument, located=preposition != '', many=False)}".strip()
    medium = argument.marker == "で" and argument.head.category == "medium"
    crowd = argument.marker == "で" and argument.head.english == "person" and argument.simple
    text = noun_phrase(argument, article=not medium, located=preposition != "", many=True if crowd else None)
    return f"{preposition} {text}" if preposition else text
