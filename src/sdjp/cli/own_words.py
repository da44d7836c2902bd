"""What ``sdjp words`` does to the file of the user's own words, each with what it says of it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sdjp.cli.speech import put, say
from sdjp.cli.word_names import CATEGORIES, plain
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.text.translate.lexicon_table import Entry
    from sdjp.text.translate.words_file import Merged

ADD: Final = 'sdjp words add ぽちまる "a small white Shiba Inu" --category animal'
"""A line to type."""


def list_words(args: argparse.Namespace) -> None:
    """All words, and where the file is."""
    from sdjp.text.translate.words_file import read_words, words_path

    path = words_path()
    words = read_words(path)
    if words:
        say(ja=f"自分の語 {len(words)} 語（{path}）", en=f"your own words, {len(words)} ({path})")
    else:
        say(
            ja=f"自分の語はまだありません（置き場所: {path}）。\n足すには: {ADD}",
            en=f"you have no words of your own yet (they go to {path}).\nTo add one: {ADD}",
        )
    for (entry,) in words.values():
        put(f"  {_shown(entry)}")


def add(args: argparse.Namespace) -> None:
    """One word, and whether it will be found in a prompt."""
    from sdjp.text.script import is_japanese
    from sdjp.text.translate import make_translator
    from sdjp.text.translate.words_file import merge, one_word, words_path

    ja, english = args.items
    table, path = one_word(ja, english, args.category), words_path()
    _tell(merge(path, table))
    lexicon = make_translator("lexicon", user_lexicon=path)
    for word, record in zip(table, lexicon.translate([f"{word}の絵" for word in table]), strict=True):
        if not any(piece.how == "user" for piece in record.pieces):
            say(
                ja=f"注意: 「{word}」は、文の中では一つの語として読まれないことがあります。",
                en=f"note: within a text, {word!r} may not be read as one word.",
            )
        elif not is_japanese(word):
            say(
                ja=f"注意: 「{word}」は、日本語の文の中でだけ使われます（英語だけの部分は訳しません）。",
                en=f"note: {word!r} is used within Japanese text only (what is English is not translated).",
            )


def remove(args: argparse.Namespace) -> None:
    """Words, one after the other."""
    from sdjp.text.translate.words_file import remove, words_path

    for word in args.items:
        entry = remove(words_path(), word)
        say(ja=f"外しました: {_shown(entry)}", en=f"removed: {_shown(entry)}")


def export_words(args: argparse.Namespace) -> None:
    """Write all words to another file."""
    from sdjp.text.translate.words_file import as_line, read_words, words_path, write_lines

    words, target = read_words(words_path()), Path(args.items[0])
    if not words:
        raise InputError(
            "words.none",
            ja=f"書き出す語がありません。足すには: {ADD}",
            en=f"there are no words to write. To add one: {ADD}",
        )
    if os.path.exists(target) and not args.overwrite:
        raise InputError(
            "words.exists",
            ja=f"{target} はすでにあります。置き換えるには --overwrite を付けてください。",
            en=f"{target} is there already. Add --overwrite to replace it.",
        )
    write_lines(target, [as_line(entry) for (entry,) in words.values()])
    say(ja=f"{len(words)} 語を {target} に書き出しました。", en=f"wrote {len(words)} words to {target}.")


def import_words(args: argparse.Namespace) -> None:
    """Add the words of another file."""
    from sdjp.text.translate.lexicon_table import user_table
    from sdjp.text.translate.words_file import check_words, merge, words_path

    table = user_table(Path(args.items[0]))
    check_words(table)
    merged = merge(words_path(), table)
    _tell(merged._replace(same=()))
    new, changed, same = map(len, merged)
    say(
        ja=f"新しい語 {new}、置き換えた語 {changed}、同じだった語 {same}",
        en=f"{new} new, {changed} replaced, {same} the same",
    )


def _tell(merged: Merged) -> None:
    for entry in merged.new:
        say(ja=f"足しました: {_shown(entry)}", en=f"added: {_shown(entry)}")
    for before, entry in merged.changed:
        say(
            ja=f"置き換えました: {_shown(entry)}\n  これまで: {_shown(before)}",
            en=f"replaced: {_shown(entry)}\n  it was: {_shown(before)}",
        )
    for entry in merged.same:
        say(ja=f"もう入っています: {_shown(entry)}", en=f"it is there already: {_shown(entry)}")


def _shown(entry: Entry) -> str:
    return f"{entry.ja} → {entry.english}  [{plain(CATEGORIES, entry.category)}]"
