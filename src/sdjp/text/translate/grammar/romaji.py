"""Kana to Hepburn, for what no table knows: long vowels are spelt without a mark (Tokyo, Osaka)."""

from __future__ import annotations

from typing import Final

_SYLLABLES: Final = dict(
    pair.split(":")
    for pair in """
        あ:a い:i う:u え:e お:o か:ka き:ki く:ku け:ke こ:ko さ:sa し:shi す:su せ:se そ:so
        た:ta ち:chi つ:tsu て:te と:to な:na に:ni ぬ:nu ね:ne の:no は:ha ひ:hi ふ:fu へ:he ほ:ho
        ま:ma み:mi む:mu め:me も:mo や:ya ゆ:yu よ:yo ら:ra り:ri る:ru れ:re ろ:ro
        わ:wa ゐ:i ゑ:e を:o ん:n
        が:ga ぎ:gi ぐ:gu げ:ge ご:go ざ:za じ:ji ず:zu ぜ:ze ぞ:zo だ:da ぢ:ji づ:zu で:de ど:do
        ば:ba び:bi ぶ:bu べ:be ぼ:bo ぱ:pa ぴ:pi ぷ:pu ぺ:pe ぽ:po ゔ:vu
        ぁ:a ぃ:i ぅ:u ぇ:e ぉ:o ゃ:ya ゅ:yu ょ:yo ゎ:wa ゕ:ka ゖ:ke
        ふぁ:fa ふぃ:fi ふぇ:fe ふぉ:fo ふゅ:fyu うぃ:wi うぇ:we うぉ:wo ゔぁ:va ゔぃ:vi ゔぇ:ve ゔぉ:vo
        てぃ:ti でぃ:di とぅ:tu どぅ:du でゅ:dyu つぁ:tsa つぃ:tsi つぇ:tse つぉ:tso
        しぇ:she じぇ:je ちぇ:che いぇ:ye くぁ:kwa ぐぁ:gwa
        """.split()
)
_GLIDES: Final = {"ゃ": "a", "ゅ": "u", "ょ": "o"}


def hiragana(kana: str) -> str:
    """Return ``kana`` with its katakana as hiragana; everything else stays."""
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in kana)


def katakana(kana: str) -> str:
    """Return ``kana`` with its hiragana as katakana; everything else stays."""
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in kana)


def romaji(kana: str) -> str:
    """Spell ``kana`` in Hepburn: ``"シンジュク"`` -> ``"shinjuku"``; other characters are copied.

    A long vowel mark is dropped, and so is the second half of おう, おお and うう.
    """
    text = hiragana(kana)
    out = ""
    i = 0
    doubled = False
    while i < len(text):
        two = text[i : i + 2]
        if two in _SYLLABLES:
            sound, i = _SYLLABLES[two], i + 2
        elif len(two) == 2 and two[1] in _GLIDES and _SYLLABLES.get(two[0], "").endswith("i"):
            stem = _SYLLABLES[two[0]][:-1]
            sound, i = stem + ("" if stem in {"sh", "ch", "j"} else "y") + _GLIDES[two[1]], i + 2
        elif text[i] == "っ":
            doubled, i = True, i + 1
            continue
        elif text[i] == "ー":
            i += 1
            continue
        else:
            sound, i = _SYLLABLES.get(text[i], text[i]), i + 1
        if doubled:
            out += "t" if sound.startswith("ch") else sound[:1] if sound[:1].isalpha() else ""
            doubled = False
        out += sound
    return out.replace("ou", "o").replace("oo", "o").replace("uu", "u")
