"""``sdjp PROMPT``: draw, save each picture as soon as it is finished, say where."""

from __future__ import annotations

import argparse
import itertools
import sys
from typing import TYPE_CHECKING, Final

from sdjp import errors
from sdjp.cli import COMMANDS
from sdjp.cli.addons import announce_addons, announce_unused, check_names, lora_argument, lora_option
from sdjp.cli.drawn import Drawn
from sdjp.cli.options import make_pipeline, model_options, text_options
from sdjp.cli.parser import Parser
from sdjp.cli.pictures import open_pictures, picture_arguments, picture_options
from sdjp.cli.prompts import prompts
from sdjp.cli.shortcuts import preset_options, shortcut_arguments
from sdjp.cli.speech import say, say_stopped
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.types import PromptInfo

SAMPLERS: Final = "ddim, plms, dpm_solver, dpm++_2m, euler, euler_a"


def parser() -> Parser:
    """The options of ``sdjp PROMPT``; flags of the original that mean the same are aliases."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp",
        usage='sdjp "馬に乗る宇宙飛行士" [options]\n       sdjp COMMAND --help    COMMAND: '
        + ", ".join(COMMANDS),
        description="Draw a picture from a Japanese (or English) prompt."
        if en
        else "日本語（または英語）のプロンプトから絵を描きます。",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    options.option("prompt", nargs="?", ja="描きたいもの", en="what to draw")
    options.option("--prompt", dest="prompt_option", metavar="PROMPT",
                  ja="描きたいもの（元の txt2img.py と同じ書き方）",
                  en="what to draw (as in the original txt2img.py)")  # fmt: skip
    text_options(options)
    options.option("--negative", metavar="PROMPT", ja="描いてほしくないもの", en="what should not be there")
    options.option("-n", "--n_samples", type=int, default=1, metavar="N", ja="1 つのプロンプトで描く枚数",
                  en="pictures for each prompt")  # fmt: skip
    options.option(
        "--n_iter", type=int, default=1, metavar="N", ja="それを繰り返す回数", en="how often to do that"
    )
    options.option("-W", "--W", "--width", dest="width", type=int, metavar="PX", ja="幅", en="width")
    options.option("-H", "--H", "--height", dest="height", type=int, metavar="PX", ja="高さ", en="height")
    options.option(
        "--steps", "--ddim_steps", dest="steps", type=int, metavar="S", ja="ステップ数", en="steps"
    )
    options.option("--scale", type=float, ja="ガイダンスの強さ", en="guidance scale")
    options.option("--sampler", metavar="NAME", ja=f"サンプラー: {SAMPLERS}", en=f"sampler: {SAMPLERS}")
    options.option("--plms", dest="sampler", action="store_const", const="plms", ja="--sampler plms と同じ",
                  en="the same as --sampler plms")  # fmt: skip
    options.option("--dpm_solver", dest="sampler", action="store_const", const="dpm_solver",
                  ja="--sampler dpm_solver と同じ", en="the same as --sampler dpm_solver")  # fmt: skip
    options.option("--spacing", metavar="NAME", ja="タイムステップの取り方（compvis は元の実装と同じ）",
                  en="choice of timesteps (compvis: as the original)")  # fmt: skip
    options.option(
        "--eta", "--ddim_eta", dest="eta", type=float, default=0.0, ja="DDIM の eta", en="eta of DDIM"
    )
    options.option(
        "--seed", type=int, ja="乱数の種（同じ種なら同じ絵）", en="the same seed gives the same picture"
    )
    preset_options(options)
    picture_options(options)
    options.option("--outdir", "-o", default="out", metavar="D", ja="保存先のフォルダー", en="where to write")
    options.option("--skip_grid", action="store_true", ja="一覧の絵を作らない", en="write no grid")
    options.option(
        "--skip_save", action="store_true", ja="1 枚ずつの絵を保存しない", en="write no single pictures"
    )
    options.option(
        "--n_rows", type=int, metavar="N", ja="一覧の横に並べる枚数", en="pictures in a row of the grid"
    )
    lora_option(options)
    model_options(options)
    options.option(
        "--version",
        action="version",
        version=_version(),
        ja="版を表示して終わる",
        en="show the version and stop",
    )
    return options


def _version() -> str:
    from sdjp import __version__

    return f"sdjp {__version__}"


def run(args: argparse.Namespace) -> int:
    """Draw every prompt."""
    from sdjp.generation.job import Inputs, check_ahead
    from sdjp.images import check_folder
    from sdjp.types import GenerationOptions, check_count

    check_count(args.n_iter, "n_iter")
    if args.n_rows is not None and args.n_rows != 0:  # 0 is n_samples, as in the original
        check_count(args.n_rows, "n_rows")
    if args.skip_save and args.skip_grid:
        raise InputError(
            "skip.both",
            ja="--skip_save と --skip_grid を両方指定すると何も保存されません。どちらかを外してください。",
            en="with --skip_save and --skip_grid together nothing would be saved: leave one out.",
        )
    texts = prompts(args)
    first = next(texts)
    wanted = {
        "negative_prompt": args.negative,
        "height": args.height,
        "width": args.width,
        "num_inference_steps": args.steps,
        "guidance_scale": args.scale,
        "sampler": args.sampler,
        "spacing": args.spacing,
        "eta": args.eta,
        "num_images_per_prompt": args.n_samples,
        "translate": args.translate,
        "loras": lora_argument(args),
        **shortcut_arguments(args),
        **picture_arguments(args),
    }
    pictures = open_pictures(args)
    check_ahead(  # a slip costs no loading
        GenerationOptions(prompt=first, seed=args.seed, **wanted), Inputs(**pictures)
    )
    check_names(args, first, wanted["loras"])
    folder = check_folder(args.outdir)

    pipe = make_pipeline(args)
    drawn, stopped = Drawn(), False
    seed = args.seed
    try:
        for text in itertools.chain([first], texts):
            for _ in range(args.n_iter):
                stream = pipe.stream(text, seed=seed, **pictures, **wanted)
                before = drawn.count
                for result in stream:
                    if drawn.count == before and result.prompts[0] is not None:
                        announce(result.prompts[0])
                    if drawn.count == before:
                        announce_unused(result)
                    drawn.take(result, None if args.skip_save else folder)
                seed = None if seed is None else seed + args.n_samples
    except KeyboardInterrupt:
        stopped = True
        say_stopped(0 if args.skip_save else drawn.count)
    if (drawn.count > 1 or args.skip_save) and drawn.kept and not args.skip_grid:
        drawn.save_grid(folder, columns=args.n_rows or args.n_samples)
    return 130 if stopped else 0


def announce_neighbours(info: PromptInfo) -> None:
    """Say which words the model has never seen."""
    near = [f"{word} → {instead}" for word, instead in info.neighbours if instead]
    alone = [word for word, instead in info.neighbours if not instead]
    if near:
        say(
            ja=f"このモデルが知らないため、近いもので描いた語: {'、'.join(near)}",
            en=f"never seen by this model, drawn as what is nearest: {', '.join(near)}",
            file=sys.stderr,
        )
    if alone:
        say(
            ja=f"このモデルが知らない語（絵に表れないことがあります）: {'、'.join(alone)}",
            en=f"never seen by this model (they may not show): {', '.join(alone)}",
            file=sys.stderr,
        )


def announce(info: PromptInfo) -> None:
    """Say the text that was drawn, and whatever the user has to know of it."""
    from sdjp.text.script import is_japanese

    japanese = is_japanese(info.english)  # of a model that reads it, or nothing was to be translated
    say(
        ja=f"{'訳さない文' if japanese else '英語'}: {info.english}",
        en=f"{'not translated' if japanese else 'English'}: {info.english}",
    )
    if info.read:
        say(ja=f"アダプターの解釈: {info.read}", en=f"read by the adapter as: {info.read}")
    announce_addons(info)
    if info.unknown:
        words = "、".join(info.unknown)
        say(ja=f"わからなかった語: {words}", en=f"not understood: {words}", file=sys.stderr)
    announce_neighbours(info)
    if info.truncated:
        say(ja=f"入らなかった部分: {info.truncated}", en=f"cut: {info.truncated}", file=sys.stderr)
