"""An argument parser that speaks Japanese and English."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from sdjp import errors
from sdjp.cli.help import Help
from sdjp.cli.speech import put, say
from sdjp.options import OPTIONS
from sdjp.options.rules import Choice, Interval, Pixels, Real, Rule, Several, Whole

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


def language(argv: Sequence[str]) -> errors.Language:
    """Find ``--lang`` before anything else, so that help and errors come in it."""
    for i, word in enumerate(argv):
        value = word.partition("=")[2] if word.startswith("--lang=") else argv[i + 1 : i + 2]
        if word == "--lang" or word.startswith("--lang="):
            return "en" if "en" in value else "ja"
    return "ja"


_OF_MODEL: Final = ("height", "width", "num_inference_steps", "guidance_scale", "sampler")
"""Options that each model has its own defaults of."""


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks both languages and never guesses at abbreviated flags."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, add_help=False, formatter_class=Help, **arguments)
        if errors.get_language() != "en":
            self._positionals.title, self._optionals.title = "引数", "オプション"
        # -inf and -1e5 are numbers to be refused by their range, and not unknown flags.
        self._negative_number_matcher = re.compile(r"-(\.?\d[\d.e+-]*|inf)$", re.IGNORECASE)
        self.option(
            "-h", "--help", action="help", ja="この説明を表示して終了する", en="show this help and stop"
        )
        self.option(
            "--lang", choices=errors.LANGUAGES, default="ja", ja="メッセージの言語", en="language of messages"
        )

    def option(self, *flags: str, ja: str, en: str, **arguments: Any) -> None:
        """Add an argument with its help in both languages; the help ends with its default, if it has one."""
        english = errors.get_language() == "en"
        text, default = en if english else ja, arguments.get("default")
        if arguments.get("dest") in _OF_MODEL and default is None and "action" not in arguments:
            text += " (default: the model's own)" if english else "（既定値: モデルによる）"
        elif isinstance(default, str | int | float) and not isinstance(default, bool):
            text += f" (default: {default})" if english else f"（既定値: {default}）"
        self.add_argument(*flags, help=text.replace("%", "%%"), **arguments)

    def format_help(self) -> str:
        """Return the help; argparse has its first word in English only."""
        text = super().format_help()
        return text if errors.get_language() == "en" else text.replace("usage: ", "使い方: ", 1)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        if message and file is sys.stdout:
            put(message.rstrip("\n"))
        else:
            super()._print_message(message, file)

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
        return {"type": int, "metavar": "N"}
    return {"type": float, "metavar": "X"} if isinstance(rule, Real) else {}


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
