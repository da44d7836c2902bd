"""``sdjp PROMPT``: draw, save each picture as soon as it is finished, say where."""

from __future__ import annotations

import argparse
import itertools
from typing import TYPE_CHECKING

from sdjp import errors
from sdjp.cli import COMMANDS
from sdjp.cli.controls import control_options, open_controls
from sdjp.cli.image_prompts import image_prompt_options, open_image_prompts
from sdjp.cli.options import (
    check_names,
    file_form,
    generation_arguments,
    lora_option,
    make_pipeline,
    model_options,
    open_pictures,
    output_folder,
    picture_options,
    preset_options,
    sampling_options,
    text_options,
    turbo_of,
    wildcards_option,
    with_turbo,
)
from sdjp.cli.overlays import asked_words, attention_option, check_words, save_overlays
from sdjp.cli.parser import Parser
from sdjp.cli.picture_record import announce_model, take_record
from sdjp.cli.prompts import all_drawable, check_translator, drawable, prompts
from sdjp.cli.report import (
    Output,
    announce_image_prompt,
    announce_negative,
    announce_prompt,
    announce_turbo,
    announce_unused,
)
from sdjp.cli.speech import say_stopped
from sdjp.cli.templates import check_templates, expanded
from sdjp.errors import InputError

if TYPE_CHECKING:
    pass


def parser() -> Parser:
    """The options of ``sdjp PROMPT``; flags of the original that mean the same are aliases."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp",
        usage='sdjp "an astronaut riding a horse" [options]\n       sdjp COMMAND --help'
        if en
        else 'sdjp "馬に乗る宇宙飛行士" [オプション]\n        sdjp コマンド --help',
        description="Draw a picture from a Japanese (or English) prompt.\n\ncommands:\n"
        if en
        else "日本語（または英語）のプロンプトから絵を描きます。\n\nコマンド:\n",
    )
    options.description = f"{options.description}{_commands()}"
    options.option("prompt", nargs="?", ja="描きたいもの", en="what to draw")
    options.option("--prompt", dest="prompt_option", metavar="PROMPT",
                  ja="描きたいもの（元の txt2img.py と同じ書き方）",
                  en="what to draw (as in the original txt2img.py)")  # fmt: skip
    text_options(options)
    wildcards_option(options)
    options.option("--from-png", metavar="F",
                  ja="この絵の記録（sdjp の PNG か、AUTOMATIC1111 の web UI の PNG・JPEG・WebP）から"
                     "描き直す。ほかの引数が優先",
                  en="draw again from the record in this picture (a PNG of sdjp, or a PNG, JPEG or WebP of "
                     "AUTOMATIC1111's web UI); what else is given comes first")  # fmt: skip
    options.generation("negative_prompt", "--negative", metavar="PROMPT")
    options.generation("num_images_per_prompt", "-n", "--n_samples", metavar="N")
    options.option(
        "--n_iter", type=int, default=1, metavar="N", ja="それを繰り返す回数", en="how often to do that"
    )
    options.generation("width", "-W", "--W", "--width", metavar="PX")
    options.generation("height", "-H", "--H", "--height", metavar="PX")
    sampling_options(options)
    options.option("--plms", dest="sampler", action="store_const", const="plms", ja="--sampler plms と同じ",
                  en="the same as --sampler plms")  # fmt: skip
    options.option("--dpm_solver", dest="sampler", action="store_const", const="dpm_solver",
                  ja="--sampler dpm_solver と同じ", en="the same as --sampler dpm_solver")  # fmt: skip
    options.generation("spacing", "--spacing", metavar="NAME")
    options.generation("eta", "--eta", "--ddim_eta")
    options.generation("noise_multiplier", "--noise-multiplier")
    preset_options(options)
    picture_options(options)
    control_options(options)
    image_prompt_options(options)
    output_folder(options)
    attention_option(options)
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
        ja="バージョンを表示して終了する",
        en="show the version and stop",
    )
    return options


def _commands() -> str:
    """A line for each command."""
    en = errors.get_language() == "en"
    return "\n".join(f"  {name:10}{about.en if en else about.ja}" for name, about in COMMANDS.items())


def _version() -> str:
    from sdjp._version import __version__

    return f"sdjp {__version__}"


def run(args: argparse.Namespace) -> int:
    """Draw every prompt."""
    from sdjp import checks

    recorded = None if args.from_png is None else take_record(args)
    checks.count("n_iter", args.n_iter, label="繰り返しの回数")
    if args.n_rows is not None and args.n_rows != 0:  # 0 is n_samples, as in the original
        checks.count("n_rows", args.n_rows, label="一覧の横に並べる枚数")
    if args.skip_save and args.skip_grid:
        raise InputError(
            "skip.both",
            ja="--skip_save と --skip_grid を両方指定すると何も保存されません。どちらかを外してください。",
            en="with --skip_save and --skip_grid together nothing would be saved: leave one out.",
        )
    file_form(args)
    words = asked_words(args)
    texts = prompts(args)
    first = next(texts)
    check_translator(args, first)

    from sdjp.generation.job import Inputs
    from sdjp.generation.settle import check_ahead
    from sdjp.images import check_folder
    from sdjp.options import GenerationOptions

    arguments = {**generation_arguments(args), "attention": bool(words)}
    pictures = {**open_pictures(args), **open_image_prompts(args), "controls": open_controls(args)}
    check_templates(args, negative_prompt=args.negative_prompt)
    ahead = expanded(args, first, args.seed, arguments)
    for prompt in ahead.prompts:
        check_names(args, prompt)
    turbo = turbo_of(args, ahead.prompts[0])
    check_ahead(  # a slip costs no loading
        GenerationOptions(**with_turbo(dict(ahead.arguments), turbo)), Inputs(**pictures)
    )
    folder = check_folder(args.outdir)

    pipe = make_pipeline(args)
    if recorded is not None:
        announce_model(recorded, model=pipe.config.name, vae=pipe.runtime.vae)
    if args.from_file is None and args.embeddings_dir is None and not ahead.templates:
        # Else some prompts may have them, or a name.
        check_words(args, pipe, first, words)
    output, stopped = Output(verbose=args.verbose, form=file_form(args)), False
    seed = args.seed
    try:
        for text in drawable(args, pipe, itertools.chain([first], texts)):
            for _ in range(args.n_iter):
                chosen = expanded(args, text, seed, arguments)
                if chosen.templates and not all_drawable(args, pipe, text, chosen.prompts):
                    break
                turbo = turbo_of(args, chosen.prompts[0])
                given = with_turbo(dict(chosen.arguments), turbo)
                before = output.count
                for result in pipe.stream(**pictures, **given):
                    anew = output.count == before or bool(chosen.templates)
                    if anew and result.prompts[0] is not None:
                        announce_prompt(result.prompts[0])
                    if anew and result.negative_prompts[0] is not None:
                        announce_negative(result.negative_prompts[0], output.announced)
                    if output.count == before:
                        announce_unused(result)
                        announce_turbo(turbo, result.options, output.announced)
                        announce_image_prompt(result)
                    result = chosen.noted(result)
                    paths = output.take(result, None if args.skip_save else folder)
                    save_overlays(result, paths, words)
                seed = None if seed is None else seed + args.num_images_per_prompt
    except KeyboardInterrupt:
        stopped = True
        say_stopped(0 if args.skip_save else output.count)
    if (output.count > 1 or args.skip_save) and output.kept and not args.skip_grid:
        output.save_grid(folder, columns=args.n_rows or args.num_images_per_prompt)
    return 130 if stopped else 0
