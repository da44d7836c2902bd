"""``sdjp words``: the user's own words, and what the tables know of a word."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from sdjp import errors
from sdjp.cli import own_words
from sdjp.cli.parser import Parser
from sdjp.cli.speech import as_typed, put, say
from sdjp.cli.word_names import CATEGORIES, SOURCES, category_of, plain
from sdjp.errors import InputError

_NEAR: Final = 0.75  # as for the names of commands
_ANY: Final = 1 << 16


class Words(Parser):
    """A parser that lets flags stand between the words."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As ever, but words behind a flag belong to those before it."""
        return self.parse_intermixed_args(args, namespace)


def parser() -> Parser:
    """The options of ``sdjp words``."""
    en = errors.get_language() == "en"
    lines = "\n".join(f"  {a.line}\n      {a.en if en else a.ja}" for a in ACTIONS.values())
    options = Words(
        prog="sdjp words",
        usage=f"sdjp words [ACTION] [WORD ...] [{'options' if en else 'オプション'}]",
        description="Your own words. Every prompt is read with them, and they win over all other tables.\n\n"
        f"{lines}\n\nA word that is called like an action is looked up with show, as in: sdjp words show add"
        if en
        else "自分の語を登録します。どのプロンプトにも使われ、ほかのどの辞書よりも優先されます。\n\n"
        f"{lines}\n\nadd のように、操作と同じ名前の語は、show を付けて調べます: sdjp words show add",
    )
    usual = [f"{ja} {name}" for name, (ja, _) in CATEGORIES.items()][:8]
    options.option("action", nargs="?", metavar="ACTION",
                   ja=f"{'、'.join(ACTIONS)} のどれか。または、調べる語",
                   en=f"one of {', '.join(ACTIONS)}; or a word to look up")  # fmt: skip
    options.option("items", nargs="*", metavar="WORD",
                   ja="語、英語、ファイルなど", en="words, English, or a file")  # fmt: skip
    options.option("--category", metavar="C",
                   ja=f"add と try の語の分類: {'、'.join(usual)} など（省略時は thing）",
                   en=f"category for add and try: {', '.join(CATEGORIES)} (thing, if left out)")  # fmt: skip
    options.option("--overwrite", action="store_true",
                   ja="export で、すでにあるファイルを置き換える",
                   en="let export replace a file")  # fmt: skip
    return options


def run(args: argparse.Namespace) -> int:
    """Do one of :data:`ACTIONS`; a word by itself is looked up."""
    name = args.action or "list"
    if name not in ACTIONS:
        args.items.insert(0, _word(as_typed(name)))
        name = "show"
    action = ACTIONS[name]
    if not action.least <= len(args.items) <= action.most:
        raise InputError(
            "words.arguments",
            ja=f"sdjp words {name} は次のように書きます: {action.line}\n"
            f"「{name}」という語を調べるには: sdjp words show {name}",
            en=f"write sdjp words {name} like this: {action.line}\n"
            f"To look up the word {name!r}: sdjp words show {name}",
        )
    if args.category is not None and name not in ("add", "try"):
        raise InputError(
            "words.option",
            ja=f"--category は add と try で使います。{name} では使えません。",
            en=f"--category is for add and try; {name} has no use for it.",
        )
    args.category = "" if args.category is None else category_of(as_typed(args.category))
    if name not in ("export", "import"):
        args.items = [as_typed(item) for item in args.items]
    action.run(args)
    return 0


def _word(word: str) -> str:
    """A word to look up, unless it is most likely the name of an action with a slip in it."""
    near = difflib.get_close_matches(word.lower(), ACTIONS, n=1, cutoff=_NEAR)
    if near and re.fullmatch("[A-Za-z]+", word):
        raise InputError(
            "words.action",
            ja=f"{word} という操作はありません。もしかして: sdjp words {near[0]}\n"
            f"この語を調べるには: sdjp words show {word}",
            en=f"there is no action {word}. Did you mean: sdjp words {near[0]}\n"
            f"To look up this word: sdjp words show {word}",
        )
    return word


def show(args: argparse.Namespace) -> None:
    """Every sense of each word, where it is from, and what a prompt says."""
    from sdjp.text.normalize import normalize
    from sdjp.text.translate import make_translator
    from sdjp.text.translate.senses import senses
    from sdjp.text.translate.words_file import read_words, words_path

    path = words_path()
    user = read_words(path)
    translator = make_translator("auto", user_lexicon=path if os.path.exists(path) else None)
    for word in args.items:
        typed, found = normalize(word) or word, senses(word, user)
        put(word)
        for sense in found:
            where = plain(SOURCES, sense.source)
            about = f"{plain(CATEGORIES, sense.category)}, {where}" if sense.category else where
            put(f"  {'' if sense.word == typed else f'{sense.word}: '}{sense.english}  [{about}]")
        if not found:
            say(
                ja=f'  どの辞書にもありません。足すには: sdjp words add {word} "英語"',
                en=f'  no table has it. To add it: sdjp words add {word} "ENGLISH"',
            )
        english = translator.translate([typed])[0].english
        say(ja=f"  プロンプトでは: {english}", en=f"  in a prompt: {english}")


def try_words(args: argparse.Namespace) -> None:
    """Explain a prompt with words that are not saved, beside those that are."""
    from sdjp.cli.commands import explain
    from sdjp.conditioning.reader import Reader
    from sdjp.text.read import check_prompt
    from sdjp.text.translate import make_translator
    from sdjp.text.translate.words_file import merge, one_word, read_words, words_path

    prompt, *pairs = args.items
    parsed = check_prompt(prompt)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.tsv"
        merge(path, read_words(words_path()))
        for pair in pairs:
            word, equals, english = pair.partition("=")
            if not equals:
                raise InputError(
                    "words.pair",
                    ja=f"{pair!r} は「語=英語」の形ではありません（例: ぽちまる=dog）。",
                    en=f"{pair!r} is not WORD=ENGLISH, such as POCHI=dog.",
                )
            merge(path, one_word(word, english, args.category))
        translator = make_translator("auto", user_lexicon=path if path.exists() else None)
    reader = dataclasses.replace(Reader.of_embedded(translator), words=None)  # whatever a model makes of them
    explain.show(reader.read([parsed])[0].info)
    if pairs:
        say(ja="ここで試した語は登録していません。", en="the words that were tried are not saved.")


class Action(NamedTuple):
    """Something to do with words.

    Attributes:
        run: What does it.
        least: Words that it needs.
        most: Words that it takes.
        line: A line to type.
        ja: What it does, in Japanese.
        en: And in English.
    """

    run: Callable[[argparse.Namespace], None]
    least: int
    most: int
    line: str
    ja: str
    en: str


ACTIONS: Final[Mapping[str, Action]] = {
    "list": Action(own_words.list_words, 0, 0, "sdjp words",
                   "自分の語の一覧と、ファイルの場所", "your own words, and where their file is"),
    "show": Action(show, 1, _ANY, "sdjp words 推し活",
                   "語を調べる（show 推し活 と同じ）", "look a word up (the same as show 推し活)"),
    "add": Action(own_words.add, 2, 2, own_words.ADD, "語を足す、置き換える", "add or replace a word"),
    "remove": Action(own_words.remove, 1, _ANY, "sdjp words remove ぽちまる", "語を外す", "take a word away"),
    "try": Action(try_words, 1, _ANY, 'sdjp words try "ぽちまると公園" ぽちまる=dog',
                  "登録せずに訳してみる", "translate with words that are not saved"),
    "export": Action(own_words.export_words, 1, 1, "sdjp words export mine.tsv",
                     "ファイルに書き出す", "write them to a file"),
    "import": Action(own_words.import_words, 1, 1, "sdjp words import mine.tsv",
                     "ファイルの語を足す", "add those of a file"),
}  # fmt: skip
"""What can stand behind ``sdjp words``; anything else is a word to look up."""
