"""``sdjp check``: look at pictures with a safety checker."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp import errors
from sdjp.cli.options import safety_options
from sdjp.cli.parser import Parser
from sdjp.cli.pictures import look_at
from sdjp.cli.speech import put, say
from sdjp.errors import InputError, WeightsError

if TYPE_CHECKING:
    from sdjp.postprocess import SafetyCheck

FLAGGED: Final = 3
"""Exit code if any picture is flagged and all could be looked at."""


def parser() -> Parser:
    """The options of ``sdjp check``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp check",
        description="Look at pictures with a safety checker. Exit code: 0 nothing found, "
        f"{FLAGGED} something found, 2 a picture cannot be read, 1 any other error."
        if en
        else "安全性チェッカーで画像を調べます。終了コード: 0 何も見つからない、"
        f"{FLAGGED} 見つかった、2 読めない画像がある、1 その他のエラー",
    )
    options.option("files", nargs="+", metavar="FILE", ja="調べる画像、またはそのフォルダー",
                   en="pictures, or folders of them")  # fmt: skip
    safety_options(options)
    options.option(
        "--model",
        metavar="M",
        ja="このモデルに付属するチェッカーを使う（mini のものは mini の絵だけ）",
        en="use the checker that this model ships (that of mini knows pictures of mini only)",
    )
    options.option("--device", default="auto", ja="auto、cpu、cuda、mps", en="auto, cpu, cuda, mps")
    options.option(
        "--json", action="store_true", ja="1 行に 1 つの JSON で出力する", en="one JSON object a line"
    )
    return options


def run(args: argparse.Namespace) -> int:
    """Check each picture; one that cannot be read does not stop the others."""
    from sdjp import images

    check = _checker(args)
    flagged = failed = False

    def look(path: Path) -> None:
        nonlocal flagged, failed
        _, (report,) = check([images.to_rgb(images.open_picture(path))])
        data: Mapping[str, Any] = report.data
        flagged = flagged or data.get("flagged") is True
        if report.status == "failed":
            failed = True
            data = {**data, "error": report.message()}
            say(ja=f"エラー: {path}: {report.ja}", en=f"error: {path}: {report.en}", file=sys.stderr)
        elif not args.json:
            say(ja=f"{path}: {report.ja}", en=f"{path}: {report.en}")
        if args.json:
            _print(path, data)

    def refuse(path: Path, error: InputError) -> None:
        say(ja=f"エラー: {error.ja}", en=f"error: {error.en}", file=sys.stderr)
        if args.json:
            _print(path, {"checked": False, "error": error.message()})

    readable = look_at(args.files, look, refuse)
    return 2 if not readable else 1 if failed else FLAGGED if flagged else 0


def _print(path: Path, data: Mapping[str, Any]) -> None:
    put(json.dumps({"file": str(path), **data}, ensure_ascii=False))


def _checker(args: argparse.Namespace) -> SafetyCheck:
    from dataclasses import replace

    from sdjp.device import resolve_device
    from sdjp.postprocess import SafetyCheck
    from sdjp.weights import EMBEDDED_MODEL
    from sdjp.weights.parts.safety_checker import load_checker

    check = SafetyCheck(adjustment=args.safety_adjustment)  # a wrong number costs no loading
    if args.safety_checker is None and args.model is None:
        raise InputError(
            "safety_checker.which",
            ja="どの安全性チェッカーで調べるかを、--safety-checker（ファイルかフォルダー）か"
            " --model（チェッカーの付いたモデル）で指定してください。",
            en="say which safety checker is to look: --safety-checker (a file or folder) or --model (a model "
            "that ships one).",
        )
    checker = load_checker(
        args.safety_checker, model=args.model or EMBEDDED_MODEL, device=resolve_device(args.device)
    )
    if checker is None:
        raise WeightsError(
            "safety_checker.none",
            ja=f"モデル {args.model} に安全性チェッカーは付属していません。"
            "--safety-checker でファイルかフォルダーを指定してください。",
            en=f"the model {args.model} ships no safety checker. Give one with --safety-checker.",
        )
    return replace(check, checker=checker)
