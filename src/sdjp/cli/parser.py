"""The options of every command, with their help in Japanese and English.

Every flag of the original txt2img.py that means the same here is an alias of ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from sdjp import errors
from sdjp.cli.speech import say

COMMANDS: Final = ("explain", "convert")
SAMPLERS: Final = "ddim, plms, dpm_solver, dpm++_2m, euler, euler_a"


def _language(argv: Sequence[str]) -> errors.Language:
    """Find ``--lang`` before anything else, so that help and errors come in it."""
    for i, word in enumerate(argv):
        value = word.partition("=")[2] if word.startswith("--lang=") else argv[i + 1 : i + 2]
        if word == "--lang" or word.startswith("--lang="):
            return "en" if "en" in value else "ja"
    return "ja"


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks both languages and never guesses at abbreviated flags."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, add_help=False, **arguments)
        self.option(
            "-h", "--help", action="help", ja="この説明を表示して終わる", en="show this help and stop"
        )
        self.option(
            "--lang", choices=errors.LANGUAGES, default="ja", ja="メッセージの言語", en="language of messages"
        )

    def option(self, *flags: str, ja: str, en: str, **arguments: Any) -> None:
        """Add an argument with its help in both languages."""
        text = en if errors.get_language() == "en" else ja
        self.add_argument(*flags, help=text.replace("%", "%%"), **arguments)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and stop with 2."""
        say(ja=f"エラー: {_japanese(message)}", en=f"error: {message}", file=sys.stderr)
        say(
            ja=f"使い方は {self.prog} --help をご覧ください。",
            en=f"see {self.prog} --help for usage.",
            file=sys.stderr,
        )
        sys.exit(2)


_JAPANESE: Final = (
    ("unrecognized arguments: ", "知らない引数です: "),
    ("the following arguments are required: ", "必要な引数がありません: "),
    ("expected one argument", "値を 1 つ指定してください"),
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


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; ``run`` of the result is the function to call with it."""
    errors.set_language(_language(argv))
    command = argv[0] if argv and argv[0] in COMMANDS else ""
    parser, run = {"": _draw, "explain": _explain, "convert": _convert}[command]()
    args = parser.parse_args(argv[1:] if command else argv)
    args.run = run
    return args


Run = Callable[[argparse.Namespace], int]


def _text_options(parser: Parser) -> None:
    parser.option("--from-file", metavar="F", ja="1 行に 1 つのプロンプトを書いたファイル（- は標準入力）",
                  en="a file with one prompt on each line (- is standard input)")  # fmt: skip
    parser.option("--translator", default="lexicon", ja="翻訳の方法: lexicon、passthrough、marian:フォルダー",
                  en="lexicon, passthrough, or marian:FOLDER")  # fmt: skip
    parser.option("--translate", choices=("auto", "always", "never"), default="auto",
                  ja="いつ翻訳するか（auto は日本語の部分だけ）",
                  en="when to translate (auto: what is Japanese)")  # fmt: skip


def _draw() -> tuple[Parser, Run]:
    from sdjp.cli.draw import run

    en = errors.get_language() == "en"
    parser = Parser(
        prog="sdjp",
        usage='sdjp "馬に乗る宇宙飛行士" [options]\n       sdjp explain "…"\n       sdjp convert A B',
        description="Draw a picture from a Japanese (or English) prompt."
        if en
        else "日本語（または英語）のプロンプトから絵を描きます。",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.option("prompt", nargs="?", ja="描きたいもの", en="what to draw")
    parser.option("--prompt", dest="prompt_option", metavar="PROMPT",
                  ja="描きたいもの（元の txt2img.py と同じ書き方）",
                  en="what to draw (as in the original txt2img.py)")  # fmt: skip
    _text_options(parser)
    parser.option("--negative", metavar="PROMPT", ja="描いてほしくないもの", en="what should not be there")
    parser.option("-n", "--n_samples", type=int, default=1, metavar="N", ja="1 つのプロンプトで描く枚数",
                  en="pictures for each prompt")  # fmt: skip
    parser.option(
        "--n_iter", type=int, default=1, metavar="N", ja="それを繰り返す回数", en="how often to do that"
    )
    parser.option("-W", "--W", "--width", dest="width", type=int, metavar="PX", ja="幅", en="width")
    parser.option("-H", "--H", "--height", dest="height", type=int, metavar="PX", ja="高さ", en="height")
    parser.option("--steps", "--ddim_steps", dest="steps", type=int, metavar="S", ja="ステップ数", en="steps")
    parser.option("--scale", type=float, ja="ガイダンスの強さ", en="guidance scale")
    parser.option("--sampler", metavar="NAME", ja=f"サンプラー: {SAMPLERS}", en=f"sampler: {SAMPLERS}")
    parser.option("--plms", dest="sampler", action="store_const", const="plms", ja="--sampler plms と同じ",
                  en="the same as --sampler plms")  # fmt: skip
    parser.option("--dpm_solver", dest="sampler", action="store_const", const="dpm_solver",
                  ja="--sampler dpm_solver と同じ", en="the same as --sampler dpm_solver")  # fmt: skip
    parser.option("--spacing", metavar="NAME", ja="タイムステップの取り方（compvis は元の実装と同じ）",
                  en="choice of timesteps (compvis: as the original)")  # fmt: skip
    parser.option(
        "--eta", "--ddim_eta", dest="eta", type=float, default=0.0, ja="DDIM の eta", en="eta of DDIM"
    )
    parser.option(
        "--seed", type=int, ja="乱数の種（同じ種なら同じ絵）", en="the same seed gives the same picture"
    )
    parser.option(
        "--init-img",
        "--init_img",
        dest="init_img",
        metavar="F",
        ja="元にする絵",
        en="a picture to start from",
    )
    parser.option("--strength", type=float, default=0.75, ja="元の絵を変える強さ（0〜1）",
                  en="how much of it to replace, 0 to 1")  # fmt: skip
    parser.option("--outdir", "-o", default="out", metavar="D", ja="保存先のフォルダー", en="where to write")
    parser.option("--skip_grid", action="store_true", ja="一覧の絵を作らない", en="write no grid")
    parser.option(
        "--skip_save", action="store_true", ja="1 枚ずつの絵を保存しない", en="write no single pictures"
    )
    parser.option(
        "--n_rows", type=int, metavar="N", ja="一覧の横に並べる枚数", en="pictures in a row of the grid"
    )
    parser.option("--model", "--ckpt", dest="model", default="mini", metavar="M",
                  ja="モデル: 付属の mini、.ckpt、.safetensors、diffusers のフォルダー、hub の名前",
                  en="the embedded mini, a .ckpt, .safetensors, diffusers folder or hub id")  # fmt: skip
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
    parser.option(
        "--version",
        action="version",
        version=_version(),
        ja="版を表示して終わる",
        en="show the version and stop",
    )
    return parser, run


def _version() -> str:
    from sdjp import __version__

    return f"sdjp {__version__}"


def _precision(value: str) -> str:
    names = {"full": "float32", "autocast": "auto"}
    if value not in names:
        raise argparse.ArgumentTypeError(f"invalid choice: {value!r} (choose from full, autocast)")
    return names[value]


def _explain() -> tuple[Parser, Run]:
    from sdjp.cli.explain import run

    en = errors.get_language() == "en"
    parser = Parser(
        prog="sdjp explain",
        description="Show the way a prompt takes: normalized, parts, English, tokens."
        if en
        else "プロンプトがどう読まれるかを表示します（正規化、部分ごとの訳、英語、トークン数）。",
    )
    parser.option("prompt", nargs="?", ja="プロンプト", en="the prompt")
    _text_options(parser)
    parser.option(
        "--json", action="store_true", ja="1 行に 1 つの JSON で出力する", en="one JSON object a line"
    )
    return parser, run


def _convert() -> tuple[Parser, Run]:
    from sdjp.cli.convert import run

    en = errors.get_language() == "en"
    parser = Parser(
        prog="sdjp convert",
        description="Convert a checkpoint: to .safetensors (original names), or to a diffusers folder."
        if en
        else "重みを変換します。B が .safetensors なら元の名前で、"
        "そうでなければ diffusers のフォルダーとして書き出します。",
    )
    parser.option("source", metavar="A", ja="変換する重み", en="the weights to convert")
    parser.option("target", metavar="B", ja="書き出す先", en="where to write")
    parser.option("--dtype", choices=("float32", "float16", "bfloat16"), ja="書き出す型（省略時はそのまま）",
                  en="dtype to write (as it is, if left out)")  # fmt: skip
    parser.option("--ema", choices=("auto", "true", "false"), default="auto", ja="EMA の重みを使うか",
                  en="whether to use EMA weights")  # fmt: skip
    parser.option("--overwrite", action="store_true", ja="すでにあれば置き換える", en="replace what is there")
    return parser, run
