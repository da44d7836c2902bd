"""Verbs in English, without what they take: participles, prepositions, which clauses follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.genitive import preposition
from sdjp.text.translate.grammar.parts import Clause, Noun, Related, is_object
from sdjp.text.translate.grammar.words import Word

PREPOSITIONS: Final = {
    "間": "for",
    "から": "from",
    "へ": "to",
    "まで": "to",
    "と": "with",
    "より": "than",
    "は": "",
}
_LOCATED: Final = frozenset(["place", "proper", "weather", "time", "part"])
_EVENTS: Final = frozenset(
    """
    festival party match race ceremony concert contest wedding event fair tournament picnic exhibition meeting
    banquet parade funeral rehearsal lesson class
    """.split()
)
"""What happens at a time and a place: で after it is "at"."""
# What goes on, so that it cannot be about to happen: 聞こえてきそうな.
_SEEMING: Final = frozenset(
    "聞こえる 見える 居る 有る 為る 動く 続く 感じる 伝わる 匂う 分かる できる 出来る".split()
)
# Prepositions that one of a verb's own cannot stand before.
_WHITHER: Final = frozenset("outside at toward to in on out behind above under beyond into from".split())


def verb_form(clause: Clause, *, of: Noun, gap: bool) -> str:
    """Choose between the present participle, the past participle and the verb's own resulting state."""
    verb, form, features = clause.verb, clause.verb.form, clause.verb.features
    if form.potential:
        able = "can" if not form.negative else "cannot"
        return verb.use(f"{'who' if of.head.category == 'person' else 'that'} {able} {verb.english}")
    if form.seeming:
        if form.passive:
            return verb.use(f"about to be {english.participle(verb.english)}")
        if form.volitional and of.head.category in {"person", "name"}:
            verb.form = replace(form, negative=False)
            return verb.use(f"{'refusing' if form.negative else 'trying'} to {verb.english}")
        if verb.base in _SEEMING:
            return verb.use(f"that seems to {verb.english}")
        return verb.use(f"about to {verb.english}")
    if form.passive and form.causative:
        return verb.use(f"made to {verb.english}")
    if form.passive:
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
    if state is not None and not form.negative and not any(is_object(a) for a in clause.arguments):
        return verb.use(state)
    if form.recent and not clause.arguments and not clause.before and not form.negative:
        return verb.use(f"newly {features.get('pp') or english.participle(verb.english)}")
    if form.resultative:
        return verb.use(features.get("pp") or english.participle(verb.english))
    if gap and "painted" in features and form.past and not form.negative:
        return verb.use(english.participle(verb.english))  # 水彩で描いた少女: she is what is painted
    lifeless = of.head.category not in {"person", "animal", "name"}
    if gap and "vt" in features and lifeless and (form.past or "pp" in features):
        return verb.use(features.get("pp") or english.participle(verb.english))
    if form.excess:
        return verb.use(f"{english.gerund(verb.english)} too much")
    if form.desire:
        return verb.use(f"wanting to {verb.english}")
    alone = not clause.arguments and not clause.adverbs and not clause.before
    if "pre" in features and alone:
        return verb.use(features["pre"])
    if form.mutual and not any(is_object(a) for a in clause.arguments):
        return verb.use(f"{english.gerund(verb.english)} each other")
    return verb.use(english.gerund(verb.english))


def case_preposition(noun: Noun, verb: Word | None) -> str:
    """The preposition for a noun with its particle: the verb's, the noun's, the particle's."""
    particle, head = noun.marker, noun.head
    own = preposition(noun) if "prep" in head.features or head.category in _LOCATED else ""
    if "phrase" in head.features:
        return ""
    wanted = None if verb is None else verb.features.get(particle)
    if verb is not None and verb.form.benefit and particle == "に" and noun.kind == "animate":
        return "by"  # 王子に靴を磨いてもらう
    if head.english.split(" ")[0] in _WHITHER | {"beside", "near", "by"} and particle in {"に", "で"}:
        return ""
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
            if not own and head.english.split(" ")[-1] in _EVENTS:
                return "at"
            return own or ("in" if head.category in {"medium", "style", "color", "clothes"} else "with")
        case _:
            return PREPOSITIONS.get(particle, "")


def _doing(head: Word) -> str:
    """する with an object: doing, playing, or having a face."""
    if head.category in {"body", "clothes", "part"}:
        return "with"
    if "play" in head.features:
        return "playing"
    return "" if head.english.split(" ")[-1].endswith("ing") else "doing"


def follows(clause: Clause) -> bool:
    """Whether a joined clause stands after the verb in English: 歌いながら, 飛ぶように, 差さずに."""
    return bool(clause.joint) or clause.verb.form.link == "while" or clause.verb.form.like or omits(clause)


def omits(clause: Clause) -> bool:
    """Whether a joined clause tells what is not done: 傘を差さずに."""
    form = clause.verb.form
    return form.negative and form.link == "te" and not form.like


def reduplicates(verb: Word, complements: Sequence[str]) -> bool:
    """Whether the verb's own preposition meets another one: look at + outside a window."""
    tail = verb.english.rsplit(" ", 1)[-1]
    first = complements[0].split(" ")[0] if complements else ""
    return (
        " " in verb.english
        and (tail in {"at", "on", "to", "for"} or (tail == "in" and first in {"in", "into"}))
        and first in _WHITHER
    )


def depiction(clause: Clause, of: Noun) -> str:
    """Pictures depict; what is done with paint, or after a painter, is painted."""
    if of.head.category == "medium" and any(is_object(a) for a in clause.arguments):
        return "depict"
    words = [a.word.english if isinstance(a, Related) else a.head.english for a in clause.arguments]
    return "paint" if any("paint" in w or "style of" in w for w in words) else clause.verb.english


def is_direct(argument: Noun | Related, verb: Word) -> bool:
    """Whether ``verb`` takes an argument without a preposition."""
    return isinstance(argument, Noun) and verb.features.get(argument.marker) == "" and not verb.form.passive
