"""``sdjp convert``: weights from one layout to another."""

from __future__ import annotations

import argparse

from sdjp import errors
from sdjp.cli.options import EMA
from sdjp.cli.parser import Parser
from sdjp.cli.speech import say


def parser() -> Parser:
    """The options of ``sdjp convert``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp convert",
        description="Convert a checkpoint: to .safetensors (original names), or to a diffusers folder."
        if en
        else "重みを変換します。B が .safetensors なら元の名前で、"
        "そうでなければ diffusers のフォルダーとして書き出します。",
    )
    options.option("source", metavar="A", ja="変換する重み", en="the weights to convert")
    options.option("target", metavar="B", ja="書き出す先", en="where to write")
    options.option("--dtype", choices=("float32", "float16", "bfloat16"), ja="書き出す型（省略時はそのまま）",
                  en="dtype to write (as it is, if left out)")  # fmt: skip
    options.option("--ema", choices=tuple(EMA), default="auto", ja="EMA の重みを使うか",
                  en="whether to use EMA weights")  # fmt: skip
    options.option(
        "--overwrite", action="store_true", ja="すでにあれば置き換える", en="replace what is there"
    )
    return options


def run(args: argparse.Namespace) -> int:
    """Convert and say what was written."""
    from sdjp import weights

    report = weights.convert(
        args.source, args.target, dtype=args.dtype, ema=EMA[args.ema], overwrite=args.overwrite
    )
    used = {True: ("EMA の重み", "EMA weights"), False: ("通常の重み", "plain weights")}[report.ema_used]
    say(ja=f"{args.target} に書き出しました（{used[0]}）。", en=f"wrote {args.target} ({used[1]}).")
    return 0
