"""The character tables against Unicode's own data."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from sdjp.text.characters import EMOJI_RE, INVISIBLE_RE, NFKC_RE, STRAY_RE, VARIANTS
from sdjp.text.normalize import normalize

SURROGATES = range(0xD800, 0xE000)
CHARACTERS = [chr(c) for c in range(sys.maxunicode + 1) if c not in SURROGATES]
CHANGED = [c for c in CHARACTERS if unicodedata.normalize("NFKC", c) != c]
ONLY_WITH_VS16 = set("©®‼⁉™ℹⓂ〰㊗㊙")


def test_emoji_are_those_of_unicode() -> None:
    regex = pytest.importorskip("regex", reason="has the emoji properties; transformers depends on it")
    text = "".join(CHARACTERS[0x80:])
    emoji = set(regex.findall(r"\p{Emoji}", text))
    reserved = set(regex.findall(r"[\p{ExtPict}--\p{Emoji}]", text, regex.VERSION1))
    ours = set(CHARACTERS).intersection(EMOJI_RE.findall(text))
    assert {c for c in emoji if not EMOJI_RE.match(c)} == ONLY_WITH_VS16
    assert all(EMOJI_RE.match(c + "\ufe0f") for c in emoji)
    assert all(unicodedata.category(c) in ("So", "Sk", "Cn") for c in ours - emoji - reserved)


@pytest.mark.parametrize(
    "sequence",
    [
        *("😀", "☀️", "☀︎", "👍🏽", "🇯🇵", "🇯", "7️⃣", "*️⃣", "👨‍👩‍👧‍👦", "👩🏽‍❤️‍💋‍👩🏿", "🏳️‍⚧️", "🐈‍⬛", "⛓️‍💥"),
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    ],
    ids=ascii,
)
def test_emoji_sequences_are_one(sequence: str) -> None:
    assert EMOJI_RE.fullmatch(sequence)


def test_digits_alone_are_no_emoji() -> None:
    assert not any(EMOJI_RE.match(c) for c in "0123456789#*")


def test_spacing_accents_are_kept_from_nfkc() -> None:
    """Whatever NFKC would turn into a space and more, except the kana marks, which are composed before."""
    accents = {
        c
        for c in CHANGED
        if len(n := unicodedata.normalize("NFKC", c)) > 1 and n[0] == " " and c not in "゛゜"
    }
    assert {c for c in CHANGED if not NFKC_RE.match(c)} == accents | {"，"}


def test_nfkc_brings_nothing_that_was_removed_before() -> None:
    for c in CHANGED:
        made = unicodedata.normalize("NFKC", c)
        assert not INVISIBLE_RE.search(made), hex(ord(c))
        assert not STRAY_RE.search(made) or STRAY_RE.search(c), hex(ord(c))
        assert not EMOJI_RE.search(made) or EMOJI_RE.search(c), hex(ord(c))


def test_invisible_characters_are_neither_letters_nor_marks() -> None:
    categories = {unicodedata.category(chr(c)) for c in range(0x110000) if INVISIBLE_RE.match(chr(c))}
    assert categories <= {"Cc", "Cf", "Cs", "Co", "Cn"}


def test_variants_are_what_nfkc_leaves() -> None:
    for code, replacement in VARIANTS.items():
        assert unicodedata.normalize("NFKC", chr(code)) == chr(code)
        assert normalize(chr(code)) == chr(replacement)
