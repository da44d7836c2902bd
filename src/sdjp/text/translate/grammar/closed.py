"""Expressions that are said by rule: dates, times, ages, decades, floors, fractions, years ago, school years.

A table could not hold them, and read word by word they would be amounts (5 月 is no five months). Each form
is a pattern and how English says it; ``morphemes.py`` keeps what matches in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sdjp.text.translate.grammar import numerals
from sdjp.text.translate.lexicon_table import Entry

_N: Final = (
    r"(?:[0-9]{1,5}|[〇一二三四五六七八九十百千]{1,7})"  # bounded, so that long runs of digits are quick
)
_MONTHS: Final = (
    "January February March April May June July August September October November December".split()
)
_ERAS: Final = {
    "明治": ("Meiji", 1867), "大正": ("Taisho", 1911), "昭和": ("Showa", 1925), "平成": ("Heisei", 1988),
    "令和": ("Reiwa", 2018),
}  # fmt: skip
_SPANS: Final = {
    "秒": "second", "分": "minute", "時間": "hour", "日": "day", "週間": "week", "か月": "month",
    "ヶ月": "month", "カ月": "month", "ヵ月": "month", "年": "year", "世紀": "century", "世代": "generation",
}  # fmt: skip
_PLURALS: Final = {"century": "centuries"}
_TENS: Final = {
    10: "teens", 20: "twenties", 30: "thirties", 40: "forties", 50: "fifties", 60: "sixties",
    70: "seventies", 80: "eighties", 90: "nineties",
}  # fmt: skip
_PARTS: Final = {"前半": "early ", "半ば": "mid-", "なかば": "mid-", "後半": "late "}
_SCHOOLS: Final = {"中学": "junior high school", "高校": "high school", "大学": "university"}
_FRACTIONS: Final = {2: "half", 3: "third", 4: "quarter"}
_DIMENSIONS: Final = {
    "高さ": "-tall", "身長": "-tall", "標高": "-high", "長さ": "-long", "全長": "-long", "体長": "-long",
    "幅": "-wide", "深さ": "-deep", "直径": "-wide", "重さ": "", "体重": "",
}  # fmt: skip
_LENGTHS: Final = {
    "ミリ": "millimeter", "mm": "millimeter", "センチ": "centimeter", "センチメートル": "centimeter",
    "cm": "centimeter", "メートル": "meter", "m": "meter", "キロ": "kilometer", "キロメートル": "kilometer",
    "km": "kilometer", "kg": "kilogram", "キログラム": "kilogram", "トン": "ton", "グラム": "gram",
    "g": "gram",
}  # fmt: skip
_AFTERNOON: Final = frozenset(["午後", "夕方", "夜", "昼", "夕"])


@dataclass(frozen=True)
class _Form:
    """A pattern, what may not (or must) stand behind it, how English says what matches (None if it is no such
    thing), and the grammar of that.
    """

    pattern: re.Pattern[str]
    behind: str
    say: Callable[[re.Match[str]], str | None]
    category: str
    features: tuple[tuple[str, str], ...] = ()


def _number(text: str) -> int:
    return int(numerals.value(text) or 0)


def _month(match: re.Match[str], day: str = "") -> str | None:
    month = _number(match["month"])
    if not 1 <= month <= 12:
        return None
    said = _MONTHS[month - 1] + day
    if match["year"] is None:
        return said
    year = _number(match["year"]) + (_ERAS[match["era"]][1] if match["era"] else 0)
    return f"{said}{',' if day else ''} {year}" if year > 100 else None


def _date(match: re.Match[str]) -> str | None:
    day = _number(match["day"])
    return _month(match, f" {day}") if 1 <= day <= 31 else None


def _era(match: re.Match[str]) -> str:
    name, start = _ERAS[match["era"]]
    if match["n"] == "元":
        return f"{start + 1}, {name} era"
    year = start + _number(match["n"])
    return f"{year // 10 * 10}s {name} era" if match["decade"] else f"{year}, {name} era"


def _clock(match: re.Match[str]) -> str | None:
    hour = _number(match["hour"])
    minute = 30 if match["half"] else _number(match["minute"]) if match["minute"] else 0
    if hour > 24 or minute > 59:
        return None
    of_day = match["of"] or ""
    if not of_day:
        return f"{hour}:{minute:02}" if match["minute"] or match["half"] else None
    late = of_day in _AFTERNOON and hour < 12 and not (of_day == "夜" and hour < 5)
    half = "p.m." if late or (hour >= 12 and of_day in _AFTERNOON) else "a.m."
    hour = hour % 12 or 12
    return f"{hour}:{minute:02} {half}" if minute else f"{hour} {half}"


def _decade_of_life(match: re.Match[str]) -> str | None:
    name = _TENS.get(_number(match["n"]))
    if name is None:
        return None
    return f"in their {_PARTS.get(match['part'] or '', '')}{name}"


def _floor(match: re.Match[str]) -> str:
    n = _number(match["n"])
    if match["below"]:
        return "basement" if n == 1 else f"{numerals.ordinal(n)} basement floor"
    return f"{numerals.ordinal(n)} floor"


def _fraction(match: re.Match[str]) -> str | None:
    whole, part = _number(match["whole"]), _number(match["part"])
    if not 1 < whole <= 100 or not 0 < part < 100:
        return None
    name = _FRACTIONS.get(whole, numerals.ordinal(whole))
    return f"one {name}" if part == 1 else f"{numerals.cardinal(part)} {name}s"


def _amount(match: re.Match[str]) -> tuple[str, int]:
    """A number as English says it, and the number; 0 where it is left open."""
    several = numerals.SEVERAL.get(match["n"])
    n = 0 if several else _number(match["n"])
    return several or numerals.cardinal(n), n


def _from_now(match: re.Match[str]) -> str:
    unit, (said, n) = _SPANS[match["unit"]], _amount(match)
    units = unit if n == 1 else _PLURALS.get(unit, unit + "s")
    return f"{said} {units} {'ago' if match['way'] == '前' else 'later'}"


def _every(match: re.Match[str]) -> str:
    """Every hour, every 10 minutes; every other day is 一日おき."""
    unit, (said, n) = _SPANS.get(match["unit"]) or _LENGTHS[match["unit"]], _amount(match)
    if n == 1:
        return f"every other {unit}" if match["way"] == "おき" else f"every {unit}"
    count = "few" if match["n"] in numerals.SEVERAL else said
    return f"every {count} {_PLURALS.get(unit, unit + 's')}"


def _times(match: re.Match[str]) -> str:
    said, n = _amount(match)
    return {1: "once", 2: "twice"}.get(n, f"{said} times")


def _one_by_one(match: re.Match[str]) -> str:
    return "one by one"


def _few_years_old(match: re.Match[str]) -> str:
    return "a few years old"


def _school_year(match: re.Match[str]) -> str:
    n, school = numerals.ordinal(_number(match["n"])), _SCHOOLS.get(match["school"] or "")
    return f"{n}-year {school} student" if school else f"{n} grader"


def _money(match: re.Match[str]) -> str:
    n = match["n"].replace(",", "") if match["n"].isascii() else _number(match["n"])
    kind = {"玉": " coin", "硬貨": " coin", "札": " bill"}.get(match["kind"] or "", "")
    return f"{n} yen{kind}"


def _ordinal(match: re.Match[str]) -> str:
    return numerals.ordinal(_number(match["n"]))


def _measure(match: re.Match[str]) -> str:
    n = match["n"] if match["n"][0].isascii() else _number(match["n"])
    return f"{n}-{_LENGTHS[match['unit']]}{_DIMENSIONS[match['of']]}"


def _form(
    pattern: str,
    say: Callable[[re.Match[str]], str | None],
    category: str,
    features: str = "",
    behind: str = "",
) -> _Form:
    pairs = (item.partition("=") for item in features.split())
    grammar = tuple((name, value.replace("_", " ")) for name, _, value in pairs)
    return _Form(re.compile(pattern), behind, say, category, grammar)


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_ERA: Final = f"(?P<era>{_any(_ERAS)})"
_OF_DAY: Final = "午前|午後|早朝|深夜|未明|朝|昼|夕方|夜|夕"
_COUNTED: Final = "番|行|人|つ|本|枚|回|日|列|段|コマ|匹|軒|個|台|階|度|頁|ページ|章|話|杯|冊"
_OPEN: Final = f"{_any(numerals.SEVERAL)}|{_N}"
_FORMS: Final = (
    _form(
        rf"(?:(?:{_ERA})?(?P<year>{_N})年)?(?P<month>{_N})月(?P<day>{_N})日",
        _date, "time", "prep=on bare",
    ),
    _form(
        rf"(?:(?:{_ERA})?(?P<year>{_N})年)?(?P<month>{_N})月",
        _month, "time", "prep=in bare", behind="(?![間号雨晴蝿病]|人形)",
    ),
    _form(rf"{_ERA}(?P<n>{_N}|元)年(?P<decade>代)?", _era, "time", "prep=in bare"),
    _form(
        rf"(?P<of>{_OF_DAY})?の?(?P<hour>{_N})時(?:(?P<minute>{_N})分|(?P<half>半))?",
        _clock, "time", "prep=at bare", behind="(?![間代期])",
    ),
    _form(
        rf"(?P<n>{_N})代(?P<part>{_any(_PARTS)})?", _decade_of_life, "adj", "post", behind="(?![目々わ])",
    ),
    _form(rf"(?P<below>地下)?(?P<n>{_N})階", _floor, "place", "prep=on", behind="(?![建層段])"),
    _form(rf"(?P<whole>{_N})分の(?P<part>{_N})", _fraction, "part"),
    _form(
        rf"(?P<n>{_OPEN})(?P<unit>{_any(_SPANS)})(?P<way>[前後])",
        _from_now, "adj", "post", behind="(?!半)",
    ),
    _form(
        rf"(?P<n>{_OPEN})(?P<unit>{_any([*_SPANS, *_LENGTHS])})(?P<way>おき|ごと|毎)に?", _every, "adv",
    ),
    _form(
        rf"(?P<n>{_any(numerals.SEVERAL)}|[一二三四五六七八九十])度",
        _times, "adv", behind="(?![目線数もの])",
    ),
    _form(rf"(?P<n>{_OPEN})回", _times, "adv", behind="(?![目転収路戦もの])"),
    _form(f"[一1](?:{_COUNTED}|羽|粒|歩|輪|頭|足|切れ|口)ずつ", _one_by_one, "adv"),
    _form("数[歳才]", _few_years_old, "adj", "post"),
    _form(rf"(?P<school>小学|中学|高校|大学)?(?P<n>{_N})年生", _school_year, "person"),
    _form(rf"(?P<n>{_N})円(?P<kind>玉|硬貨|札)", _money, "thing"),
    _form(r"[¥￥](?P<n>[0-9][0-9,]{0,12})の?(?P<kind>玉|硬貨|札)?", _money, "thing"),
    _form(rf"第(?P<n>{_N})", _ordinal, "ordinal", behind="(?=の)"),
    _form(rf"(?P<n>{_N})(?:{_COUNTED})目", _ordinal, "ordinal"),
    _form(
        rf"(?P<of>{_any(_DIMENSIONS)})が?(?:約|およそ)?(?P<n>{_N}(?:\.[0-9]+)?)(?P<unit>{_any(_LENGTHS)})",
        _measure, "adj", behind="(?![a-z])",
    ),
)  # fmt: skip
_ANY: Final = re.compile(
    "(?<![0-9.])(?:"
    + "|".join(
        f"(?:{re.sub('[(][?]P<[a-z]+>', '(?:', form.pattern.pattern)}){form.behind}" for form in _FORMS
    )
    + ")"
)


def expressions(text: str) -> Iterator[tuple[int, int]]:
    """Where such expressions stand in ``text``, in order."""
    position = 0
    while (match := _ANY.search(text, position)) is not None:
        position = match.end()
        if closed(match[0]) is not None:
            yield match.span()


@lru_cache(maxsize=512)
def closed(text: str) -> Entry | None:
    """The English of a text that is one such expression; None if it is none.

    Example:
        >>> [closed(text).english for text in ("12月24日", "二階", "30代後半")]
        ['December 24', 'second floor', 'in their late thirties']
    """
    for form in _FORMS:
        match = form.pattern.fullmatch(text)
        said = form.say(match) if match is not None else None
        if said is not None:
            return Entry(text, said, form.category, dict(form.features), "counter")
    return None
