"""``sdjp report``: a translation that went wrong, written to a file that can be sent to someone."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp import errors
from sdjp.cli.options import translation_options, user_words
from sdjp.cli.parser import Parser
from sdjp.cli.speech import say
from sdjp.errors import InputError, OutputError, reason

if TYPE_CHECKING:
    from sdjp.records import PromptInfo

FORMAT: Final = 1
"""The version of the file; its schema is ``docs/report.schema.json``."""


def parser() -> Parser:
    """The options of ``sdjp report``."""
    options = Parser(
        prog="sdjp report",
        description="Write a file about a prompt whose translation is wrong, to be sent with a bug report. "
        "This command sends nothing. In the file is no user name, no path, nothing of the environment."
        if errors.get_language() == "en"
        else "訳のおかしなプロンプトについて、不具合の報告に添えるファイルを作ります。"
        "このコマンドは何も送信しません。ユーザー名、ファイルの場所、環境変数は入りません。",
    )
    options.option("prompt", ja="プロンプト", en="the prompt")
    options.option(
        "--expected", metavar="EN", ja="こうなるはずだと思う英語", en="the English that you expected"
    )
    options.option("--note", metavar="TEXT", ja="ひとこと", en="a remark")
    options.option("--output", "-o", default="report.json", metavar="F", ja="書き出すファイル",
                   en="the file to write")  # fmt: skip
    options.option(
        "--overwrite", action="store_true", ja="すでにあれば置き換える", en="replace what is there"
    )
    translation_options(options)
    return options


def run(args: argparse.Namespace) -> int:
    """Translate, write down what came out, and say what is in the file."""
    path = Path(args.output)
    if os.path.exists(path) and not args.overwrite:
        raise InputError(
            "report.exists",
            ja=f"{path} はすでにあります。-o で別の名前にするか、--overwrite を付けてください。",
            en=f"{path} is there already. Give another name with -o, or add --overwrite.",
        )
    _write(path, _about(args))
    said_ja = f"{'、期待した英語' if args.expected else ''}{'、ひとこと' if args.note else ''}"
    said_en = f"{', what you expected' if args.expected else ''}{', your remark' if args.note else ''}"
    say(
        ja=f"中身: プロンプトとその正規化、英語、部分ごとの訳、わからなかった語{said_ja}、"
        f"sdjp・Python の版、OS と翻訳器の名前。\n何も送信していません。報告に添えるファイル: {path}",
        en="it has: the prompt, normalized, its English, each part, what was not understood"
        f"{said_en}, the versions of sdjp and Python, the names of system and translator.\n"
        f"Nothing was sent. The file to send with a report: {path}",
    )
    return 0


def _about(args: argparse.Namespace) -> dict[str, Any]:
    """What the file says: the way of the prompt, what was said of it, and versions."""
    from sdjp._version import __version__
    from sdjp.conditioning.reader import Reader
    from sdjp.text.read import check_prompt
    from sdjp.text.translate import make_translator

    parsed = check_prompt(args.prompt)
    translator = make_translator(args.translator, user_lexicon=user_words(args))
    # Words that a small model does not know are no matter of the translation.
    reader = dataclasses.replace(Reader.of_embedded(translator), words=None)
    info: PromptInfo = reader.read([parsed], translate=args.translate)[0].info
    said = {"expected": args.expected, "note": args.note}
    return {
        "format": FORMAT,
        "prompt": info.source,
        "normalized": info.normalized,
        "english": info.english,
        **{name: text for name, text in said.items() if text is not None},
        "parts": [dataclasses.asdict(part) for part in info.parts],
        "unknown": list(info.unknown),
        "versions": {
            "sdjp": __version__,
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}".strip(),
            "translator": translator.name,
        },
    }


def _write(path: Path, data: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        ja, en = reason(error)
        raise OutputError(
            "report.write",
            ja=f"{path} に書き込めません（{ja}）。-o で別の場所を指定してください。",
            en=f"cannot write {path} ({en}). Name another place with -o.",
        ) from error
