"""The longest stretch from a morpheme on that a table of ours or the user's knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.counted import not_even
from sdjp.text.translate.grammar.inflection import inflection
from sdjp.text.translate.grammar.lookup import is_kana
from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.reading import LONGEST, Reading, is_grammar
from sdjp.text.translate.grammar.romaji import hiragana
from sdjp.text.translate.grammar.suru import suru
from sdjp.text.translate.grammar.words import Word
from sdjp.text.translate.lexicon_table import Entry

_ONLY: Final = frozenset(["だけ", "のみ"])
"""Particles that say something of their own."""
_CASES: Final = frozenset("が を に で へ と から まで も は".split())
# Relators that are part of the word before them (子供用): no space stands between.
_BOUND: Final = frozenset("用 系 製 柄 際 形 姿 風 調 先 ごと".split())
# Endings of relators that cannot go without the noun that follows.
_ADNOMINAL: Final = ("た", "る", "な", "の", "い", "ような", "の形")


def match(reading: Reading, i: int) -> int | None:
    """Take the longest stretch from ``i`` that a table has; return where the next word begins, or None."""
    for j in range(_reach(reading, i), i, -1):
        if j == i + 1 and is_grammar(reading.chain[i]) and reading.chain[i].surface not in _ONLY:
            continue
        stretch = reading.surface(i, j - 1)
        last = reading.chain[j - 1]
        spoken = _read(reading, i, j)
        for table in (reading.user, reading.own):
            for spelling in dict.fromkeys((stretch + last.surface, stretch + last.base, spoken)):
                entries = table.get(spelling)
                if entries is None:
                    continue
                inflected = spelling not in {stretch + last.surface, spoken}
                entry = _choose(reading, entries, i, j, inflected=inflected)
                if entry is not None:
                    return _take(reading, entry, i, j)
    return None


def _reach(reading: Reading, i: int) -> int:
    """The end of the longest stretch from ``i``: no entry goes on behind a space."""
    end = min(len(reading.chain), i + LONGEST)
    return next((j + 1 for j in range(i, end) if reading.chain[j].space), end)


def _read(reading: Reading, i: int, j: int) -> str:
    """The spelling that the own tables have for a stretch in kana; "" if none or if it is inflected."""
    part = reading.chain[i:j]
    text = "".join(m.surface for m in part)
    whole = j - i > 1 or not (
        part[0].is_("動詞") or ("語幹" not in part[0].inflection and part[0].is_("形容詞"))
    )
    if len(text) < 2 or not whole or not is_kana(text) or is_grammar(part[0]) or is_grammar(part[-1]):
        return ""
    if part[0].lemma == "為る":
        return ""  # していて: no sisters and brothers (姉弟)
    return tables.readings().get(hiragana(text), "")


def _choose(reading: Reading, entries: Iterable[Entry], i: int, j: int, *, inflected: bool) -> Entry | None:
    """Pick the entry whose category fits what stands around the stretch ``i:j``."""
    last, after = reading.chain[j - 1], reading.at(j)
    predicate = last.is_("動詞") or last.is_("形容詞")
    fits = [e for e in entries if _fits(reading, e, i, j, inflected=inflected)]
    before = reading.before()
    if before is not None and (before.source == "の" or (before.kind == "verb" and predicate is False)):
        position = next((e for e in fits if e.category == "position"), None)
        if position is not None:
            return position  # 橋のそば: beside, not soba; 走る最中: while, not a cake
    relator = next((e for e in fits if e.category == "relator"), None)
    if relator is not None:
        return relator
    if predicate and last.is_("動詞"):
        verbs = [e for e in fits if e.category == "verb"]
        if verbs or inflected:
            return verbs[0] if verbs else next((e for e in fits if e.category == "adj"), None)
    if after is not None:
        before_predicate = after.is_("動詞") or (after.is_("助詞") and after.surface == "と")
        wanted = "adv" if before_predicate and not reading.chain[j - 1].space else ""
        if after.surface in {"な", "に"} and after.is_("助動詞"):
            wanted = "adj"
        elif after.surface == "の":
            wanted = "quantity"
        for e in fits:
            if e.category == wanted:
                return e
    return next(iter(fits), None)


def _fits(reading: Reading, entry: Entry, i: int, j: int, *, inflected: bool) -> bool:
    first, last, after = reading.chain[i], reading.chain[j - 1], reading.at(j)
    noun_before = bool(reading.words) and reading.words[-1].kind in {"noun", "number", "suffix"}
    behind_no = (
        j > i + 1 and last.is_("助詞", "格助詞") and reading.words and reading.words[-1].source == "の"
    )
    if behind_no and any(e.category == "position" for e in reading.own.get(first.surface, ())):
        return False  # ソファの下から: from under a sofa
    if j == i + 2 and first.is_("助詞") and entry.category == "position":
        return False  # 萌え絵に|は|しない has no edge (端)
    plain = first.is_("動詞") and first.surface == first.base
    if plain and j == i + 2 and entry.category in tables.NOUNS and _goes_with_verb(reading.before()):
        return False  # くわえて走る犬: what runs holds something, too
    match entry.category:
        case "relator":
            if not noun_before or (inflected and not last.is_("形容詞")):
                return False
            latin = i > 0 and reading.chain[i - 1].is_("latin")  # anime 風
            if i == 0 or (reading.chain[i - 1].space and not is_grammar(first) and not latin):
                return False
            if entry.ja.startswith("を") and entry.ja.endswith("に") and _is_transitive(reading, after):
                return False  # 鞄を肩に掛ける: what is done to the bag
            needs_noun = entry.ja.endswith(_ADNOMINAL) and "adnom" in entry.features
            ends = after is None or after.is_("補助記号")
            if needs_noun and ends:
                return False
            return entry.ja not in _BOUND or not reading.chain[i - 1].space or latin
        case "position":
            return True
        case "suffix":
            behind = last.is_("接尾辞") or "lead" in entry.features
            return noun_before and not reading.chain[i - 1].space and behind
        case "prefix":
            if after is None or not first.is_("接頭辞"):
                return False
            known = first.surface + after.surface in tables.glossary()
            return not ("neg" in entry.features and known)  # 不自然 is one word
        case "counter" | "unit":
            return False
        case "group":
            return True
        case "verb":
            if j - i > 1 and (first.is_("名詞") or first.is_("接頭辞")) and _is_modified(reading):
                return False  # 犬を散歩させる, but 白い犬を散歩させる
            garu = j - i > 1 and last.is_("接尾辞", "動詞的")  # 怖がる
            return last.is_("動詞") or garu or (j - i > 1 and last.is_("助動詞"))
        case "quantity":
            return True
        case "adv":
            if last.is_("形容詞") and after is not None and after.surface == "て":
                return False
            if reading.words and reading.words[-1].source.strip() == "の" and j > i + 1:
                return False  # 机の左に is a position, 左に alone is an adverb
            coloured = reading.words and (reading.words[-1].kind == "adj" or reading.words[-1].source == "な")
            if coloured and entry.ja == "背景に":
                return False  # 青い背景に is on it
            return not (
                first.is_("名詞") and after is not None and after.surface in {"を", "が"} and j == i + 1
            )
        case _:
            if last.is_("動詞") and j == i + 1 and after is not None and _goes_on(after):
                return entry.category == "adj"  # 眺めて is the verb, not the view
            if j == i + 1 and len(entry.ja) == 1 and "ぁ" <= entry.ja <= "ん" and after is not None:
                return not is_grammar(first) and not first.is_("動詞")
            return not (inflected and last.is_("動詞") and entry.category != "adj")


def _goes_with_verb(before: Word | None) -> bool:
    """Whether the word before a verb belongs to it."""
    if before is None:
        return False
    joined = before.kind == "verb" and before.form.link in {"te", "while"}
    return joined or before.kind in {"adv", "relator"} or before.source.strip() in _CASES


def _is_transitive(reading: Reading, m: Morpheme | None) -> bool:
    """Whether a verb takes an object, as far as the tables know."""
    if m is None or not m.is_("動詞"):
        return False
    entries = (e for spelling in (m.base, m.lemma) for e in reading.own.get(spelling, ()))
    return any("vt" in e.features for e in entries if e.category == "verb")


def _is_modified(reading: Reading) -> bool:
    """Whether the last word modifies the noun that comes."""
    before = reading.before()
    if before is None:
        return False
    return (
        before.kind == "adj"
        or before.source in {"の", "な"}
        or (before.kind == "verb" and before.form.link == "plain")
    )


def _take(reading: Reading, entry: Entry, i: int, j: int) -> int:
    last = reading.chain[j - 1]
    category = entry.category
    if category in {"verb", "adj"} and (last.is_("動詞") or last.is_("形容詞")):
        form, end = inflection(reading.chain, j - 1)
        return reading.add(i, end, "verb" if category == "verb" else "adj", entry, form=form)
    if category == "verb":  # 置かれ|た: the entry ends in an auxiliary
        form, end = inflection(reading.chain, j - 1)
        return reading.add(i, end, "verb", entry, form=form)
    if category == "tag" and (_counts(reading, entry) or not_even(reading, j)):
        quantity = next((e for e in reading.own[entry.ja] if e.category == "quantity"), None)
        if quantity is not None:
            return _take(reading, quantity, i, j)
    if category in {"tag", "style"} and last.is_("形状詞"):
        return reading.add(i, j, "adj" if category == "tag" else "noun", entry)
    if category == "group":
        return reading.add(i, j, "noun", entry)
    if category == "quantity" and entry.features.get("n") == "1" and not_even(reading, j):
        return reading.add(i, j + 1, "auxiliary")
    if category == "quantity":
        number = int(entry.features["n"]) if "n" in entry.features else None
        return reading.add(i, j, "number", entry, number=number)
    if category in {"relator", "position", "suffix", "prefix", "adj", "adv"}:
        return reading.add(i, j, category, entry)
    return suru(reading, i, j, entry) or reading.add(i, j, "noun", entry)


def _counts(reading: Reading, entry: Entry) -> bool:
    """Whether a tag such as 一人 is an amount here: パティシエがひとり."""
    before = reading.before()
    amount = any(e.category == "quantity" for e in reading.own.get(entry.ja, ()))
    return amount and before is not None and before.source in {"が", "は", "も", "を"}


def _goes_on(m: Morpheme) -> bool:
    """Whether ``m`` continues a predicate: て, た, ない, ながら …"""
    return m.is_("助動詞") or m.is_("助詞", "接続助詞") or m.lemma == "過ぎる" or m.surface == "そう"
