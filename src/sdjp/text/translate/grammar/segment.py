"""From text to words: the longest match over the tables, then morpheme by morpheme.

At every morpheme the longest stretch that a table knows is taken, as it stands or with its last morpheme in
dictionary form; a stretch that no table knows is looked up by dictionary form, standard spelling and reading,
first in the own tables, then in the glossaries, and is spelt out in the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar import numerals
from sdjp.text.translate.grammar.closed import closed
from sdjp.text.translate.grammar.cuts import before_style, cut
from sdjp.text.translate.grammar.inflection import inflection
from sdjp.text.translate.grammar.kana import respell, with_sources
from sdjp.text.translate.grammar.lookup import cover, glossary_match, is_kana, lookup
from sdjp.text.translate.grammar.morphemes import Morpheme, morphemes
from sdjp.text.translate.grammar.romaji import hiragana, romaji
from sdjp.text.translate.grammar.words import Form, Word
from sdjp.text.translate.lexicon_table import Entry, Table

_LONGEST: Final = 9
"""Morphemes that one entry may span."""
_NUMERIC: Final = frozenset({"counter", "unit"})
_QUOTES: Final = {"」": "「", "』": "『", '"': '"'}
_ONLY: Final = frozenset(["だけ", "のみ"])
"""Particles that say something of their own."""
_PARTICLES: Final = frozenset(
    "の を に が は も と や で から へ まで より か ほど くらい など とか ノ しか".split()
)
# Relators that are part of the word before them (子供用): no space stands between.
_BOUND: Final = frozenset("用 系 製 柄 際 形 姿 風 調 先 ごと".split())
# Endings of relators that cannot go without the noun that follows.
_ADNOMINAL: Final = ("た", "る", "な", "の", "い", "ような", "の形")
# Counters that are nouns, too.
_COUNTING_NOUNS: Final = frozenset("人 束 山 列 粒 滴 年代".split())
# Units of measure: with digits even for small numbers, without a plural, without a space before them.
_IN_DIGITS: Final = frozenset(["-year-old", "-dimensional"])
_INVARIABLE: Final = frozenset(["o'clock", "yen", "D", "K", "No."])
_SYMBOLS: Final = frozenset(["D", "K"])
# Verbs that no table has, by UniDic lemma.
_LIGHT_VERBS: Final = {"居る": "be", "有る": "be", "為る": "do", "成る": "become", "出来る": "be made"}
# Behind 数 and 何: some tens, some hundreds.
_ROUND: Final = {"十": "dozens of", "百": "hundreds of", "千": "thousands of", "万": "tens of thousands of"}
_DRAWN_OUT: Final = frozenset("ー~〜")
"""What a word that is drawn out ends in; it says nothing that English could."""
_DOING: Final = frozenset(["為る", "出来る"])
"""Verbs that make a verb of the noun before them: 安心する, 安心できる."""
_PLAIN: Final = dict(zip("いきぎしちにびみり", "うくぐすつぬぶむる", strict=True))
"""The last letter of the stem that goes on (歌い), and that of the dictionary form (歌う)."""
_CONJUNCTIONS: Final = {
    japanese: english
    for english, words in {
        "and": "と そして また および 及び そしてまた さらに",
        "or": "または あるいは",
        "but": "しかし",
    }.items()
    for japanese in words.split()
}


def segment(text: str, user: Table) -> list[Word]:
    """Split ``text`` into words whose sources concatenate to it.

    Args:
        text: One text leaf, normalized.
        user: The user's own table.
    """
    head = text[: len(text) - len(text.lstrip())]
    words = [Word(source=head, kind="punct", english="", how="copied")] if head else []
    body = text[len(head) :]
    if not body:
        return words
    pairs = respell(body, user)
    spelt = "".join(spelling for _, spelling in pairs)
    respelt = [spelling for source, spelling in pairs if source != spelling]
    forced = dict.fromkeys([*user, *respelt, *before_style(spelt, user)])
    return words + _Segmenter(with_sources(morphemes(spelt, forced), pairs), user).run()


class _Segmenter:
    """One pass over one chain of morphemes."""

    def __init__(self, chain: Sequence[Morpheme], user: Table) -> None:
        self.chain = cut(chain)
        self.user = user
        self.own = tables.own()
        self.words: list[Word] = []

    def run(self) -> list[Word]:
        i = 0
        while i < len(self.chain):
            i = self._number(i) or self._stem(i) or self._match(i) or self._single(i)
        return self.words

    # -- the source ------------------------------------------------------------------------------------------

    def _source(self, start: int, end: int) -> str:
        return "".join(m.stretch for m in self.chain[start:end])

    def _at(self, i: int) -> Morpheme | None:
        return self.chain[i] if 0 <= i < len(self.chain) else None

    def _add(self, start: int, end: int, kind: str, entry: Entry | None = None, **more: object) -> int:
        source = self._source(start, end)
        if entry is None:
            self.words.append(Word(source=source, kind=kind, **more))  # type: ignore[arg-type]
        else:
            self.words.append(Word.of(source, kind, entry, **more))
            self.words[-1].senses = tuple(e for e in self.own.get(entry.ja, ()) if e != entry)
        return end

    # -- the longest match -----------------------------------------------------------------------------------

    def _surface(self, i: int, j: int) -> str:
        """What is written in the words from ``i`` up to ``j``."""
        return "".join(m.surface for m in self.chain[i:j])

    def _verb(self, spelling: str) -> Entry | None:
        """The entry of a verb in our own table, by its plain form."""
        return next((e for e in self.own.get(spelling, ()) if e.category == "verb"), None)

    def _stem(self, i: int) -> int | None:
        """Take a verb's stem that MeCab has for a noun: 猫が眠り、"""
        m, before, after = self.chain[i], self.words[-1] if self.words else None, self._at(i + 1)
        goes_on = after is not None and after.surface in {"、", ","} and self._at(i + 2) is not None
        if not goes_on or not m.is_("名詞") or before is None or before.source not in {"が", "を"}:
            return None
        if m.surface[-1] not in _PLAIN:
            return None
        verb = m.surface[:-1] + _PLAIN[m.surface[-1]]
        entry = self._verb(verb)
        return None if entry is None else self._add(i, i + 1, "verb", entry, form=Form(link="te"))

    def _match(self, i: int) -> int | None:
        for j in range(self._reach(i), i, -1):
            if j == i + 1 and self._is_grammar(self.chain[i]) and self.chain[i].surface not in _ONLY:
                continue
            stretch = self._surface(i, j - 1)
            last = self.chain[j - 1]
            reading = self._read(i, j)
            for table in (self.user, self.own):
                for spelling in dict.fromkeys((stretch + last.surface, stretch + last.base, reading)):
                    entries = table.get(spelling)
                    if entries is None:
                        continue
                    inflected = spelling not in {stretch + last.surface, reading}
                    entry = self._choose(entries, i, j, inflected=inflected)
                    if entry is not None:
                        return self._take(entry, i, j)
        return None

    def _reach(self, i: int) -> int:
        """The end of the longest stretch from ``i``: no entry goes on behind a space."""
        end = min(len(self.chain), i + _LONGEST)
        return next((j + 1 for j in range(i, end) if self.chain[j].space), end)

    def _read(self, i: int, j: int) -> str:
        """The spelling that the own tables have for a stretch in kana; "" if none or if it is inflected."""
        part = self.chain[i:j]
        text = "".join(m.surface for m in part)
        whole = j - i > 1 or not (
            part[0].is_("動詞") or ("語幹" not in part[0].inflection and part[0].is_("形容詞"))
        )
        if (
            len(text) < 2
            or not whole
            or not is_kana(text)
            or self._is_grammar(part[0])
            or self._is_grammar(part[-1])
        ):
            return ""
        return tables.readings().get(hiragana(text), "")

    @staticmethod
    def _is_grammar(m: Morpheme) -> bool:
        return m.is_("助詞") or m.is_("助動詞") or m.is_("補助記号")

    def _choose(self, entries: Iterable[Entry], i: int, j: int, *, inflected: bool) -> Entry | None:
        """Pick the entry whose category fits what stands around the stretch ``i:j``."""
        last, after = self.chain[j - 1], self._at(j)
        predicate = last.is_("動詞") or last.is_("形容詞")
        fits = [e for e in entries if self._fits(e, i, j, inflected=inflected)]
        before = self.words[-1] if self.words else None
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
            wanted = "adv" if before_predicate and not self.chain[j - 1].space else ""
            if after.surface in {"な", "に"} and after.is_("助動詞"):
                wanted = "adj"
            elif after.surface == "の":
                wanted = "quantity"
            for e in fits:
                if e.category == wanted:
                    return e
        return next(iter(fits), None)

    def _fits(self, entry: Entry, i: int, j: int, *, inflected: bool) -> bool:
        first, last, after = self.chain[i], self.chain[j - 1], self._at(j)
        noun_before = bool(self.words) and self.words[-1].kind in {"noun", "number", "suffix"}
        behind_no = j > i + 1 and last.is_("助詞", "格助詞") and self.words and self.words[-1].source == "の"
        if behind_no and any(e.category == "position" for e in self.own.get(first.surface, ())):
            return False  # ソファの下から: from under a sofa
        match entry.category:
            case "relator":
                if not noun_before or (inflected and not last.is_("形容詞")):
                    return False
                latin = i > 0 and self.chain[i - 1].is_("latin")  # anime 風
                if i == 0 or (self.chain[i - 1].space and not self._is_grammar(first) and not latin):
                    return False
                if entry.ja.startswith("を") and entry.ja.endswith("に") and self._is_transitive(after):
                    return False  # 鞄を肩に掛ける: what is done to the bag
                needs_noun = entry.ja.endswith(_ADNOMINAL) and "adnom" in entry.features
                ends = after is None or after.is_("補助記号")
                if needs_noun and ends:
                    return False
                return entry.ja not in _BOUND or not self.chain[i - 1].space or latin
            case "position":
                return True
            case "suffix":
                behind = last.is_("接尾辞") or "lead" in entry.features
                return noun_before and not self.chain[i - 1].space and behind
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
                if j - i > 1 and first.is_("名詞") and self._is_modified():
                    return False  # 犬を散歩させる, but 白い犬を散歩させる
                garu = j - i > 1 and last.is_("接尾辞", "動詞的")  # 怖がる
                return last.is_("動詞") or garu or (j - i > 1 and last.is_("助動詞"))
            case "quantity":
                return True
            case "adv":
                if last.is_("形容詞") and after is not None and after.surface == "て":
                    return False
                if self.words and self.words[-1].source.strip() == "の" and j > i + 1:
                    return False  # 机の左に is a position, 左に alone is an adverb
                if self.words and self.words[-1].kind == "adj" and entry.ja == "背景に":
                    return False  # 青い背景に is on it
                return not (
                    first.is_("名詞") and after is not None and after.surface in {"を", "が"} and j == i + 1
                )
            case _:
                if last.is_("動詞") and j == i + 1 and after is not None and _goes_on(after):
                    return entry.category == "adj"  # 眺めて is the verb, not the view
                if j == i + 1 and len(entry.ja) == 1 and "ぁ" <= entry.ja <= "ん" and after is not None:
                    return not self._is_grammar(first) and not first.is_("動詞")
                return not (inflected and last.is_("動詞") and entry.category != "adj")

    def _is_transitive(self, m: Morpheme | None) -> bool:
        """Whether a verb takes an object, as far as the tables know."""
        if m is None or not m.is_("動詞"):
            return False
        entries = (e for spelling in (m.base, m.lemma) for e in self.own.get(spelling, ()))
        return any("vt" in e.features for e in entries if e.category == "verb")

    def _is_modified(self) -> bool:
        """Whether the last word modifies the noun that comes."""
        before = self.words[-1] if self.words else None
        if before is None:
            return False
        return (
            before.kind == "adj"
            or before.source == "の"
            or (before.kind == "verb" and before.form.link == "plain")
        )

    def _take(self, entry: Entry, i: int, j: int) -> int:
        last = self.chain[j - 1]
        category = entry.category
        if category in {"verb", "adj"} and (last.is_("動詞") or last.is_("形容詞")):
            form, end = inflection(self.chain, j - 1)
            return self._add(i, end, "verb" if category == "verb" else "adj", entry, form=form)
        if category == "verb":  # 置かれ|た: the entry ends in an auxiliary
            form, end = inflection(self.chain, j - 1)
            return self._add(i, end, "verb", entry, form=form)
        if category == "tag" and (self._counts(entry) or self._not_even(j)):
            quantity = next(e for e in self.own[entry.ja] if e.category == "quantity")
            return self._take(quantity, i, j)
        if category in {"tag", "style"} and last.is_("形状詞"):
            return self._add(i, j, "adj" if category == "tag" else "noun", entry)
        if category == "group":
            return self._add(i, j, "noun", entry)
        if category == "quantity" and entry.features.get("n") == "1" and self._not_even(j):
            return self._add(i, j + 1, "auxiliary")
        if category == "quantity":
            number = int(entry.features["n"]) if "n" in entry.features else None
            return self._add(i, j, "number", entry, number=number)
        if category in {"relator", "position", "suffix", "prefix", "adj", "adv"}:
            return self._add(i, j, category, entry)
        return self._suru(i, j, entry) or self._add(i, j, "noun", entry)

    def _suru(self, i: int, j: int, entry: Entry | None) -> int:
        """Take noun + する as one verb, also with を between, if the tables know it; 0 if not."""
        k = j + 1 if (m := self._at(j)) is not None and m.surface == "を" else j
        verb = self._at(k)
        if self._is_done(i, j):
            done = next(e for e in self.own[self._surface(i, j) + "する"] if e.category == "verb")
            return self._add(i, j, "verb", done)
        if self._asks_for(i, j):
            noun = self._surface(i, j)
            return self._add(i, j, "verb", english="change", base=noun + "する", category="verb",
                             form=Form(link="te"))  # fmt: skip
        if verb is None or verb.lemma not in _DOING or self.chain[j - 1].space:
            return 0
        noun = self._surface(i, j)
        known = self._verb(noun + "する")
        if known is None and k > j:
            return 0
        if known is None and entry is not None:
            if "play" in entry.features:
                known = Entry(entry.ja, "play " + entry.english, "verb")
            elif "go" in entry.features or entry.english.endswith("ing") or entry.category in {"adj", "tag"}:
                known = Entry(entry.ja, "be " + entry.english, "verb", {}, entry.how)
            else:  # what is done is named: (with) an imitation
                known = Entry(entry.ja, entry.english, "verb", {"as": entry.english}, entry.how)
        if known is None:
            gloss = tables.glossary().get(noun)
            if gloss is None:
                return 0
            features = {"vt": ""} if gloss.startswith("to ") else {"as": gloss}
            known = Entry(noun, gloss.removeprefix("to "), "verb", features, "glossary")
        form, end = inflection(self.chain, k)
        if verb.lemma == "出来る":
            form = replace(form, potential=True)
        self.words.append(Word.of(self._source(i, end), "verb", known, form=form))
        return end

    def _is_done(self, i: int, j: int) -> bool:
        """Whether a noun at the end is what somebody does: 犬がボールを空中でキャッチ, 猫が縁側で昼寝."""
        after, before = self._at(j), self.words[-1] if self.words else None
        if not (after is None or after.is_("補助記号")) or before is None:
            return False
        goes_on = before.kind == "verb" and before.form.link in {"te", "while"}
        if not goes_on and before.source not in {"が", "を", "に", "で", "へ", "と", "から"}:
            return False
        clause = itertools.takewhile(lambda word: word.kind != "punct", reversed(self.words))
        noun = self._surface(i, j)
        known = any(e.category == "verb" for e in self.own.get(noun + "する", ()))
        return known and not {"が", "を"}.isdisjoint({word.source for word in clause})

    def _asks_for(self, i: int, j: int) -> bool:
        """Whether a noun ends a request to change something: 背景を雪山に変更."""
        after, before = self._at(j), self.words[-1] if self.words else None
        ends = after is None or after.is_("補助記号")
        asked = before is not None and before.source in {"を", "に", "すべて", "全て", "全部", "へ"}
        return ends and asked and self._surface(i, j) + "する" in tables.edits()

    # -- numbers ---------------------------------------------------------------------------------------------

    def _number(self, i: int) -> int | None:
        """Take a number with its counter or unit: 三匹, 5本, 二人, 数羽, 19世紀."""
        if self.chain[i].surface == "〇" and (after := self._at(i + 1)) is not None and after.surface == "〇":
            return self._add(
                i, i + 2, "noun", how="copied", english="○○", category="name", features={"bare": ""}
            )
        if set(self.chain[i].surface) == {"〇"} and len(self.chain[i].surface) > 1:  # a name left open
            return self._add(
                i, i + 1, "noun", how="copied", english="○○", category="name", features={"bare": ""}
            )
        several = (self.chain[i].surface in {"数", "何"} and self.chain[i].is_("名詞", "数詞")) or (
            self.chain[i].surface == "数" and self.chain[i].is_("接頭辞")
        )
        j, numeral = i, ""
        while j < len(self.chain) and not several:
            m = self.chain[j]
            if not (m.is_("digits") or (m.is_("名詞", "数詞") and (numerals.value(m.surface) is not None))):
                break
            numeral, j = numeral + m.surface, j + 1
            if m.space:
                break
        if self.chain[i].surface[:1] in {"数", "何"} and (
            round_number := _ROUND.get(self.chain[i].surface[1:])
        ):
            counter, end = self._counter(i + 1)
            features = {} if counter is None else counter.features
            return self._add(i, max(end, i + 1), "number", how="counter", english=round_number,
                             features=features, category="bare")  # fmt: skip
        if several:
            j = i + 1
        amount = None if several else numerals.value(numeral)
        if j == i or (amount is None and not several):
            return None
        first_known = self._longest_known(i)
        counter, end = self._counter(j)
        if first_known > max(end, j):
            return None
        if first_known == max(end, j) and (self._alone(i, first_known) or self._is_thing(i, first_known)):
            return None
        if amount == 1 and self._not_even(max(end, j)):
            return self._add(i, max(end, j) + 1, "auxiliary")
        if counter is None:
            if several:
                return None
            ordinal = i > 0 and self.chain[i - 1].surface == "第"
            return self._add(i, j, "number", how="counter", english=numerals.cardinal(amount or 0),
                             number=amount, category="ordinal" if ordinal else "bare")  # fmt: skip
        english = "several" if several or amount is None else numerals.cardinal(amount)
        if amount == 1 and self.words and self.words[-1].source == "もう":  # もう一匹の猫: another cat
            more = self.words.pop()
            self._add(i, end, "number", how="counter", english="another", number=1, category="bare")
            self.words[-1].source = more.source + self.words[-1].source
            return end
        source_number = None if several else amount
        category, features = counter.category, counter.features
        if counter.english == "year" and amount is not None and amount >= 1000:
            return self._add(i, end, "noun", how="counter", english=str(amount), category="time",
                             features={"prep": "in", "bare": ""})  # fmt: skip
        if counter.category == "unit":
            english = self._measure(counter, amount, numeral, english)
        return self._add(i, end, "number", how="counter", english=english, number=source_number,
                         category=category, features={**features, "measure": counter.english})  # fmt: skip

    @staticmethod
    def _measure(unit: Entry, amount: int | float | None, numeral: str, written: str) -> str:
        """A number with its unit: 19th century, the 1980s, 3-dimensional, 5 o'clock, two meters."""
        name = unit.english
        if "ordinal" in unit.features and amount is not None:
            return f"{numerals.ordinal(amount)} {name}".strip()
        if name == "s" and amount is not None:
            century = 0 if amount >= 100 else 1900 if amount > 10 else 2000
            return f"{century + amount}s"  # 80年代: the 1980s
        if name in _IN_DIGITS:
            return f"{amount}{name}"
        if name.startswith("-"):
            return (numeral if numeral.isascii() else written) + name
        plural = "" if amount == 1 or name in _INVARIABLE else "s"
        joint = "" if name in _SYMBOLS else " "
        return f"{amount}{joint}{name}{plural}"

    def _counter(self, j: int) -> tuple[Entry | None, int]:
        m = self._at(j)
        if m is None or (j > 0 and self.chain[j - 1].space):
            return None, j
        for end in (j + 2, j + 1):
            spelling = "".join(x.surface for x in self.chain[j:end])
            found = [e for e in self.own.get(spelling, ()) if e.category in _NUMERIC]
            if found and end <= len(self.chain) and (end > j + 1 or not m.is_("助詞")):
                noun = end == j + 1 and m.is_("名詞", "普通名詞", "一般")
                if noun and spelling not in _COUNTING_NOUNS:
                    continue
                return found[0], end
        return None, j

    def _longest_known(self, i: int) -> int:
        for j in range(min(len(self.chain), i + _LONGEST), i, -1):
            stretch = self._surface(i, j)
            if any(e.category not in _NUMERIC for t in (self.user, self.own) for e in t.get(stretch, ())):
                return j
        return i

    def _not_even(self, j: int) -> bool:
        """Whether も and a negative come: 人が一人もいない says that there is nobody."""
        after = self._at(j)
        negative = any(m.surface in {"ない", "なく", "ず", "ぬ", "ません"} for m in self.chain[j : j + 5])
        return after is not None and after.surface == "も" and negative

    def _is_thing(self, i: int, j: int) -> bool:
        """Whether a stretch of two numerals and more is a word of its own: 七五三."""
        stretch = self._surface(i, j)
        named = any(e.category in tables.THINGS | {"proper"} for e in self.own.get(stretch, ()))
        return named and numerals.value(stretch) is not None and len(stretch) > 2

    def _counts(self, entry: Entry) -> bool:
        """Whether a tag such as 一人 is an amount here: パティシエがひとり."""
        before = self.words[-1] if self.words else None
        amount = any(e.category == "quantity" for e in self.own.get(entry.ja, ()))
        return amount and before is not None and before.source in {"が", "は", "も", "を"}

    def _alone(self, i: int, j: int) -> bool:
        """Whether the stretch is a tag of its own (一人 -> solo, but 一人の少女 -> a girl)."""
        before, after = self._at(i - 1), self._at(j)
        return (before is None or before.is_("補助記号")) and (after is None or after.is_("補助記号"))

    # -- one morpheme ----------------------------------------------------------------------------------------

    def _single(self, i: int) -> int:
        m = self.chain[i]
        if m.lemma == "為る" and self.words and self.words[-1].kind in {"adv", "adj"}:
            looks = next((e for e in self.own.get(self.words[-1].base, ()) if e.category == "adj"), None)
            if looks is not None:  # ふわふわした猫, キラキラする目
                _, end = inflection(self.chain, i)
                before = self.words.pop()
                self.words.append(Word.of(before.source + self._source(i, end), "adj", looks))
                return end
        if m.is_("latin") or m.is_("emoji") or (m.is_("digits") and ":" in m.surface):
            return self._add(
                i, i + 1, "noun", how="copied", english=m.surface, category=m.pos[0], features={"bare": ""}
            )
        if m.lemma == "過ぎる" and self.words and self.words[-1].kind == "adj":
            form, end = inflection(self.chain, i)  # 派手すぎない
            before = self.words.pop()
            form = replace(before.form, excess=True, negative=form.negative, link=form.link)
            self.words.append(replace(before, source=before.source + self._source(i, end), form=form))
            return end
        if set(m.surface) <= _DRAWN_OUT:
            return self._add(i, i + 1, "auxiliary")  # 猫ーーー
        if m.is_("quoted"):
            return self._add(
                i, i + 1, "noun", how="copied", english=m.surface, category="quoted", features={"bare": ""}
            )
        if m.is_("closed") and (said := closed(m.surface)) is not None:
            if said.category == "ordinal":
                found = numerals.NUMERAL.search(m.surface)
                number = numerals.value(found[0]) if found is not None else None
                return self._add(i, i + 1, "number", said, number=number)
            return self._add(i, i + 1, "adj" if said.category == "adj" else "noun", said)
        if m.is_("digits"):
            return self._add(i, i + 1, "number", how="copied", english=m.surface, category="bare")
        if m.is_("補助記号") or (m.is_("記号", "一般") and not _readable(m.surface)):
            self._add(i, i + 1, "punct", how="copied", english=", " if self._lists(i) else m.surface)
            if m.surface in _QUOTES and (after := self._at(i + 1)) is not None and after.surface == "と":
                self._quote(_QUOTES[m.surface])
            return i + 1
        if m.is_("空白"):
            return self._add(i, i + 1, "punct", how="grammar")
        if m.is_("接続詞") or (m.surface in _CONJUNCTIONS and m.is_("接続詞")):
            return self._add(i, i + 1, "conjunction", english=_CONJUNCTIONS.get(m.surface, "and"))
        if m.is_("助詞") or m.surface in {"ノ"}:
            kind = "particle" if m.surface in _PARTICLES or m.is_("助詞", "格助詞") else "auxiliary"
            return self._add(i, i + 1, kind, base=hiragana(m.surface))
        if m.is_("助動詞"):
            form, end = inflection(self.chain, i)
            copula = m.lemma in {"だ", "です", "なり", "たり"}
            if copula and m.surface in {"な", "に"}:
                return self._add(i, i + 1, "particle", base=m.surface)
            return self._add(
                i, max(end, i + 1), "copula" if copula else "auxiliary", base=m.surface, form=form
            )
        if m.is_("動詞") or m.is_("形容詞"):
            return self._predicate(i)
        if m.is_("感動詞") and lookup(m, self.user) is None and romaji(m.kana or m.surface):
            return self._add(i, i + 1, "adv", how="romaji", english=romaji(m.kana or m.surface))
        return self._noun(i)

    def _lists(self, i: int) -> bool:
        """Whether a ・ stands between two things rather than in a name: コート・マフラー."""
        before, after = self.words[-1] if self.words else None, self._at(i + 1)
        if self.chain[i].surface != "・" or before is None or after is None:
            return False
        categories = {e.category for e in self.own.get(after.surface, ())}
        return (
            before.how == "lexicon" and before.category in tables.THINGS and bool(categories & tables.THINGS)
        )

    def _quote(self, opening: str) -> None:
        """Make one noun of what stands in quotes: 「開店」と書かれた看板."""
        marks = [i for i, w in enumerate(self.words[:-1]) if w.source.strip() == opening]
        if not marks or (opening == '"' and len(marks) % 2 == 0):
            return
        inner = self.words[marks[-1] + 1 : -1]
        said = " ".join(w.english for w in inner if w.english)
        if said:
            source = "".join(w.source for w in self.words[marks[-1] :])
            how = "romaji" if any(w.how == "romaji" for w in inner) else "lexicon"
            self.words[marks[-1] :] = [Word(source, "noun", f'"{said}"', how, "quoted", {"bare": ""})]

    def _predicate(self, i: int) -> int:
        m = self.chain[i]
        form, end = inflection(self.chain, i)
        wanted = ("verb",) if m.is_("動詞") else ("adj", "color")
        for spelling in (m.base, m.lemma):
            for table in (self.user, self.own):
                for entry in table.get(spelling, ()):
                    if entry.category in wanted:
                        form = replace(form, potential=spelling == m.lemma and _is_potential(m))
                        return self._add(i, end, "verb" if m.is_("動詞") else "adj", entry, form=form)
        if m.is_("動詞") and m.lemma in _LIGHT_VERBS:
            return self._add(i, end, "verb", how="lexicon", english=_LIGHT_VERBS[m.lemma], category="verb",
                             base=m.lemma, form=form)  # fmt: skip
        if m.lemma == "無い":
            return self._add(i, end, "verb", how="lexicon", english="be", category="verb", base="有る",
                             form=Form(link=form.link, negative=not form.negative))  # fmt: skip
        for spelling in (m.base, m.lemma, hiragana(m.base)):
            gloss = tables.glossary().get(spelling)
            if gloss is not None:
                entry = Entry(
                    spelling, gloss.removeprefix("to "), "verb" if m.is_("動詞") else "adj", {}, "glossary"
                )
                return self._add(i, end, entry.category, entry, form=form)
        first = self._first_verb(m) if m.is_("動詞", "一般") else None
        if first is not None:
            return self._add(i, end, "verb", first, how="guess", form=form)
        if not m.is_("動詞") or m.is_("動詞", "一般"):
            kana = hiragana(m.kana) if m.kana else m.base
            entry = Entry(m.base, romaji(kana), "verb" if m.is_("動詞") else "adj", {"foreign": ""}, "romaji")
            return self._add(i, end, entry.category, entry, form=form)
        return self._add(i, end, "auxiliary", form=form)

    def _first_verb(self, m: Morpheme) -> Entry | None:
        """The verb that a compound verb begins with, for one that no table has: 歌いふける is to sing."""
        for end in range(len(m.base) - 2, 0, -1):
            stem = m.base[:end]
            spoken = [stem + "る", *(stem[:-1] + _PLAIN[stem[-1]] for _ in [0] if stem[-1] in _PLAIN)]
            for verb in spoken:
                entry = self._verb(verb)
                if entry is not None and len(stem) + len(verb) > 3:
                    return entry
        return None

    def _noun(self, i: int) -> int:
        m = self.chain[i]
        longest = glossary_match(self.chain, i)
        if longest is not None:
            found, end = longest
            suru = self._suru(i, end, found)
            return suru or self._add(i, end, "noun", found)
        entry = lookup(m, self.user)
        after = self._at(i + 1)
        if m.surface == "化" and self.words and after is not None and after.lemma == "為る":
            self._add(i, i + 1, "particle", base="に")  # ゾンビ化する: to become a zombie
            form, end = inflection(self.chain, i + 1)
            return self._add(
                i + 1, end, "verb", how="lexicon", english="become", category="verb", base="成る", form=form
            )
        if m.is_("接尾辞") and self.words and self.words[-1].kind in {"noun", "suffix"}:
            suffix = next((e for e in self.own.get(m.surface, ()) if e.category == "suffix"), None)
            if suffix is not None:
                return self._add(i, i + 1, "suffix", suffix)
        if entry is None:
            return self._unknown(i)
        suru = self._suru(i, i + 1, entry)
        if suru:
            return suru
        kind = entry.category if entry.category in {"adj", "adv"} else "noun"
        return self._add(i, i + 1, kind, entry)

    def _unknown(self, i: int) -> int:
        """Cut an unknown stretch by the tables if that covers it; spell it out if not."""
        m = self.chain[i]
        pieces = [] if m.source else cover(m.surface)
        if pieces:
            for n, (piece, entry) in enumerate(pieces):
                kind = entry.category if entry.category in {"adj", "adv"} else "noun"
                source = piece + (m.space if n == len(pieces) - 1 else "")
                self.words.append(Word.of(source, kind, entry, how="guess"))
            return i + 1
        kana = m.kana or (m.surface if is_kana(m.surface) else "")
        name = m.is_("名詞", "固有名詞")
        spelt = romaji(kana) if kana else m.surface
        if not spelt:  # a lone ッ
            return self._add(i, i + 1, "auxiliary")
        english, category = (spelt.capitalize(), "proper") if name else (spelt, "thing")
        entry = Entry(m.surface, english, category, {"bare": ""}, "romaji")
        return self._add(i, i + 1, "noun", entry)


def _goes_on(m: Morpheme) -> bool:
    """Whether ``m`` continues a predicate: て, た, ない, ながら …"""
    return m.is_("助動詞") or m.is_("助詞", "接続助詞") or m.lemma == "過ぎる" or m.surface == "そう"


def _is_potential(m: Morpheme) -> bool:
    """Whether a verb is the potential of its lemma: 飛べる of 飛ぶ."""
    return (
        m.base[-2:-1] in set("えけげせてねべめれ")
        and m.base[-1:] == "る"
        and m.lemma[-1:] in set("うくぐすつぬぶむる")
        and (m.base[-2:] != m.lemma[-2:] and len(m.lemma) < len(m.base))
    )


def _readable(text: str) -> bool:
    return any("ぁ" <= c <= "ヿ" or "一" <= c <= "鿿" or c == "々" for c in text)
