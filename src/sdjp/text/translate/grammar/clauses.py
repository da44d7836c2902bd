"""Clauses in English: participles, objects, prepositions, what happens beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.genitive import background, is_background, preposition
from sdjp.text.translate.grammar.nouns import (
    AFTER,
    NO_ARTICLE,
    OPINION,
    PREPOSITIONS,
    adjective_phrase,
    adverb,
    fill,
    is_plural,
    noun_phrase,
    related_phrase,
    without,
)
from sdjp.text.translate.grammar.parts import (
    Adjective,
    Clause,
    Noun,
    Related,
    anyone,
    is_existence,
    is_object,
)
from sdjp.text.translate.grammar.words import Word

_LOCATED: Final = frozenset(["place", "proper", "weather", "time", "part"])
# Prepositions that one of a verb's own cannot stand before.
_WHITHER: Final = frozenset("outside at toward to in on out behind above under beyond into from".split())
_DANGLING: Final = re.compile(r"^((?:look|gaz|star|listen|point)ing(?: \w+)?) (?:at|to)$")


def relative(clause: Clause, noun: Noun) -> tuple[int, str]:
    """A clause before a noun: a participle, before it if it stands alone, else after it."""
    verb, subject = clause.verb, clause.subject
    if is_existence(verb):
        return AFTER, _existing(clause)
    if "when" in noun.head.features:
        return AFTER, _at_that_time(clause, noun)
    if subject is not None:
        if (
            "vt" in verb.features
            and not verb.form.passive
            and not any(is_object(a) for a in clause.arguments)
        ):
            participle = verb.use(verb.features.get("pp") or english.participle(verb.english))
            by = f"by {noun_phrase(subject)}"
            return AFTER, " ".join([*_chain(clause), participle, by, *complements_of(clause)])
        nobody = subject.head.english.startswith("no ")  # 誰も住んでいない: the noun says no
        has = "without" if verb.form.negative and not nobody else "with"
        if "has" in verb.features:
            verb.use(has)
            return AFTER, " ".join([has, noun_phrase(subject), *complements_of(clause)])
        return AFTER, " ".join([has, subject_phrase(clause), predicate(clause, negative=False, of=subject)])
    alone = not clause.arguments and not clause.before
    text = predicate(clause, of=noun, gap=alone or not any(is_object(a) for a in clause.arguments))
    if alone and " " not in verb.rendered_or("") and not clause.adverbs and not verb.form.negative:
        return OPINION, text
    state = verb.features.get("た") == verb.rendered and not text.startswith("with ")
    if alone and not verb.form.negative and state:
        return OPINION, text
    return AFTER, text


def _at_that_time(clause: Clause, noun: Noun) -> str:
    """What happens in a moment: the moment of drawing a sword; of a cat jumping."""
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
    complements = complements_of(clause)
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


def infinitive(clause: Clause) -> str:
    """The verb as it stands behind "to", with all that it takes."""
    return " ".join(filter(None, [clause.verb.use(clause.verb.english), *complements_of(clause)]))


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
    parts = []
    for earlier in clause.before:
        if not isinstance(earlier, Clause):
            continue
        if earlier.subject is not None:
            parts.append(f"with {noun_phrase(earlier.subject)} {predicate(earlier, of=earlier.subject)}")
        elif _follows(earlier):
            joint = "while " if earlier.verb.form.link == "while" else "without " if _omits(earlier) else ""
            parts.append(joint + predicate(earlier, of=anyone(), negative=False if _omits(earlier) else None))
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
        and first in _WHITHER
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
        if isinstance(earlier, Adjective):
            parts += [adjective_phrase(earlier), "and"]
        elif earlier.subject is None and not _follows(earlier):
            parts += [predicate(earlier, of=anyone()), "and"]
    return parts


def complements_of(clause: Clause) -> list[str]:
    """Object first, then the others, the nearest to the verb first, then adverbs."""
    direct = [argument_phrase(a, clause.verb) for a in clause.arguments if is_object(a)]
    others = [argument_phrase(a, clause.verb) for a in reversed(clause.arguments) if not is_object(a)]
    bare = [
        o
        for a, o in zip(reversed([a for a in clause.arguments if not is_object(a)]), others, strict=True)
        if _is_direct(a, clause.verb)
    ]
    rest = [o for o in others if o not in bare]
    adverbs = [a.use(adverb(a)) for a in clause.adverbs]
    return [*direct, *bare, *adverbs, *rest]


def _is_direct(argument: Noun | Related, verb: Word) -> bool:
    return isinstance(argument, Noun) and verb.features.get(argument.marker) == "" and not verb.form.passive


def argument_phrase(argument: Noun | Related, verb: Word | None) -> str:
    """A noun with its preposition, as ``verb`` takes it; or a relation."""
    if isinstance(argument, Related):
        return related_phrase(argument)
    if is_background(argument) and argument.marker in {"に", "で"}:
        return fill(background(argument), argument)
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
            return PREPOSITIONS.get(particle, "")


def _doing(head: Word) -> str:
    """する with an object: doing, playing, or having a face."""
    if head.category in {"body", "clothes", "part"}:
        return "with"
    if "play" in head.features:
        return "playing"
    return "" if head.english.split(" ")[-1].endswith("ing") else "doing"
