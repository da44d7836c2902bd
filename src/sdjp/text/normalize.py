"""Japanese prompt text in one spelling: widths, dakuten, long vowels, separators, brackets.

One function, :func:`normalize`, is a sequence of steps; each names the rule it carries out:

==== ==========================================================================================
N01  invisible characters are removed (BOM, zero width, controls, bidi marks, lone surrogates, private use)
N02  a line break is a tag separator; TAB is a space
N03  NFKC for what the other rules do not cover, but spacing accents stay whole
N04  half-width katakana become full-width
N05  (han)dakuten are joined to their kana, or dropped where there is none; accents are composed
N06  full-width ASCII becomes ASCII; runs of spaces become one
N07  「」『』“” are ``"``, ‘’ are ``'``; 【】〔〕 separate
N08  commas become ``, ``, unless the text is a sentence (has 。): there 、 stays
N09  a dash after kana is ー; kanji 一 between katakana too
N10  a wave dash after kana is ー, elsewhere ``~``; runs of ー ~ ! ? become one
N11  digits become ASCII; kanji numerals stay
N12  weight syntax becomes ASCII, without spaces inside the brackets; ¥ before a bracket escapes it
N13  Latin text stays as it is
N14  ゝゞヽヾ repeat the kana before them; 々 stays
N16  emoji are copied as they are
N17  glyph variants of kanji are unified; old forms stay
N18  angle tags ``<lora:name:0.8>`` are copied as they are
N19  a text that says nothing is empty
==== ==========================================================================================

Where the rules leave a choice: a separator right inside a bracket is dropped like one at the end of the text;
the ・ of katakana names stays, unless another ・ of the same list separates; a ・ at the head of a line or
after a separator is the bullet of a list and goes with it; ゝ repeats the kana without its dakuten (づゝ is
づつ); 、 between digits is no digit separator; a sentence may have ``, `` too
(from a line break, 【】 or ・); ㈱ is (株), as NFKC has it, and the prompt parser knows that no bracket was
typed.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

from sdjp.text.characters import (
    DASHES,
    EMOJI_RE,
    INVISIBLE_RE,
    KANA,
    KANJI,
    KATAKANA,
    LATIN,
    LINE_BREAK_RE,
    NFKC_RE,
    QUOTES,
    STRAY_RE,
    VARIANTS,
    VOICING,
    WAVES,
)

TAG_RE: Final = re.compile(r"<[A-Za-z][\w-]*:[^<>\n]*>")
"""An angle tag: ``<word:anything>``."""
# What the later steps may turn into a tag. It counts as one early, so that a second run finds the same mode.
_NEARLY_TAG: Final = re.compile(r"<[A-Za-z][^<>]*:[^<>]*>")

# What is copied verbatim is set aside, and one of these stands in its place. The text itself has no
# private-use characters any more: N01 removed them.
_EMOJI, _TAG, _WIDE_TAG, _DIGIT_COMMA = "\ue000", "\ue001", "\ue002", "\ue003"

_SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONG_MARKS: Final = re.compile(r"[^\w\x00-\x7f]{32,}")
_YEN_ESCAPE: Final = re.compile(r"¥(?=[()\[\]{}])")
_SPACES: Final = re.compile(r"[^\S\n]+")
_FOREIGN_DIGIT: Final = re.compile(r"[^\D0-9]")
_ITERATION: Final = re.compile("([ぁ-ゖァ-ヺ])([ゝゞヽヾ]+)")
_KANJI_ONE: Final = re.compile("(?<=[ァ-ヺ])一(?=[ァ-ヺ])")
_LONG_VOWELS: Final = re.compile(f"[{DASHES}{WAVES}ー]+")
_LONG_VOWEL_UNIT: Final = re.compile(f"[{DASHES}]+|[{WAVES}]+|ー+")
_WAVE: Final = re.compile(f"[{WAVES}]")
_REPEATED: Final = re.compile(r"([ー!?])\1+")
_BETWEEN_DIGITS: Final = re.compile("(?<=[0-9])[,，](?=[0-9])")
_ELLIPSIS: Final = re.compile("・{2,}")
_MIDDLE_DOT: Final = re.compile(rf"(?<=[\w{_EMOJI}])・(?=[\w{_EMOJI}])")
_LISTED: Final = re.compile("[^,，、。\\n]+")
_NAME_DOT: Final = re.compile(f"[{KATAKANA}]・[{KATAKANA}]")
_HEADINGS: Final = str.maketrans("【】〔〕，", ",,,,、")
_SEPARATORS: Final = re.compile("( ?)([,、\n。](?:[ ,、\n。・]*[,、\n。・])?)( ?)")
_BRACKET_EDGE: Final = re.compile(r"(\\?¥[ ,、]|\\.)|([(\[{])[ ,、]+|[ ,、]+(?=[)\]}])")
_WEIGHT_COLON: Final = re.compile(r" ?: ?([+-]?[0-9.]+) ?\)")

_KANA_CHARACTER: Final = re.compile(f"[{KANA}]")
_LATIN_OR_DIGIT: Final = re.compile(f"[{LATIN}0-9]")
_ENDS_A_VOWEL: Final = re.compile(rf"$|[{KANA}{KANJI}{DASHES}\s!-/:-@\[-`{{-~{_TAG}{_WIDE_TAG}]")


def normalize(text: str) -> str:
    """Return ``text`` in one spelling.

    Pure, idempotent, linear in the length of the text. Nothing is raised or cut off; every letter stays, or
    becomes the one that a rule names.

    Example:
        >>> normalize("（最高品質：１．２）、ﾈｺ\\n「カフェ」")
        '(最高品質:1.2), ネコ, "カフェ"'
        >>> normalize("すご～～い猫。木の下で，眠る")
        'すごーい猫。木の下で、眠る'
    """
    text = remove_invisible(text)  # N01
    text, emoji = _set_aside(EMOJI_RE, text, _EMOJI)  # N16
    text = STRAY_RE.sub("", text)  # N01, N17
    text = LINE_BREAK_RE.sub("\n", text)  # N02
    text, tags = _set_aside(TAG_RE, text, _TAG)  # N18
    text = _compose(text)  # N03 N04 N05 N06
    text, wide_tags = _set_aside(TAG_RE, text, _WIDE_TAG)  # N18, typed full-width
    text = _YEN_ESCAPE.sub(r"\\", text)  # N12
    text = _SPACES.sub(" ", text)  # N06
    text = _FOREIGN_DIGIT.sub(lambda m: str(unicodedata.decimal(m[0])), text)  # N11
    text = text.translate(VARIANTS)  # N17
    text = _ITERATION.sub(_repeat_kana, text)  # N14
    text = text.translate(QUOTES)  # N07
    text = _KANJI_ONE.sub("ー", text)  # N09
    text = _LONG_VOWELS.sub(_long_vowels, text)  # N09 N10
    text = _REPEATED.sub(r"\1", text)  # N10
    text = _separate(text)  # N08 N07 N02
    text = _BRACKET_EDGE.sub(r"\1\2", text)  # N12
    text = _WEIGHT_COLON.sub(r":\1)", text)  # N12
    text = text.strip(" ,、")  # N06 N08
    if not any(c.isalnum() or c in (_EMOJI, _TAG, _WIDE_TAG) for c in text):
        return ""  # N19
    text = text.replace(_DIGIT_COMMA, ",")
    for mark, pieces in ((_WIDE_TAG, wide_tags), (_TAG, tags), (_EMOJI, emoji)):
        text = _put_back(text, mark, pieces)
    return text


def remove_invisible(text: str) -> str:
    """Remove what shows nothing wherever it stands (N01); two halves of a surrogate pair are joined."""
    text = _SURROGATE_PAIR.sub(lambda m: m[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return INVISIBLE_RE.sub("", text)


def _set_aside(pattern: re.Pattern[str], text: str, mark: str) -> tuple[str, list[str]]:
    return pattern.sub(mark, text), pattern.findall(text)


def _put_back(text: str, mark: str, pieces: list[str]) -> str:
    following = iter(pieces)
    return re.sub(mark, lambda m: next(following), text)


def _compose(text: str) -> str:
    """NFKC, except for spacing accents; (han)dakuten that find no kana are dropped."""
    text = text.translate(VOICING)
    text = _LONG_MARKS.sub(_in_canonical_order, text)
    text = NFKC_RE.sub(lambda m: unicodedata.normalize("NFKC", m[0]), text)
    text = text.replace("\u3099", "").replace("\u309a", "")
    return unicodedata.normalize("NFC", text)


def _in_canonical_order(match: re.Match[str]) -> str:
    """Decompose and sort combining marks; unicodedata takes quadratic time for it when there are many."""
    marks = (unicodedata.normalize("NFD", c) if unicodedata.category(c)[0] == "M" else c for c in match[0])
    runs = groupby("".join(marks), key=lambda c: unicodedata.combining(c) != 0)
    return "".join(
        "".join(sorted(run, key=unicodedata.combining) if sortable else run) for sortable, run in runs
    )


def _repeat_kana(match: re.Match[str]) -> str:
    """``こゝ`` to ``ここ``; ゞ and ヾ repeat with dakuten, where the kana takes one."""
    kana = match[1]
    written = [kana]
    for mark in match[2]:
        plain = unicodedata.normalize("NFD", kana)[0]
        voiced = unicodedata.normalize("NFC", plain + "\u3099")
        kana = voiced if mark in "ゞヾ" and len(voiced) == 1 else plain
        written.append(kana)
    return "".join(written)


def _long_vowels(match: re.Match[str]) -> str:
    """Decide for a run of dashes, waves and ー, from left to right, what each kind of them stands for."""
    text = match.string
    units = _LONG_VOWEL_UNIT.findall(match[0])
    last = text[max(match.start() - 1, 0) : match.start()]
    written = []
    for unit, following in zip(units, [*units[1:], text[match.end() : match.end() + 1]], strict=True):
        written.append(_long_vowel(unit, last, following[:1]))
        last = written[-1][-1]
    return "".join(written)


def _long_vowel(unit: str, last: str, following: str) -> str:
    after_kana = _KANA_CHARACTER.match(last) is not None
    if unit[0] == "ー":
        return "-" if _LATIN_OR_DIGIT.match(last) else "ー"
    if _WAVE.match(unit):
        return "ー" if after_kana and _ends_a_vowel(following) else "~"
    if not after_kana:
        return unit
    return "-" * len(unit) if _LATIN_OR_DIGIT.match(following) else "ー"


def _ends_a_vowel(following: str) -> bool:
    return _ENDS_A_VOWEL.match(following) is not None or unicodedata.category(following)[0] == "P"


def _dots(match: re.Match[str]) -> str:
    """Keep the ・ of names; where one of a list is a separator, all are (タンクトップ・ダンベル・汗)."""
    text = match[0]
    dots = [dot.start() for dot in _MIDDLE_DOT.finditer(text)]
    if all(_NAME_DOT.match(text, dot - 1) for dot in dots):
        return text
    return _MIDDLE_DOT.sub(",", text)


def _separate(text: str) -> str:
    """Bring commas, ・, line breaks and heading brackets to one form; of several in a row one stays."""
    sentence = "。" in _NEARLY_TAG.sub("", text)

    def strongest(match: re.Match[str]) -> str:
        before, run, after = match.groups()
        if "。" in run:
            return f"{before}。{after}"
        return f"{before}、{after}" if sentence and "、" in run else ", "

    text = _BETWEEN_DIGITS.sub(_DIGIT_COMMA, text)
    text = _ELLIPSIS.sub("...", text)
    text = _LISTED.sub(_dots, text)
    text = re.sub(" ?\n ?", "\n", text.translate(_HEADINGS))
    return _SEPARATORS.sub(strongest, text.lstrip("\n ・"))
