"""Prompts from the command line, a file or standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdjp.cli.options import check_names
from sdjp.cli.speech import say
from sdjp.cli.templates import check_templates, is_template
from sdjp.errors import InputError, SdjpError, TranslationError, WeightsError, reason
from sdjp.text.prompt_lines import is_prompt_line

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline


class Line(str):
    """A prompt from a file.

    Attributes:
        number: Of its line, from 1.
    """

    number: int

    @classmethod
    def numbered(cls, text: str, number: int) -> Line:
        """The line of this number."""
        line = cls(text)
        line.number = number
        return line


def prompts(args: argparse.Namespace) -> Iterator[str]:
    """Give the prompts one after the other; a file is read line by line.

    Blank lines and notes (``# `` before them) are passed over. A line that is no prompt is told and left out,
    and its number is added to ``args.skipped``; with ``--strict`` it is an error. A file is looked through
    first, so that its last line cannot stop what the first ones began; what can be read only once (standard
    input, a pipe) is judged as it comes.

    Raises:
        InputError: If there is none, more than one source of them, or the file cannot be read.
    """
    given = [p for p in (args.prompt, getattr(args, "prompt_option", None)) if p is not None]
    sources = len(given) + (args.from_file is not None)
    if sources != 1:
        ja, en = (
            ("指定されていません", "there is no prompt")
            if sources == 0
            else (" 2 か所以上で指定されています", "there is more than one prompt")
        )
        raise InputError(
            "prompt.source",
            ja=f"プロンプトが{ja}。プロンプトを 1 つ書くか、--from-file でファイルを指定してください"
            '（例: sdjp "馬に乗る宇宙飛行士"）。',
            en=f"{en}: give one prompt, or a file with --from-file "
            '(for example: sdjp "an astronaut riding a horse").',
        )
    if given:
        check_templates(args, prompt=given[0])
        yield given[0]
        return
    again = _twice(args)
    if again:
        for line in _numbered(args):
            _judge(args, line)
    found = False
    for line in _numbered(args):
        if line.number not in args.skipped and (again or _judge(args, line)):
            found = True
            yield line
    if not found:
        ja, en = _shown(args.from_file)
        raise InputError(
            "from_file.empty",
            ja=f"{ja} に使えるプロンプトがありません。1 行に 1 つ書いてください。",
            en=f"there is no prompt that can be used in {en}. Write one on each line.",
        )


def check_translator(args: argparse.Namespace, text: str) -> None:
    """See that the hub has the translation model, if this prompt is for one: what is heavy is loaded later.

    Raises:
        WeightsError: If it is neither there nor here.
        MissingDependencyError: If huggingface_hub is not installed.
    """
    if not args.translator.startswith("marian:") or args.translate == "never":
        return
    from sdjp.text.script import is_japanese
    from sdjp.text.translate import make_translator
    from sdjp.text.translate.marian import MarianTranslator

    translator = make_translator(args.translator)
    if isinstance(translator, MarianTranslator) and is_japanese(text):
        translator.check_source()


def drawable(args: argparse.Namespace, pipe: Pipeline, texts: Iterable[str]) -> Iterator[str]:
    """Pass on the prompts that a model can draw; a line of a file that it cannot is told and left out.

    It may have a word in it that is refused, or no translation. With ``--strict`` a file is looked through
    before its first line is passed on.

    Raises:
        SdjpError: If there is such a line, and ``--strict`` was given.
    """

    def can(text: str) -> bool:
        if not isinstance(text, Line) or is_template(args, text):
            return True  # drawing it will tell; of a template, what was chosen is looked at then
        try:
            steps = args.num_inference_steps
            info = pipe.explain(text, translate=args.translate, num_inference_steps=steps)
            if pipe.prompt_checker is not None:
                pipe.prompt_checker.check([info])
        except (InputError, TranslationError, WeightsError) as error:
            _leave_out(args, text, error)
            return False
        return True

    if args.strict and args.from_file is not None and _twice(args):
        yield from [text for text in texts if can(text)]
    else:
        yield from filter(can, texts)


def all_drawable(args: argparse.Namespace, pipe: Pipeline, template: str, chosen: Sequence[str]) -> bool:
    """Whether a model can draw what was chosen from a template; a line of a file that it cannot is told.

    Raises:
        SdjpError: If it cannot, and ``--strict`` was given.
    """
    if not isinstance(template, Line):
        return True  # drawing it will tell
    lines = [Line.numbered(text, template.number) for text in chosen if not is_template(args, text)]
    return all(list(drawable(args, pipe, [line])) for line in lines)


def _twice(args: argparse.Namespace) -> bool:
    """Whether the file can be read more than once."""
    return args.from_file != "-" and Path(args.from_file).is_file()


def _numbered(args: argparse.Namespace) -> Iterator[Line]:
    """The lines that are there to be drawn."""
    for number, line in enumerate(_lines(args.from_file), start=1):
        text = line.rstrip("\r\n")
        if is_prompt_line(text):
            yield Line.numbered(text, number)


def _judge(args: argparse.Namespace, line: Line) -> bool:
    """Whether a line is a prompt, and the LoRAs that it asks for are there; if not, say so once.

    Raises:
        InputError: If it is not, and ``--strict`` was given.
    """
    from sdjp.text.read import check_prompt

    if line.number in args.skipped:
        return False
    try:
        check_templates(args, prompt=line)
        if is_template(args, line):
            return True  # what is chosen will be looked at
        check_prompt(line)
        if hasattr(args, "lora_dir"):
            check_names(args, line)
    except (InputError, WeightsError) as error:
        _leave_out(args, line, error)
        return False
    return True


def _leave_out(args: argparse.Namespace, line: Line, error: SdjpError) -> None:
    """Say once why a line is left out; with ``--strict`` that is an error."""
    ja, en = _shown(args.from_file)
    ja, en = f"{ja} の {line.number} 行目: {error.ja}", f"{en}, line {line.number}: {error.en}"
    if args.strict:
        raise type(error)(error.code, ja=ja, en=en) from error
    args.skipped.add(line.number)
    say(ja=f"飛ばします: {ja}", en=f"left out: {en}", file=sys.stderr)


def _lines(name: str) -> Iterator[str]:
    shown = _shown(name)
    try:
        if name == "-":
            yield from sys.stdin
        else:
            with Path(name).open(encoding="utf-8-sig") as file:
                yield from file
    except UnicodeDecodeError as error:
        raise InputError(
            "from_file.encoding",
            ja=f"{shown[0]} は UTF-8 ではありません。UTF-8 で保存し直してください。",
            en=f"{shown[1]} is not UTF-8. Save it as UTF-8.",
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        ja, en = reason(error)
        raise InputError(
            "from_file.unreadable",
            ja=f"{shown[0]} を読めません（{ja}）。--from-file に指定したファイルの場所を確かめてください。",
            en=f"cannot read {shown[1]} ({en}). Check the file given with --from-file.",
        ) from error


def _shown(name: str) -> tuple[str, str]:
    """How a message calls the file, in Japanese and English."""
    return ("標準入力", "standard input") if name == "-" else (name or '""', name or '""')
