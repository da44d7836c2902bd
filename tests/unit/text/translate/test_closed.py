"""Dates, times, ages and the like: said by rule, left alone where they are something else."""

from __future__ import annotations

import pytest

from sdjp.text.read import to_english
from sdjp.text.translate import make_translator
from sdjp.text.translate.grammar.closed import closed, expressions

LEXICON = make_translator("lexicon")


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        ("12月24日", "December 24"), ("5月3日", "May 3"), ("2024年5月3日", "May 3, 2024"), ("7月", "July"),
        ("昭和39年10月", "October 1964"), ("昭和三十年代", "1950s Showa era"),
        ("大正元年", "1912, Taisho era"),
        ("午後3時", "3 p.m."), ("朝6時半", "6:30 a.m."), ("夜11時", "11 p.m."), ("8時30分", "8:30"),
        ("深夜2時", "2 a.m."),
        ("30代", "in their thirties"), ("四十代後半", "in their late forties"), ("10代", "in their teens"),
        ("二階", "second floor"), ("3階", "third floor"), ("地下1階", "basement"),
        ("4分の1", "one quarter"), ("三分の二", "two thirds"),
        ("百年前", "100 years ago"), ("数年前", "several years ago"), ("3日後", "three days later"),
        ("数世紀前", "several centuries ago"), ("何時間後", "several hours later"),
        ("一年生", "first grader"), ("高校二年生", "second-year high school student"),
        ("100円玉", "100 yen coin"), ("¥1000の札", "1000 yen bill"), ("千円札", "1000 yen bill"),
        ("高さ15メートル", "15-meter-tall"), ("身長180cm", "180-centimeter-tall"),
        ("幅2.5m", "2.5-meter-wide"),
    ],
)  # fmt: skip
def test_forms(japanese: str, english: str) -> None:
    entry = closed(japanese)
    assert entry is not None
    assert entry.english == english


@pytest.mark.parametrize(
    "text", ["13月", "25時間", "三日月", "五月雨", "千代紙", "2階建て", "8代目", "0分の1", "10分", "十分に"]
)
def test_what_only_looks_like_one(text: str) -> None:
    assert [text[a:b] for a, b in expressions(text)] == []


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        ("12月24日の東京", "Tokyo on December 24"),
        ("5月の公園", "a park in May"),
        ("30代女性", "woman in her thirties"),
        ("百年前の東京", "Tokyo 100 years ago"),
        ("数百羽の鳥", "hundreds of birds"),
        ("三列目の席", "the third seats"),
        ("高さ15メートルの雪壁", "a 15-meter-tall snow wall"),
        ("午後3時のカフェ", "a cafe at 3 p.m."),
        ("もう一匹の猫", "another cat"),
        ("人が一人もいない渋谷", "Shibuya with no people"),
        ("屋根しか見えない村", "a village with only a roof visible"),
        ("もう回らない観覧車", "a Ferris wheel spinning no longer"),
        ("何も見えない夜", "a night with nothing visible"),
        ("派手すぎない和柄", "a Japanese pattern not too flashy"),
        ("まぶしすぎる朝日", "too dazzling morning sun"),
    ],
)
def test_in_a_prompt(japanese: str, english: str) -> None:
    assert to_english([japanese], translator=LEXICON) == [english]


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        ("〇〇の猫", "a cat of ○○"),
        ("〇〇風の絵", "a picture in the style of ○○"),
        ("猫ーーー", "cat"),
        ("夕焼けー", "sunset"),
        ("猫〜〜", "cat"),
        ("二〇二四年の桜", "cherry blossoms in 2024"),
    ],
)
def test_names_left_open_and_words_drawn_out(japanese: str, english: str) -> None:
    assert to_english([japanese], translator=LEXICON) == [english]
