"""An argument parser that speaks Japanese and English."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from sdjp import errors
from sdjp.cli.speech import say
from sdjp.options import OPTIONS
from sdjp.options.rules import Choice, Interval, Pixels, Real, Rule, Several, Whole


def language(argv: Sequence[str]) -> errors.Language:
    """Find ``--lang`` before anything else, so that help and errors come in it."""
    for i, word in enumerate(argv):
        value = word.partition("=")[2] if word.startswith("--lang=") else argv[i + 1 : i + 2]
        if word == "--lang" or word.startswith("--lang="):
            return "en" if "en" in value else "ja"
    return "ja"


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks both languages and never guesses at abbreviated flags."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, add_help=False, **arguments)
        # -inf and -1e5 are numbers to be refused by their range, and not unknown flags.
        self._negative_number_matcher = re.compile(r"-(\.?\d[\d.e+-]*|inf)$", re.IGNORECASE)
        self.option(
            "-h", "--help", action="help", ja="この説明を表示して終わる", en="show this help and stop"
        )
        self.option(
            "--lang", choices=errors.LANGUAGES, default="ja", ja="メッセージの言語", en="language of messages"
        )

    def option(self, *flags: str, ja: str, en: str, **arguments: Any) -> None:
        """Add an argument with its help in both languages."""
        text = en if errors.get_language() == "en" else ja
        self.add_argument(*flags, help=text.replace("%", "%%"), **arguments)

    def generation(self, name: str, *flags: str, **overrides: Any) -> None:
        """Add an option of a generation, as its row in :data:`sdjp.options.OPTIONS` has it.

        Args:
            name: The option; the argument is parsed under this name.
            flags: What is typed.
            overrides: What this command has otherwise: ``default``, ``ja``, ``en``, ``metavar`` …
        """
        option = OPTIONS[name]
        kind = _kind(option.rule)
        about = {"dest": name, "default": option.default, "ja": option.ja, "en": option.en}
        self.option(*flags, **{**about, **kind, **overrides})

    def given(self, argv: Sequence[str]) -> set[str]:
        """The names of the arguments that a command line has, whatever it says of them."""
        missing = argparse.Namespace(**{action.dest: None for action in self._actions})
        return {name for name, value in vars(self.parse_args(argv, missing)).items() if value is not None}

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and stop with 2."""
        say(ja=f"エラー: {_japanese(message)}", en=f"error: {message}", file=sys.stderr)
        if re.match("unrecognized arguments: [^-]", message):
            say(
                ja='空白を含む文は、全体を引用符で囲んでください（例: "赤い 車"）。',
                en='put text with spaces between quotes, such as "a red car".',
                file=sys.stderr,
            )
        say(
            ja=f"使い方は {self.prog} --help をご覧ください。",
            en=f"see {self.prog} --help for usage.",
            file=sys.stderr,
        )
        sys.exit(2)


def _kind(rule: Rule) -> dict[str, Any]:
    """How argparse reads a value of a rule."""
    if isinstance(rule, Several):
        return _kind(rule.of)
    if isinstance(rule, Choice):
        return {"choices": rule.values}
    if isinstance(rule, Interval):
        return {"type": float, "nargs": 2}
    if isinstance(rule, Whole | Pixels):
        return {"type": int}
    return {"type": float} if isinstance(rule, Real) else {}


_JAPANESE: Final = (
    ("unrecognized arguments: ", "知らない引数です: "),
    ("the following arguments are required: ", "必要な引数がありません: "),
    ("expected one argument", "値を 1 つ指定してください"),
    ("expected 2 arguments", "値を 2 つ指定してください"),
    ("invalid int value: ", "整数を指定してください: "),
    ("invalid float value: ", "数を指定してください: "),
    ("invalid choice: ", "使えない値です: "),
    ("choose from", "選べる値:"),
    ("not allowed with argument", "は次の引数と一緒に使えません:"),
    ("argument ", "引数 "),
)


def _japanese(message: str) -> str:
    """Put argparse's English into Japanese."""
    for english, japanese in _JAPANESE:
        message = message.replace(english, japanese)
    return message
