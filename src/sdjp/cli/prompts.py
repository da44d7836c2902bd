"""Prompts from the command line, a file or standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from sdjp.cli.options import check_names
from sdjp.cli.speech import say
from sdjp.errors import InputError, reason


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
        yield given[0]
        return
    again = args.from_file != "-" and Path(args.from_file).is_file()
    if again:
        for number, line in _numbered(args):
            _judge(args, number, line)
    found = False
    for number, line in _numbered(args):
        if number not in args.skipped and (again or _judge(args, number, line)):
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


def _numbered(args: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """The lines that are there to be drawn, and their numbers from 1."""
    for number, line in enumerate(_lines(args.from_file), start=1):
        text = line.rstrip("\r\n")
        if text.strip() and text.split()[0] != "#":
            yield number, text


def _judge(args: argparse.Namespace, number: int, text: str) -> bool:
    """Whether a line is a prompt, and the LoRAs that it asks for are there; if not, say so once.

    Raises:
        InputError: If it is not, and ``--strict`` was given.
    """
    from sdjp.text.read import check_prompt

    if number in args.skipped:
        return False
    try:
        check_prompt(text)
        if hasattr(args, "lora_dir"):
            check_names(args, text)
    except InputError as error:
        ja, en = _shown(args.from_file)
        ja, en = f"{ja} の {number} 行目: {error.ja}", f"{en}, line {number}: {error.en}"
        if args.strict:
            raise InputError(error.code, ja=ja, en=en) from error
        args.skipped.add(number)
        say(ja=f"飛ばします: {ja}", en=f"left out: {en}", file=sys.stderr)
        return False
    return True


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
