"""Prompts from the command line, a file or standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from sdjp.cli.options import check_names
from sdjp.errors import InputError, reason


def prompts(args: argparse.Namespace) -> Iterator[str]:
    """Give the prompts one after the other; a file is read line by line, blank lines are passed over.

    A file is looked through first, so that its last line cannot stop what the first ones began; what can be
    read only once (standard input, a pipe) is judged as it comes.

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
    if args.from_file != "-" and Path(args.from_file).is_file():
        _check_lines(args)
    found = False
    for line in _lines(args.from_file):
        if line.strip():
            found = True
            yield line.rstrip("\r\n")
    if not found:
        ja, en = _shown(args.from_file)
        raise InputError(
            "from_file.empty",
            ja=f"{ja} にプロンプトがありません。1 行に 1 つ書いてください。",
            en=f"there is no prompt in {en}. Write one on each line.",
        )


def _check_lines(args: argparse.Namespace) -> None:
    """Refuse a file with a line that is no prompt, or asks for a LoRA that is not there; say which."""
    from sdjp.text.read import check_prompt

    name = args.from_file
    for number, line in enumerate(_lines(name), start=1):
        try:
            check_prompt(line.rstrip("\r\n"), allow_empty=not line.strip())
            if hasattr(args, "lora_dir"):
                check_names(args, line)
        except InputError as error:
            raise InputError(
                error.code,
                ja=f"{name} の {number} 行目: {error.ja}",
                en=f"{name}, line {number}: {error.en}",
            ) from error


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
