"""From phrases to English: order, punctuation, what stands by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar.edits import edited, with_background
from sdjp.text.translate.grammar.genitive import attach, is_background
from sdjp.text.translate.grammar.nouns import is_plural
from sdjp.text.translate.grammar.parts import (
    Adjective,
    Clause,
    Equation,
    Genitive,
    Item,
    Modifier,
    Noun,
    Related,
    Single,
    anyone,
    is_existence,
)
from sdjp.text.translate.grammar.realization import (
    adjective_phrase,
    argument_phrase,
    bare,
    complements_of,
    fill,
    joined,
    looks,
    noun_phrase,
    predicate,
    related_phrase,
    subject_phrase,
)
from sdjp.text.translate.grammar.verbs import PREPOSITIONS

# Nouns that say no more than that there is something to be seen.
_SCENES: Final = frozenset(
    "ところ とこ 所 様子 シーン 場面 光景 ワンシーン 一場面 姿 感じ 状態 やつ ヤツ 奴".split()
)
_CLOSING: Final = frozenset([",", ".", "!", "?", ":", ";", ")", "]", "}", "、", "。"])
_OPENING: Final = frozenset(["(", "[", "{", "#", "$"])
# A caption is one line of phrases: what ends a sentence separates two of them.
_MARKS: Final = {"、": ",", "。": ",", ".": ",", "！": ",", "!": ",", "？": "?"}


def generate(items: Sequence[Item]) -> str:
    """Return the English of a whole text, as a caption: phrases in their order, with commas between them.

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
        part = _stretch(stretch, tag=len(full) > 1)
        glued = (
            not text
            or part == ""
            or text[-1:] in _OPENING
            or (text[-1:] in "\"'" and text.count(text[-1]) % 2 == 1)
        )
        text += part if glued else f" {part}"
        opens = mark in _OPENING or (mark in {'"', "'"} and text.count(mark) % 2 == 0)
        text += f" {mark}" if text and (opens or (mark not in _CLOSING and mark not in {'"', "'"})) else mark
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"(?:\s*,)+$", "", re.sub(r"^(?:,\s*)+|,(?=\s*,)", "", text))


def _stretch(items: Sequence[Item], *, tag: bool) -> str:
    items = edited(items)
    alone = items[0] if len(items) == 1 else None
    if isinstance(alone, Noun) and not (_is_scene(alone) or _is_look(alone)):
        noun = alone
        bare = tag or (noun.simple and len(noun.words) == 1 and not noun.tail)
        return noun_phrase(noun, article=not bare or _followed(noun))
    return " ".join(filter(None, map(_item, items)))


def _followed(noun: Noun) -> bool:
    """Whether something stands after the noun in English, so that a tag is a phrase."""
    return any(
        isinstance(m, (Clause, Related)) or (isinstance(m, Genitive) and not m.before) for m in noun.modifiers
    ) or bool(noun.also and len(noun.modifiers) > 0)


def _item(item: Item | Modifier) -> str:
    match item:
        case Noun() if _is_look(item):
            item.head.use("")  # カラフルなやつ
            return looks(item)
        case Noun(modifiers=[Clause() as clause]) if _is_scene(item):
            item.head.use("")  # 犬が走っているところ: a dog running
            return _final(clause)
        case Noun():
            return (
                argument_phrase(item, None)
                if item.marker in PREPOSITIONS or item.marker in {"に", "で"}
                else noun_phrase(item)
            )
        case Adjective():
            return adjective_phrase(item)
        case Clause():
            return _final(item)
        case Related():
            return _standing(item)
        case Equation():
            return _equation(item)
        case Genitive():
            return fill(item.template, item.noun)
        case Single():
            return item.word.use(item.word.english)


_PARTS: Final = frozenset(["part", "body", "clothes"])
_ASPECTS: Final = frozenset(
    "theme scheme color mood atmosphere style screen motif palette tone shape".split()
)
"""What a picture has: its words stand behind what they are."""


def _is_short(noun: Noun) -> bool:
    """Whether a noun can stand before another: neither a relation nor what is done belongs to it."""
    return all(isinstance(m, Adjective) or (isinstance(m, Genitive) and m.before) for m in noun.modifiers)


def _is_look(noun: Noun) -> bool:
    """Whether a noun only points at what looks so."""
    alike = bool(noun.modifiers) and all(isinstance(m, Adjective | Related) for m in noun.modifiers)
    only = any(isinstance(m, Adjective) for m in noun.modifiers)
    return noun.head.base in _SCENES and only and alike and not noun.also and noun.amount is None


def _is_scene(noun: Noun) -> bool:
    """Whether a noun only points at what is done before it."""
    return noun.head.base in _SCENES and not noun.also and noun.amount is None and len(noun.modifiers) == 1


def _standing(related: Related) -> str:
    """A relation with nothing to belong to: 背景なし, アニメ風."""
    word, noun = related.word, related.noun
    if noun is not None and "neg" in word.features:
        word.use("no")
        name = noun_phrase(noun, article=False, many=True if noun.head.category == "person" else None)
        return f"no {name}"
    if noun is not None and "style" in word.features and "style of" not in word.english:
        word.use("style")
        name = bare(noun)
        return name if name.endswith("style") else f"{name.removesuffix('-style')} style"
    return related_phrase(related)


def _equation(equation: Equation) -> str:
    """What is so, as a phrase that names it: 首が長い is a long neck, 髪は黒 black hair."""
    subject, complement = equation.subject, equation.complement
    if isinstance(complement, Adjective):
        return noun_phrase(replace(subject, modifiers=[*subject.modifiers, complement]))
    if is_background(subject):
        return noun_phrase(with_background(complement, subject))
    if complement.head.category in {"color", "material"} and complement.simple:
        return noun_phrase(attach(complement, subject))
    if complement.head.english.split(" ")[-1].endswith("ing") and complement.head.category == "thing":
        return f"{noun_phrase(subject)} {noun_phrase(complement, article=False)}"
    of_picture = subject.head.category in _PARTS or subject.head.english.split(" ")[-1] in _ASPECTS
    if subject.simple and of_picture and _is_short(complement):
        return f"{bare(complement)} {noun_phrase(subject, article=False)}"  # 屋根はビスケット
    be = "are" if is_plural(subject) else "is"
    return f"{noun_phrase(subject)} {be} {noun_phrase(complement)}"


def _final(clause: Clause) -> str:
    """A clause that ends: children playing soccer."""
    verb, subject = clause.verb, clause.subject
    if clause.joint:
        return joined(clause)
    if is_existence(verb):
        return _there_is(clause)
    of = subject if subject is not None else anyone()
    text = predicate(clause, of=of)
    return text if subject is None else f"{subject_phrase(clause)} {text}"


def _there_is(clause: Clause) -> str:
    subject = clause.subject
    clause.verb.use("")
    where = complements_of(clause)
    if subject is None:
        return " ".join(["not", *where] if clause.verb.form.negative else where)
    no = clause.verb.form.negative
    name = f"no {noun_phrase(subject, article=False)}" if no else noun_phrase(subject)
    return " ".join([name, *where])
