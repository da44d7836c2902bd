"""From phrases to English: order, punctuation, what stands by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

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
    noun_phrase,
    predicate,
    related_phrase,
    subject_phrase,
)
from sdjp.text.translate.grammar.verbs import PREPOSITIONS

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
                argument_phrase(item, None)
                if item.marker in PREPOSITIONS or item.marker in {"に", "で"}
                else noun_phrase(item)
            )
        case Adjective():
            return adjective_phrase(item)
        case Clause():
            return _final(item, sentence=sentence)
        case Related():
            return _standing(item)
        case Equation():
            return _equation(item, sentence=sentence)
        case Genitive():
            return fill(item.template, item.noun)
        case Single():
            return item.word.use(item.word.english)


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


def _equation(equation: Equation, *, sentence: bool) -> str:
    """A is B; of something that is so, a fragment names the thing: 首が長い is a long neck."""
    if not sentence and isinstance(equation.complement, Adjective):
        return noun_phrase(
            replace(equation.subject, modifiers=[*equation.subject.modifiers, equation.complement])
        )
    be = "are" if is_plural(equation.subject) else "is"
    complement = equation.complement
    text = adjective_phrase(complement) if isinstance(complement, Adjective) else noun_phrase(complement)
    return f"{noun_phrase(equation.subject)} {be} {text}"


def _final(clause: Clause, *, sentence: bool) -> str:
    """A clause that ends: Children are playing soccer. Without a full stop: children playing soccer."""
    verb, subject = clause.verb, clause.subject
    if is_existence(verb):
        return _there_is(clause, sentence=sentence)
    of = subject if subject is not None else anyone()
    text = predicate(clause, of=of)
    if subject is None:
        return text
    if not sentence:
        return f"{subject_phrase(clause)} {text}"
    if verb.form.potential:
        return f"{subject_phrase(clause)} {text.partition(' ')[2]}"
    return f"{subject_phrase(clause)} {'are' if is_plural(subject) else 'is'} {text}"


def _there_is(clause: Clause, *, sentence: bool) -> str:
    subject = clause.subject
    clause.verb.use("")
    where = complements_of(clause)
    if subject is None:
        return " ".join(["not", *where] if clause.verb.form.negative else where)
    no = clause.verb.form.negative
    name = f"no {noun_phrase(subject, article=False)}" if no else noun_phrase(subject)
    be = ["There", "are" if is_plural(subject) else "is"] if sentence else []
    return " ".join([*be, name, *where])
