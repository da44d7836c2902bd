"""Numbers with their counters and units."""

from __future__ import annotations

import itertools
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar import numerals
from sdjp.text.translate.grammar.reading import LONGEST, Reading
from sdjp.text.translate.lexicon_table import Entry

_NUMERIC: Final = frozenset({"counter", "unit"})
# Counters that are nouns, too.
_COUNTING_NOUNS: Final = frozenset("人 束 山 列 粒 滴 年代".split())
# Units of measure: with digits even for small numbers, without a plural, without a space before them.
_IN_DIGITS: Final = frozenset(["-year-old", "-dimensional"])
_INVARIABLE: Final = frozenset(["o'clock", "yen", "D", "K", "No."])
_SYMBOLS: Final = frozenset(["D", "K"])


def number(reading: Reading, i: int) -> int | None:
    """Take a number with its counter or unit: 三匹, 5本, 二人, 数羽, 19世紀."""
    open_ = list(itertools.takewhile(lambda m: set(m.surface) == {"〇"}, reading.chain[i:]))
    if len("".join(m.surface for m in open_)) > 1:  # a name left open
        return reading.copy(i, i + len(open_), "name", "○○")
    several = (reading.chain[i].surface in {"数", "何"} and reading.chain[i].is_("名詞", "数詞")) or (
        reading.chain[i].surface == "数" and reading.chain[i].is_("接頭辞")
    )
    j, numeral = i, ""
    while j < len(reading.chain) and not several:
        m = reading.chain[j]
        if not (m.is_("digits") or (m.is_("名詞", "数詞") and (numerals.value(m.surface) is not None))):
            break
        numeral, j = numeral + m.surface, j + 1
        if m.space:
            break
    tens = numerals.SEVERAL.get(reading.chain[i].surface)
    if tens is not None and len(reading.chain[i].surface) > 1:
        counter, end = _counter(reading, i + 1)
        features = {} if counter is None else counter.features
        end = max(end, i + 1)
        if reading.surface(end, end + 2) == "もの" or reading.surface(end, end + 1) == "もの":
            end += 1 if reading.surface(end, end + 1) == "もの" else 2  # 何百もの風鈴
        return reading.add(i, end, "number", how="counter", english=tens,
                           features=features, category="bare")  # fmt: skip
    if several:
        j = i + 1
    amount = None if several else numerals.value(numeral)
    if j == i or (amount is None and not several):
        return None
    first_known = _longest_known(reading, i)
    counter, end = _counter(reading, j)
    if first_known > max(end, j):
        return None
    if first_known == max(end, j) and (_alone(reading, i, first_known) or _is_thing(reading, i, first_known)):
        return None
    if amount == 1 and not_even(reading, max(end, j)):
        return reading.add(i, max(end, j) + 1, "auxiliary")
    if counter is None:
        if several:
            return None
        ordinal = i > 0 and reading.chain[i - 1].surface == "第"
        return reading.add(i, j, "number", how="counter", english=numerals.cardinal(amount or 0),
                           number=amount, category="ordinal" if ordinal else "bare")  # fmt: skip
    english = "several" if several or amount is None else numerals.cardinal(amount)
    if amount == 1 and reading.words and reading.words[-1].source == "もう":  # もう一匹の猫: another cat
        more = reading.words.pop()
        reading.add(i, end, "number", how="counter", english="another", number=1, category="bare")
        reading.words[-1].source = more.source + reading.words[-1].source
        return end
    source_number = None if several else amount
    category, features = counter.category, counter.features
    if counter.english == "year" and amount is not None and amount >= 1000:
        return reading.add(i, end, "noun", how="counter", english=str(amount), category="time",
                           features={"prep": "in", "bare": ""})  # fmt: skip
    if counter.category == "unit":
        english = _measure(counter, amount, numeral, english)
    return reading.add(i, end, "number", how="counter", english=english, number=source_number,
                       category=category, features={**features, "measure": counter.english})  # fmt: skip


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
    return f"{written if amount is None else amount}{joint}{name}{plural}"


def _counter(reading: Reading, j: int) -> tuple[Entry | None, int]:
    m = reading.at(j)
    if m is None or (j > 0 and reading.chain[j - 1].space):
        return None, j
    for end in (j + 2, j + 1):
        spelling = "".join(x.surface for x in reading.chain[j:end])
        found = [e for e in reading.own.get(spelling, ()) if e.category in _NUMERIC]
        if found and end <= len(reading.chain) and (end > j + 1 or not m.is_("助詞")):
            noun = end == j + 1 and m.is_("名詞", "普通名詞", "一般")
            if noun and spelling not in _COUNTING_NOUNS:
                continue
            return found[0], end
    return None, j


def _longest_known(reading: Reading, i: int) -> int:
    for j in range(min(len(reading.chain), i + LONGEST), i, -1):
        stretch = reading.surface(i, j)
        if any(e.category not in _NUMERIC for t in (reading.user, reading.own) for e in t.get(stretch, ())):
            return j
    return i


def not_even(reading: Reading, j: int) -> bool:
    """Whether も and a negative come: 人が一人もいない says that there is nobody."""
    after = reading.at(j)
    negative = any(m.surface in {"ない", "なく", "ず", "ぬ", "ません"} for m in reading.chain[j : j + 5])
    return after is not None and after.surface == "も" and negative


def _is_thing(reading: Reading, i: int, j: int) -> bool:
    """Whether a stretch of two numerals and more is a word of its own: 七五三."""
    stretch = reading.surface(i, j)
    named = any(e.category in tables.THINGS | {"proper"} for e in reading.own.get(stretch, ()))
    return named and numerals.value(stretch) is not None and len(stretch) > 2


def _alone(reading: Reading, i: int, j: int) -> bool:
    """Whether the stretch is a tag of its own (一人 -> solo, but 一人の少女 -> a girl)."""
    before, after = reading.at(i - 1), reading.at(j)
    return (before is None or before.is_("補助記号")) and (after is None or after.is_("補助記号"))
