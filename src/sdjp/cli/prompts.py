"""Prompts from the command line, a file or standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from sdjp.errors import InputError


def prompts(args: argparse.Namespace) -> Iterator[str]:
    """Give the prompts one after the other; a file is read line by line, blank lines are passed over.

    Raises:
        InputError: If there is none, more than one source of them, or the file cannot be read.
    """
    given = [p for p in (args.prompt, getattr(args, "prompt_option", None)) if p is not None]
    if len(given) + (args.from_file is not None) != 1:
        raise InputError(
            "prompt.source",
            ja="プロンプトを 1 つ書くか、--from-file でファイルを指定してください"
            '（例: sdjp "馬に乗る宇宙飛行士"）。',
            en="give one prompt, or a file with --from-file "
            '(for example: sdjp "an astronaut riding a horse").',
        )
    if given:
        yield given[0]
        return
    lines = _lines(args.from_file)
    found = False
    for line in lines:
        if line.strip():
            found = True
            yield line.rstrip("\r\n")
    if not found:
        raise InputError(
            "from_file.empty",
            ja=f"{args.from_file} にプロンプトがありません。1 行に 1 つ書いてください。",
            en=f"there is no prompt in {args.from_file}. Write one on each line.",
        )


def _lines(name: str) -> Iterator[str]:
    try:
        if name == "-":
            yield from sys.stdin
        else:
            with Path(name).open(encoding="utf-8-sig") as file:
                yield from file
    except OSError as error:
        raise InputError(
            "from_file.unreadable",
            ja=f"{name} を読めません（{error.strerror}）。ファイルの場所を確かめてください。",
            en=f"cannot read {name} ({error.strerror}). Check where the file is.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "from_file.encoding",
            ja=f"{name} は UTF-8 ではありません。UTF-8 で保存し直してください。",
            en=f"{name} is not UTF-8. Save it as UTF-8.",
        ) from error
