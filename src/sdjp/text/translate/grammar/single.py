"""One morpheme that no longer stretch begins with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar import numerals
from sdjp.text.translate.grammar.closed import closed
from sdjp.text.translate.grammar.inflection import inflection
from sdjp.text.translate.grammar.lookup import cover, glossary_match, is_kana, lookup
from sdjp.text.translate.grammar.predicates import negate, predicate
from sdjp.text.translate.grammar.reading import Reading
from sdjp.text.translate.grammar.romaji import hiragana, romaji
from sdjp.text.translate.grammar.suru import suru
from sdjp.text.translate.grammar.words import Word
from sdjp.text.translate.lexicon_table import Entry

_QUOTES: Final = {"」": "「", "』": "『", '"': '"'}
_PARTICLES: Final = frozenset(
    "の を に が は も と や で から へ まで より か ほど くらい など とか ノ しか".split()
)
_DRAWN_OUT: Final = frozenset("ー~〜")
"""What a word that is drawn out ends in; it says nothing that English could."""
_CONJUNCTIONS: Final = {
    japanese: english
    for english, words in {
        "and": "と そして また および 及び そしてまた さらに",
        "or": "または あるいは",
        "but": "しかし",
    }.items()
    for japanese in words.split()
}


def single(reading: Reading, i: int) -> int:
    """Take one morpheme, a predicate with its endings; return where the next word begins."""
    m = reading.chain[i]
    if m.lemma == "為る" and reading.words and reading.words[-1].kind in {"adv", "adj"}:
        looks = next((e for e in reading.own.get(reading.words[-1].base, ()) if e.category == "adj"), None)
        if looks is not None:  # ふわふわした猫, キラキラする目
            _, end = inflection(reading.chain, i)
            before = reading.words.pop()
            reading.words.append(Word.of(before.source + reading.source(i, end), "adj", looks))
            return end
    if m.is_("latin") or m.is_("emoji") or (m.is_("digits") and ":" in m.surface):
        return reading.copy(i, i + 1, m.pos[0])
    if m.lemma == "過ぎる" and reading.words and reading.words[-1].kind == "adj":
        form, end = inflection(reading.chain, i)  # 派手すぎない
        before = reading.words.pop()
        form = replace(before.form, excess=True, negative=form.negative, link=form.link)
        reading.words.append(replace(before, source=before.source + reading.source(i, end), form=form))
        return end
    if set(m.surface) <= _DRAWN_OUT:
        return reading.add(i, i + 1, "auxiliary")  # 猫ーーー
    if m.is_("quoted"):
        return reading.copy(i, i + 1, "quoted")
    if m.is_("closed") and (said := closed(m.surface)) is not None:
        if said.category == "ordinal":
            found = numerals.NUMERAL.search(m.surface)
            number = numerals.value(found[0]) if found is not None else None
            return reading.add(i, i + 1, "number", said, number=number)
        return reading.add(i, i + 1, said.category if said.category in {"adj", "adv"} else "noun", said)
    if m.is_("digits"):
        return reading.add(i, i + 1, "number", how="copied", english=m.surface, category="bare")
    if m.is_("補助記号") or (m.is_("記号", "一般") and not _readable(m.surface)):
        reading.add(i, i + 1, "punct", how="copied", english=", " if _lists(reading, i) else m.surface)
        if m.surface in _QUOTES and (after := reading.at(i + 1)) is not None and after.surface == "と":
            _quote(reading, _QUOTES[m.surface])
        return i + 1
    if m.is_("空白"):
        return reading.add(i, i + 1, "punct", how="grammar")
    if m.is_("接続詞") or (m.surface in _CONJUNCTIONS and m.is_("接続詞")):
        return reading.add(i, i + 1, "conjunction", english=_CONJUNCTIONS.get(m.surface, "and"))
    if m.is_("助詞") or m.surface in {"ノ"}:
        kind = "particle" if m.surface in _PARTICLES or m.is_("助詞", "格助詞") else "auxiliary"
        return reading.add(i, i + 1, kind, base=hiragana(m.surface))
    if m.is_("助動詞"):
        form, end = inflection(reading.chain, i)
        copula = m.lemma in {"だ", "です", "なり", "たり"}
        if copula and form.negative and reading.words and reading.words[-1].kind == "adj":
            return negate(reading, len(reading.words) - 1, i, end, form)  # 派手じゃない服
        if copula and m.surface in {"な", "に"}:
            return reading.add(i, i + 1, "particle", base=m.surface)
        return reading.add(i, max(end, i + 1), "copula" if copula else "auxiliary", base=m.surface, form=form)
    if m.is_("動詞") or m.is_("形容詞"):
        return predicate(reading, i)
    if m.is_("感動詞") and lookup(m, reading.user) is None and romaji(m.kana or m.surface):
        return reading.add(i, i + 1, "adv", how="romaji", english=romaji(m.kana or m.surface))
    return _noun(reading, i)


def _lists(reading: Reading, i: int) -> bool:
    """Whether a ・ stands between two things rather than in a name: コート・マフラー."""
    before, after = reading.before(), reading.at(i + 1)
    if reading.chain[i].surface != "・" or before is None or after is None:
        return False
    categories = {e.category for e in reading.own.get(after.surface, ())}
    return before.how == "lexicon" and before.category in tables.THINGS and bool(categories & tables.THINGS)


def _quote(reading: Reading, opening: str) -> None:
    """Make one noun of what stands in quotes: 「開店」と書かれた看板."""
    marks = [i for i, w in enumerate(reading.words[:-1]) if w.source.strip() == opening]
    if not marks or (opening == '"' and len(marks) % 2 == 0):
        return
    inner = reading.words[marks[-1] + 1 : -1]
    said = " ".join(w.english for w in inner if w.english)
    if said:
        source = "".join(w.source for w in reading.words[marks[-1] :])
        how = "romaji" if any(w.how == "romaji" for w in inner) else "lexicon"
        reading.words[marks[-1] :] = [Word(source, "noun", f'"{said}"', how, "quoted", {"bare": ""})]


def _noun(reading: Reading, i: int) -> int:
    m = reading.chain[i]
    longest = glossary_match(reading.chain, i)
    if longest is not None:
        found, end = longest
        return suru(reading, i, end, found) or reading.add(i, end, "noun", found)
    entry = lookup(m, reading.user)
    after = reading.at(i + 1)
    if m.surface == "化" and reading.words and after is not None and after.lemma == "為る":
        reading.add(i, i + 1, "particle", base="に")  # ゾンビ化する: to become a zombie
        form, end = inflection(reading.chain, i + 1)
        return reading.add(
            i + 1, end, "verb", how="lexicon", english="become", category="verb", base="成る", form=form
        )
    if m.is_("接尾辞") and reading.words and reading.words[-1].kind in {"noun", "suffix"}:
        suffix = next((e for e in reading.own.get(m.surface, ()) if e.category == "suffix"), None)
        if suffix is not None:
            return reading.add(i, i + 1, "suffix", suffix)
    if entry is None:
        return _unknown(reading, i)
    kind = entry.category if entry.category in {"adj", "adv"} else "noun"
    return suru(reading, i, i + 1, entry) or reading.add(i, i + 1, kind, entry)


def _unknown(reading: Reading, i: int) -> int:
    """Cut an unknown stretch by the tables if that covers it; spell it out if not."""
    m = reading.chain[i]
    pieces = [] if m.source else cover(m.surface)
    if pieces:
        for n, (piece, entry) in enumerate(pieces):
            kind = entry.category if entry.category in {"adj", "adv"} else "noun"
            source = piece + (m.space if n == len(pieces) - 1 else "")
            reading.words.append(Word.of(source, kind, entry, how="guess"))
        return i + 1
    kana = m.kana or (m.surface if is_kana(m.surface) else "")
    name = m.is_("名詞", "固有名詞")
    spelt = romaji(kana) if kana else m.surface
    if not spelt:  # a lone ッ
        return reading.add(i, i + 1, "auxiliary")
    english, category = (spelt.capitalize(), "proper") if name else (spelt, "thing")
    entry = Entry(m.surface, english, category, {"bare": ""}, "romaji")
    return reading.add(i, i + 1, "noun", entry)


def _readable(text: str) -> bool:
    return any("ぁ" <= c <= "ヿ" or "一" <= c <= "鿿" or c == "々" for c in text)
