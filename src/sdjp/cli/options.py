"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from sdjp.cli.addons import addon_folders
from sdjp.cli.parser import Parser
from sdjp.cli.watermarks import watermark_argument, watermark_options

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

EMA: Final[dict[str, Any]] = {"auto": "auto", "true": True, "false": False}


def text_options(parser: Parser) -> None:
    """Where prompts come from and how they are translated."""
    parser.option("--from-file", metavar="F", ja="1 行に 1 つのプロンプトを書いたファイル（- は標準入力）",
                  en="a file with one prompt on each line (- is standard input)")  # fmt: skip
    translation_options(parser)


def translation_options(parser: Parser) -> None:
    """How prompts are translated."""
    parser.option("--translator", default="auto",
                  ja="翻訳の方法: auto（combined。日本語を読むモデルでは訳さない）、combined（辞書と付属の"
                     "翻訳モデル）、combined:F、lexicon（辞書だけ）、marian:F、passthrough（訳さない）、"
                     "adapter（訳さず、モデルのアダプターが日本語を読む）、adapter:F",
                  en="auto (combined; none if the model reads Japanese), combined (the lexicon and the "
                     "translation model that ships), combined:F, lexicon, marian:F, passthrough, "
                     "adapter (none: the model's adapter reads Japanese), adapter:F")  # fmt: skip
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
    parser.option("--engine", default="auto",
                  ja="計算の方法: auto、eager、packed、compile（g++ などが必要）、openvino",
                  en="how to compute: auto, eager, packed, compile (needs g++), openvino")  # fmt: skip
    parser.option("--memory", default="normal", metavar="M",
                  ja="メモリーの節約: normal、low（全部）、または sequential、slices、tiles をコンマで並べる",
                  en="normal, low (all savings), or some of sequential, slices, tiles: a,b")  # fmt: skip
    parser.option("--low-memory", dest="memory", action="store_const", const="low",
                  ja="--memory low と同じ", en="the same as --memory low")  # fmt: skip
    addon_folders(parser)
    parser.option("--safety", choices=("flag", "blur", "black", "off"), default="flag",
                  ja="安全性チェックの結果の扱い（flag は知らせるだけ、off は調べない）",
                  en="what to do with flagged pictures (flag: only say so, off: do not look)")  # fmt: skip
    safety_options(parser)
    parser.option("--prompt-check", choices=("flag", "refuse", "off"), default="flag",
                  ja="プロンプトに注意する語があるとき（flag は知らせるだけ、refuse は描かない）",
                  en="words of a list in the prompt (flag: only say so, refuse: do not draw)")  # fmt: skip
    parser.option("--prompt-words", metavar="F", ja="その語の一覧に足すファイル（タブ区切り）",
                  en="a file of more such words (language, word, category with tabs)")  # fmt: skip
    watermark_options(parser)


def safety_options(parser: Parser) -> None:
    """Which safety checker, and how strict."""
    parser.option("--safety-checker", metavar="F",
                  ja="安全性チェッカー: ファイル、フォルダー、hub の名前（省略時はモデル付属のもの）",
                  en="safety checker: a file, folder or hub id (the model's own, if left out)")  # fmt: skip
    parser.option("--safety-adjustment", "--safety-threshold", dest="safety_adjustment", type=float,
                  default=0.0, metavar="X", ja="安全性チェックの調整（-1〜1、大きいほど厳しい）",
                  en="added to the scores of the safety checker, -1 to 1; larger is stricter")  # fmt: skip


def make_pipeline(args: argparse.Namespace) -> Pipeline:
    """Load what :func:`text_options` and :func:`model_options` name."""
    from sdjp.pipeline import Pipeline

    return Pipeline.from_pretrained(
        args.model,
        device=args.device,
        dtype=args.dtype,
        engine=args.engine,
        memory=args.memory,
        ema=EMA[args.ema],
        config=args.config,
        translator=args.translator,
        safety=args.safety,
        safety_checker=args.safety_checker,
        safety_adjustment=args.safety_adjustment,
        prompt_check=args.prompt_check,
        prompt_words=args.prompt_words,
        watermark=watermark_argument(args),
        lora_dir=args.lora_dir,
        embeddings_dir=args.embeddings_dir,
    )


def _precision(value: str) -> str:
    names = {"full": "float32", "autocast": "auto"}
    if value not in names:
        raise argparse.ArgumentTypeError(f"invalid choice: {value!r} (choose from full, autocast)")
    return names[value]
