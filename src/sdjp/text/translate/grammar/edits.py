"""Requests to change a picture: 背景を雪山に変えて, 電線を消して.

A text encoder is told what is to be seen, not what is to be done. So a request becomes the thing as it will
be: snowy mountains in the background, no power lines. A clause is one if it stands at the end of a text or
before a full stop, if nobody does it, and if its verb is in the table of edits; or if it ends without a verb
(影をもっと薄く).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate import lexicon_table
from sdjp.text.translate.grammar.genitive import attach, is_background
from sdjp.text.translate.grammar.parts import (
    POINTING,
    Adjective,
    Clause,
    Genitive,
    Item,
    Noun,
    Related,
    Single,
)
from sdjp.text.translate.grammar.words import Word, is_look

# What stands for the whole picture, so that a change of it is all there is to say.
_WHOLE: Final = frozenset("picture photo image illustration whole overall composition style work".split())
# What a background is of rather than what stands in it: a white background.
_PLAIN: Final = frozenset(["color", "material", "style", "tag"])
_ORDERS: Final = frozenset(
    "変える 変更する 変換する 追加する 加える 消す 削除する 除去する 置き換える".split()
)
"""Verbs that ask even in the plain form: 全体にセピア色を加える。"""
# What is changed by naming another of its kind: 服を赤いセーターに.
_ALIKE: Final = frozenset(["clothes", "body", "time", "place", "weather"])
# What one word for it says less of than the next: 季節を冬に is winter.
_FRAMES: Final = frozenset(
    "season era period place stage time setting location scene weather format size expression".split()
)


def edited(items: Sequence[Item]) -> Sequence[Item]:
    """The items of one stretch, with a request to change something as what it asks for."""
    if len(items) == 1 and isinstance(items[0], Clause):
        return _requested(items[0]) or items
    if items and all(isinstance(item, (Adjective, Single)) for item in items):
        return _look(items) or items
    return _verbless(items) or items


def _look(items: Sequence[Item]) -> Sequence[Item] | None:
    """もっと明るく: what is asked for is bright."""
    *degrees, last = [word for item in items for word in _words(item)]
    if not (last.kind == "adv" or last.form.link == "adverb") or not is_look(last):
        return None
    if any(word.kind != "adv" or "degree" not in word.features for word in degrees):
        return None
    for word in degrees:
        word.use("")
    return [Adjective(_before_noun(last))]


def with_background(seen: Noun, background: Noun) -> Noun:
    """What is seen behind: a white background, the sea in the background."""
    if seen.head.category in _PLAIN:
        return attach(seen, _plain(background))
    background.head.use("in the background")
    seen.modifiers.append(Related(Word(source="", kind="position", english="in the background"), None))
    return seen


def _words(item: Item) -> list[Word]:
    if isinstance(item, Adjective):
        return [*item.adverbs, item.word]
    return [item.word] if isinstance(item, Single) else []


def _requested(clause: Clause) -> Sequence[Item] | None:
    verb, form = clause.verb, clause.verb.form
    ends = clause.final or form.link == "te"
    if not ends or form.passive or form.past or form.progressive or clause.before:
        return None
    changed = clause.subject if clause.subject is not None and clause.subject.marker in {"は", "も"} else None
    if clause.subject is not None and changed is None:
        return None
    if form.causative and not form.negative:
        return _made(clause)
    kind = lexicon_table.edits().get(verb.base)
    if form.link == "plain" and not (form.request or form.negative) and verb.base not in _ORDERS:
        return None  # 蜂蜜を採る: somebody does it
    target = next((a for a in clause.arguments if isinstance(a, Noun) and a.marker == "に"), None)
    if form.negative and kind == "become" and target is not None and len(clause.arguments) == 1:
        verb.use("")
        return [Related(_without(verb), _plain(target))]  # 萌え絵にはしないで
    if form.negative:
        kind = "none" if kind in {"with", "show"} else None
    if kind is None or kind == "show":
        return None
    clause.arguments = [_as_thing(a) for a in clause.arguments]
    nouns = [a for a in clause.arguments if isinstance(a, Noun)]
    thing = _inside(next((a for a in nouns if a.marker == "を"), changed))
    others = [
        a for a in clause.arguments if a is not thing and not (isinstance(a, Noun) and a.marker == "を")
    ]
    if thing is not None and kind != "with":
        thing.amount = None  # 葉を全部
    if thing is not None and others and kind.startswith("look"):
        kind = "become"
    match kind:
        case "become":
            result = _result(thing, others, clause.adverbs)
        case "none":
            result = None if thing is None else [Related(_without(verb), _plain(thing))]
        case "with":
            result = None if thing is None else [*_placed(_plain(thing), others)]
        case _:
            look = Word(source="", kind="adj", category="adj", english=kind.removeprefix("look="))
            result = None if thing is None or others else [_with_adjective(thing, look)]
    if result is not None:
        verb.use("")
    return result


def _verbless(items: Sequence[Item]) -> Sequence[Item] | None:
    """影をもっと薄く, 背景を雪山に, 猫を水彩画風に."""
    first, rest = items[0] if items else None, list(items[1:])
    if not isinstance(first, Noun) or first.marker not in {"を", "は"} or not rest:
        return None
    adverbs = [item.word for item in rest if isinstance(item, Single) and item.word.kind in {"adv", "adj"}]
    adjectives = [item for item in rest if isinstance(item, Adjective)]
    others = [item for item in rest if isinstance(item, (Noun, Related))]
    if len(adverbs) + len(adjectives) + len(others) != len(rest):
        return None
    if any(isinstance(o, Noun) and o.marker not in {"に", "へ", "から", ""} for o in others):
        return None
    if adjectives and first.marker == "を" and not others:
        return [_with_adjective(first, adjectives[-1].word)]
    if first.marker == "は":
        return None
    return _result(first, others, adverbs)


def _result(
    thing: Noun | None, others: Sequence[Noun | Related], adverbs: Sequence[Word]
) -> Sequence[Item] | None:
    """What a thing becomes: a noun, a style, or the same thing with another look."""
    style = next((o for o in others if isinstance(o, Related)), None)
    target = next((o for o in reversed(others) if isinstance(o, Noun) and o.marker in {"に", "へ", ""}), None)
    looks = [a for a in adverbs if is_look(a)]
    for adverb in adverbs:
        if adverb not in looks and adverb.how != "romaji":
            adverb.use("")
    whole = thing is None or _is_whole(thing)
    if target is not None:
        target.marker = ""
        if thing is not None and is_background(thing) and not whole:
            return [with_background(target, thing)]
        if whole or thing is None or _says_less(thing, target):
            _drop(thing)
            return [target]
        return [_colored(thing, target) if _is_color_of(thing) else attach(target, _plain(thing))]
    if style is not None:
        style.marker = ""
        if whole or thing is None:
            _drop(thing)
            return [style]
        return [_plain(thing), style]
    if looks:
        word = looks[-1]
        if whole or thing is None:
            _drop(thing)
            return [Adjective(_before_noun(word))]
        return [_with_adjective(thing, word)]
    return None


def _drop(thing: Noun | None) -> None:
    """Say nothing of a thing that what it becomes says already."""
    for word in thing.words if thing is not None else ():
        word.use("")
    for modifier in thing.modifiers if thing is not None else ():
        if isinstance(modifier, Adjective):
            modifier.word.use("")


def _is_whole(thing: Noun) -> bool:
    """Whether a thing is the picture itself: この写真, 全体."""
    pointed = all(isinstance(m, Adjective) and m.word.base in POINTING for m in thing.modifiers)
    known = all(word.how == "lexicon" for word in thing.words)  # what was copied must be said
    return known and pointed and thing.amount is None and thing.head.english.split(" ")[-1] in _WHOLE


def _says_less(thing: Noun, target: Noun) -> bool:
    """Whether the target says all: 服を赤いセーターに, 季節を冬に."""
    if is_background(thing):
        return False
    if any(word.how != "lexicon" for word in thing.words):
        return False  # what was copied must be said
    same = thing.head.category == target.head.category and thing.head.category in _ALIKE
    last = thing.head.english.split(" ")[-1]
    return thing.simple and (same or last in _FRAMES or last in target.head.english.split(" "))


def _as_thing(argument: Noun | Related) -> Noun | Related:
    """The background as a thing that is changed, rather than as a place: この絵の背景を."""
    if not isinstance(argument, Related) or argument.marker not in {"を", "は"} or argument.noun is None:
        return argument
    if argument.word.english != "in the background of {}":
        return argument
    argument.word.english, argument.word.kind, argument.word.category = "background", "noun", "thing"
    return Noun([argument.word], modifiers=[Genitive(argument.noun, "of {}")], marker=argument.marker)


def _inside(thing: Noun | None) -> Noun | None:
    """What of a picture is changed: the sky of この写真の空."""
    if thing is None:
        return None
    for modifier in [m for m in thing.modifiers if isinstance(m, Genitive) and _is_whole(m.noun)]:
        _drop(modifier.noun)
        thing.modifiers.remove(modifier)
    if thing.head.english.split(" ")[-1] not in _WHOLE:
        return thing
    if not thing.modifiers:
        return thing
    *pointed, last = thing.modifiers
    if not isinstance(last, Genitive) or not all(isinstance(m, Adjective) for m in pointed):
        return thing
    thing.modifiers = pointed
    _drop(thing)
    last.noun.marker = thing.marker
    return last.noun


def _is_color_of(thing: Noun) -> bool:
    """髪の色: the colour of something."""
    return thing.head.english == "color" and any(isinstance(m, Genitive) for m in thing.modifiers)


def _colored(thing: Noun, target: Noun) -> Noun:
    owner = next(m.noun for m in thing.modifiers if isinstance(m, Genitive))
    thing.head.use("")
    if target.head.category == "adj":
        return _with_adjective(owner, target.head)
    return attach(target, replace(owner, marker=""))


def _with_adjective(thing: Noun, word: Word) -> Noun:
    """影をもっと薄く: a faint shadow; もっと says nothing of what is to be seen."""
    return replace(thing, marker="", modifiers=[*thing.modifiers, Adjective(_before_noun(word))])


def _before_noun(word: Word) -> Word:
    """The word as it stands before a noun: 薄く is 薄い."""
    word.kind, word.form = "adj", replace(word.form, link="plain")
    return word


def _plain(noun: Noun) -> Noun:
    return replace(noun, marker="")


def _placed(thing: Noun, others: Sequence[Noun | Related]) -> Sequence[Item]:
    """A thing, and where it is to be."""
    for other in others:
        other.adnominal = True
    thing.modifiers = [*others, *thing.modifiers]
    return [thing]


def _without(verb: Word) -> Word:
    return Word(
        source="",
        kind="relator",
        english="without {}",
        category="relator",
        features={"neg": ""},
        base=verb.base,
    )


def _made(clause: Clause) -> Sequence[Item] | None:
    """Somebody is to be made to do something: 椅子に座らせて is sitting on a chair."""
    verb = clause.verb
    verb.form = replace(verb.form, causative=False)
    things = [a for a in clause.arguments if isinstance(a, Noun)]
    if "vt" not in verb.features:
        who = next((a for a in things if a.marker == "を"), None)
    else:
        who = next((a for a in things if a.marker == "に" and a.kind == "animate"), None)
    if who is not None:
        clause.arguments = [a for a in clause.arguments if a is not who]
        clause.subject = replace(who, marker="が")
    clause.final = True
    return [clause]
