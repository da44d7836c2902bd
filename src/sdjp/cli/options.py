"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from sdjp.cli.parser import Parser

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

EMA: Final[dict[str, Any]] = {"auto": "auto", "true": True, "false": False}


def text_options(parser: Parser) -> None:
    """Where prompts come from and how they are translated."""
    parser.option("--from-file", metavar="F", ja="1 行に 1 つのプロンプトを書いたファイル（- は標準入力）",
                  en="a file with one prompt on each line (- is standard input)")  # fmt: skip
    parser.option("--translator", default="lexicon", ja="翻訳の方法: lexicon、passthrough、marian:フォルダー",
                  en="lexicon, passthrough, or marian:FOLDER")  # fmt: skip
    parser.option("--translate", choices=("auto", "always", "never"), default="auto",
                  ja="いつ翻訳するか（auto は日本語の部分だけ）",
                  en="when to translate (auto: what is Japanese)")  # fmt: skip


def model_options(parser: Parser) -> None:
    """Which model, how it is loaded, and what happens to finished pictures."""
    parser.option("--model", "--ckpt", dest="model", default="mini", metavar="M",
                  ja="モデル: 付属の mini、.ckpt、.safetensors、diffusers のフォルダー、hub の名前",
                  en="the embedded mini, a .ckpt, .safetensors, diffusers folder or hub id")  # fmt: skip
    parser.option("--config", metavar="F", ja="モデルの構成を書いた元の実装の YAML（省略時は重みから調べる）",
                  en="YAML of the original (told from the weights, if left out)")  # fmt: skip
    parser.option("--ema", choices=("auto", "true", "false"), default="auto", ja="EMA の重みを使うか",
                  en="whether to use EMA weights")  # fmt: skip
    parser.option("--device", default="auto", ja="auto、cpu、cuda、mps", en="auto, cpu, cuda, mps")
    parser.option(
        "--dtype",
        default="auto",
        ja="auto、float32、float16、bfloat16",
        en="auto, float32, float16, bfloat16",
    )
    parser.option("--precision", dest="dtype", type=_precision, metavar="{full,autocast}",
                  ja="full は --dtype float32、autocast は auto と同じ",
                  en="full is --dtype float32, autocast is auto")  # fmt: skip
    parser.option("--safety", choices=("flag", "blur", "black", "off"), default="flag",
                  ja="安全性チェックの結果の扱い",
                  en="what to do with flagged pictures")  # fmt: skip
    parser.option(
        "--watermark",
        metavar="TEXT",
        default=None,
        ja="不可視の透かしに入れる文字列",
        en="text of the invisible watermark",
    )
    parser.option("--no-watermark", action="store_true", ja="透かしを入れない", en="no watermark")


def make_pipeline(args: argparse.Namespace) -> Pipeline:
    """Load what :func:`text_options` and :func:`model_options` name."""
    from sdjp.pipeline import Pipeline

    return Pipeline.from_pretrained(
        args.model,
        device=args.device,
        dtype=args.dtype,
        ema=EMA[args.ema],
        config=args.config,
        translator=args.translator,
        safety=args.safety,
        watermark=False if args.no_watermark else True if args.watermark is None else args.watermark,
    )


def _precision(value: str) -> str:
    names = {"full": "float32", "autocast": "auto"}
    if value not in names:
        raise argparse.ArgumentTypeError(f"invalid choice: {value!r} (choose from full, autocast)")
    return names[value]
