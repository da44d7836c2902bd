"""``sdjp evaluate``: models over guidance scales, measured, as a table and a figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdjp import errors
from sdjp.cli.options import model_arguments, model_options, text_options
from sdjp.cli.parser import Parser
from sdjp.cli.prompts import prompts
from sdjp.cli.report import announce_load
from sdjp.cli.speech import put, say
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.evaluation.table import Row


def parser() -> Parser:
    """The options of ``sdjp evaluate``."""
    options = Parser(
        prog="sdjp evaluate",
        description="Draw a file of prompts with each model at each guidance scale and measure CLIP score "
        "and Fréchet distance. What is already drawn is kept."
        if errors.get_language() == "en"
        else "プロンプトのファイルを、モデルごと・ガイダンスの強さごとに描き、CLIP スコアとフレシェ距離を"
        "測ります。途中で止めても、描き終えた画像から続けられます。",
    )
    options.option("prompt", nargs="?", ja="プロンプト（ふつうは --from-file を使う）",
                   en="a prompt (usually --from-file)")  # fmt: skip
    text_options(options)
    model_options(options)
    options.option("--models", nargs="+", metavar="M", ja="比べるモデル（省略時は --model の 1 つ）",
                   en="the models to compare (the one of --model, if left out)")  # fmt: skip
    options.option("--scales", default="1.5,2,3,4,5,6,7,8", metavar="S,S,…", ja="ガイダンスの強さ",
                   en="guidance scales")  # fmt: skip
    options.option("--steps", type=int, default=50, metavar="S", ja="ステップ数", en="steps")
    options.option("--sampler", default="plms", metavar="NAME", ja="サンプラー", en="sampler")
    options.option(
        "--seed", type=int, default=42, ja="シード（i 行目はシード + i）", en="line i has seed + i"
    )
    options.option("-W", "--width", type=int, metavar="PX", ja="幅", en="width")
    options.option("-H", "--height", type=int, metavar="PX", ja="高さ", en="height")
    options.option("--batch-size", type=int, default=1, metavar="N", ja="一度に描く枚数",
                   en="pictures drawn together")  # fmt: skip
    options.option("--workers", type=int, metavar="N",
                   ja="ワーカーの数（省略時はプロセッサーか GPU の数）",
                   en="workers (as many as processors or GPUs, if left out)")  # fmt: skip
    options.option("--clip", metavar="DIR", ja="CLIP のフォルダー（Hugging Face 形式）か Hub の名前",
                   en="a CLIP folder as Hugging Face has it, or a hub id")  # fmt: skip
    options.option("--inception", metavar="F", ja="FID 用 Inception v3 の重み（標準の FID になる）",
                   en="weights of FID's Inception v3: makes the Fréchet distance the usual FID")  # fmt: skip
    options.option("--reference", metavar="DIR", ja="比較する実際の画像のフォルダー",
                   en="folder of real pictures to compare with")  # fmt: skip
    options.option("--outdir", "--out", "-o", default="evaluation", metavar="D", ja="保存先のフォルダー",
                   en="where to write")  # fmt: skip
    options.option("--no-plot", action="store_true", ja="図を描かない（matplotlib なしで使える）",
                   en="draw no figure (needs no matplotlib)")  # fmt: skip
    return options


def run(args: argparse.Namespace) -> int:
    """Evaluate and say where the table is."""
    texts = tuple(prompts(args))
    scales = _scales(args.scales)
    from sdjp.batch import Engine

    engine = Engine(workers=args.workers, batch=args.batch_size)
    if args.inception is not None and args.reference is None:
        raise InputError(
            "evaluate.no_reference",
            ja="--inception は --reference（比較する画像のフォルダー）と一緒に指定してください。",
            en="--inception needs --reference, the folder of real pictures.",
        )
    from sdjp.evaluation import plot
    from sdjp.evaluation.features import ClipFeatures, InceptionFeatures
    from sdjp.evaluation.run import Settings, Watch, evaluate

    if not args.no_plot:
        plot.check_plot()
    model = model_arguments(args)
    model.pop("source")
    settings = Settings(
        prompts=texts,
        scales=scales,
        num_inference_steps=args.steps,
        sampler=args.sampler,
        seed=args.seed,
        height=args.height,
        width=args.width,
        translate=args.translate,
    )
    folder = Path(args.outdir)
    rows = evaluate(
        args.models or [args.model],
        settings,
        folder,
        model=model,
        clip=None if args.clip is None else ClipFeatures(args.clip),
        seen_by=None if args.inception is None else InceptionFeatures(args.inception),
        reference=None if args.reference is None else Path(args.reference),
        engine=engine,
        watch=Watch(loaded=announce_load, progress=_progress, failed=_failed),
    )
    put((folder / "results.md").read_text(encoding="utf-8").rstrip("\n"))
    say(ja=f"結果: {folder / 'results.json'}", en=f"results: {folder / 'results.json'}")
    if not args.no_plot:
        path = plot.plot(rows, folder / "results.png")
        say(ja=f"図: {path}", en=f"figure: {path}")
    return _whole(rows)


def _progress(model: str, done: int, total: int) -> None:
    say(ja=f"{model}: {done}/{total} 枚", en=f"{model}: {done}/{total}")


def _failed(model: str, prompt: str, scale: float, error: Mapping[str, str]) -> None:
    say(
        ja=f"{model} ×{scale:g} 「{prompt}」は描けませんでした: {error['ja']}",
        en=f"{model} ×{scale:g} '{prompt}' could not be drawn: {error['en']}",
        file=sys.stderr,
    )


def _whole(rows: Sequence[Row]) -> int:
    """Say what is not in the figures; 0 if everything is."""
    failed = sum(row.failed for row in rows)
    if not failed:
        return 0
    say(
        ja=f"描けなかった {failed:,} 枚は、数値に入っていません。表の枚数のところに、測った枚数と全部の枚数が"
        "あります。同じコマンドをもう一度実行すると、描けなかった絵をあらためて試します。",
        en=f"{failed:,} pictures that could not be drawn are not in the figures: the table shows how "
        "many were measured, of how many. Run the same command again to try them once more.",
        file=sys.stderr,
    )
    return 2


def _scales(text: str) -> tuple[float, ...]:
    try:
        scales = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise InputError(
            "evaluate.scales",
            ja=f"--scales は数をコンマで区切って指定してください（例: 1.5,2,3。指定された値: {text}）。",
            en=f"--scales takes numbers with commas between, such as 1.5,2,3, not {text}.",
        ) from error
    return tuple(dict.fromkeys(scales))
