"""``sdjp upscale``: enlarge pictures and draw in what was too small."""

from __future__ import annotations

import argparse

from sdjp import errors
from sdjp.cli.addons import announce_unused, check_names, lora_argument, lora_option
from sdjp.cli.checks import announce_checks
from sdjp.cli.options import make_pipeline, model_options, translation_options
from sdjp.cli.parser import Parser
from sdjp.cli.pictures import tile_options
from sdjp.cli.shortcuts import preset_options, shortcut_arguments
from sdjp.cli.speech import say
from sdjp.errors import InputError


def parser() -> Parser:
    """The options of ``sdjp upscale``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp upscale",
        description="Enlarge pictures and redraw them in tiles."
        if en
        else "絵を拡大し、タイルに分けて描き込みます。",
    )
    options.option("files", nargs="+", metavar="FILE", ja="拡大する絵", en="the pictures")
    options.option("--prompt", ja="何の絵か（省略すると、sdjp が PNG に記録したプロンプト）",
                   en="what is in them (if left out, the prompt that sdjp wrote into the PNG)")  # fmt: skip
    options.option("--negative", metavar="PROMPT", ja="描いてほしくないもの", en="what should not be there")
    options.option("--factor", type=float, default=2.0, metavar="X", ja="何倍にするか（1〜8）",
                   en="how many times larger, 1 to 8")  # fmt: skip
    options.option("--strength", type=float, default=0.3, ja="変える強さ（0〜1）",
                   en="how much to replace, 0 to 1")  # fmt: skip
    tile_options(options)
    options.option("--steps", type=int, metavar="S", ja="ステップ数", en="steps")
    options.option("--scale", type=float, ja="ガイダンスの強さ", en="guidance scale")
    options.option("--sampler", metavar="NAME", ja="サンプラー", en="sampler")
    options.option("--seed", type=int, ja="乱数の種", en="seed")
    preset_options(options)
    translation_options(options)
    options.option("--outdir", "-o", default="out", metavar="D", ja="保存先のフォルダー", en="where to write")
    lora_option(options)
    model_options(options)
    return options


def run(args: argparse.Namespace) -> int:
    """Enlarge every picture; all are looked at before the model is loaded."""
    from sdjp.generation.job import Inputs, check_ahead
    from sdjp.images import check_folder
    from sdjp.types import GenerationOptions, check_enlargement

    check_enlargement("factor", args.factor)
    wanted = {
        "negative_prompt": args.negative,
        "num_inference_steps": args.steps,
        "guidance_scale": args.scale,
        "sampler": args.sampler,
        "seed": args.seed,
        "strength": args.strength,
        "translate": args.translate,
        "tile": args.tile,
        "overlap": args.overlap,
        "loras": lora_argument(args),
        **shortcut_arguments(args),
    }
    prompts = [_prompt(file) if args.prompt is None else args.prompt for file in args.files]
    for file, prompt in zip(args.files, prompts, strict=True):
        options = GenerationOptions(prompt=prompt, **{**wanted, "overlap": None})
        check_ahead(options, Inputs(image=file))
        check_names(args, prompt, wanted["loras"])
    folder = check_folder(args.outdir)

    pipe = make_pipeline(args)
    told: set[str] = set()
    for file, prompt in zip(args.files, prompts, strict=True):
        result = pipe.upscale(file, prompt, factor=args.factor, **wanted)
        announce_unused(result)
        announce_checks(result, told)
        for path in result.save(folder):
            size = "×".join(map(str, result.image.size))
            say(ja=f"保存しました: {path}（{size}）", en=f"saved: {path} ({size})")
    return 0


def _prompt(file: str) -> str:
    """The prompt that a PNG of ours was drawn from."""
    from sdjp.images import read_metadata

    options = read_metadata(file).options
    if options is None or not isinstance(options.prompt, str):
        raise InputError(
            "prompt.missing",
            ja=f"{file} にはプロンプトの記録がありません。--prompt で何の絵かを指定してください。",
            en=f"no prompt is recorded in {file}. Say with --prompt what is in the picture.",
        )
    return options.prompt
