"""``sdjp upscale``: enlarge pictures and draw in what was too small."""

from __future__ import annotations

import argparse

from sdjp import errors
from sdjp.cli.image_prompts import image_prompt_options, open_image_prompts
from sdjp.cli.options import (
    check_names,
    file_form,
    generation_arguments,
    lora_option,
    make_pipeline,
    model_options,
    output_folder,
    preset_options,
    sampling_options,
    tile_options,
    translation_options,
    turbo_of,
    upscaler_option,
    with_turbo,
)
from sdjp.cli.parser import Parser
from sdjp.cli.report import (
    announce_checks,
    announce_image_prompt,
    announce_prompt,
    announce_turbo,
    announce_unused,
)
from sdjp.cli.speech import say
from sdjp.errors import InputError


def parser() -> Parser:
    """The options of ``sdjp upscale``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp upscale",
        description="Enlarge pictures and redraw them in tiles (only enlarge them: --upscaler, --strength 0)."
        if en
        else "絵を拡大し、タイルに分けて描き込みます（--upscaler と --strength 0 なら拡大だけします）。",
    )
    options.option("files", nargs="+", metavar="FILE", ja="拡大する絵", en="the pictures")
    options.option("--prompt", ja="何の絵か（省略すると、sdjp が PNG に記録したプロンプト）",
                   en="what is in them (if left out, the prompt that sdjp wrote into the PNG)")  # fmt: skip
    options.generation("negative_prompt", "--negative", metavar="PROMPT")
    options.option("--factor", type=float, default=2.0, metavar="X", ja="何倍にするか（1〜8）",
                   en="how many times larger, 1 to 8")  # fmt: skip
    options.generation("strength", "--strength", default=None,
                       ja="どのくらい描き直すか（0〜1。省略時は 0.3、付属のモデルは 0）",
                       en="how much is replaced, 0 to 1 (0.3 if left out; 0 with the embedded model)",
                       )  # fmt: skip
    upscaler_option(options)
    tile_options(options)
    sampling_options(options)
    preset_options(options)
    translation_options(options)
    image_prompt_options(options)
    output_folder(options)
    lora_option(options)
    model_options(options)
    return options


def run(args: argparse.Namespace) -> int:
    """Enlarge every picture; all are looked at before the model is loaded."""
    from sdjp.config import MINI
    from sdjp.generation.job import Inputs
    from sdjp.generation.refusals import check_enlarged_only
    from sdjp.generation.settle import check_ahead
    from sdjp.images import check_folder, check_size, open_picture
    from sdjp.options import GenerationOptions, check_factor, enlarging
    from sdjp.weights import EMBEDDED_MODEL

    check_factor(args.factor)
    form = file_form(args)
    if args.strength is None:
        own = MINI.defaults.upscaler if args.model == EMBEDDED_MODEL else None
        args.upscaler, args.strength = enlarging(args.upscaler, default=own, strength=0.3)
    arguments = {**generation_arguments(args), "seed": args.seed}
    redrawn = args.upscaler is None or args.strength != 0
    if not redrawn:
        drawing = ("turbo", "preset", "loras", "image_prompt")
        check_enlarged_only([name for name in drawing if getattr(args, name)])
    prompts = [_prompt(file, needed=redrawn) if args.prompt is None else args.prompt for file in args.files]
    check_ahead(GenerationOptions(prompt=None, upscaler=args.upscaler))  # the file is looked at once
    for file, prompt in zip(args.files, prompts, strict=True):
        turbo = None
        if redrawn:
            check_names(args, prompt or "")
            turbo = turbo_of(args, prompt or "")
        given = {**with_turbo(arguments, turbo), "overlap": None, "upscaler": None}
        check_ahead(GenerationOptions(prompt=prompt, **given), Inputs(image=file))
        if args.picture_format != "png":
            check_size(args.picture_format, *(round(x * args.factor) for x in open_picture(file).size))
    shown = open_image_prompts(args)
    folder = check_folder(args.outdir)

    pipe = make_pipeline(args)
    announced: set[str] = set()
    for file, prompt in zip(args.files, prompts, strict=True):
        turbo = turbo_of(args, prompt or "") if redrawn else None
        result = pipe.upscale(file, prompt, factor=args.factor, **shown, **with_turbo(arguments, turbo))
        if args.prompt is None and prompt is not None:
            say(ja=f"プロンプト（{file} の記録から）: {prompt}", en=f"prompt (recorded in {file}): {prompt}")
        if result.prompts[0] is not None:
            announce_prompt(result.prompts[0])
        announce_unused(result)
        announce_turbo(turbo, result.options, announced)
        announce_image_prompt(result)
        announce_checks(result, announced, verbose=args.verbose)
        for path, seed in zip(result.save(folder, **form), result.seeds, strict=True):
            size = "×".join(map(str, result.image.size))
            ja, en = (f"、シード {seed}", f", seed {seed}") if redrawn else ("", "")
            say(ja=f"保存しました: {path}（{size}{ja}）", en=f"saved: {path} ({size}{en})")
    return 0


def _prompt(file: str, *, needed: bool) -> str | None:
    """The prompt that a PNG of ours was drawn from; None where there is none, and none is needed."""
    from sdjp.images import read_metadata

    options = read_metadata(file).options
    if options is None or not isinstance(options.prompt, str):
        if not needed:
            return None
        raise InputError(
            "prompt.missing",
            ja=f"{file} にはプロンプトの記録がありません。--prompt で何の絵かを指定してください。",
            en=f"no prompt is recorded in {file}. Say with --prompt what is in the picture.",
        )
    return options.prompt
