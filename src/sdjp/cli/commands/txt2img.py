"""``sdjp txt2img``: the original's ``scripts/txt2img.py``, flag for flag."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sdjp import errors
from sdjp.cli.options import generation_arguments
from sdjp.cli.original import (
    LAION,
    PROMPT,
    V1,
    check_original,
    draw_all,
    find_model,
    load,
    original_options,
    together,
)
from sdjp.cli.original_noise import Stream
from sdjp.cli.parser import Parser

if TYPE_CHECKING:
    from sdjp.result import GenerationResult

SIDE = 512


def parser() -> Parser:
    """The options of ``sdjp txt2img``: those of the original with its defaults, and some of sdjp."""
    options = Parser(
        prog="sdjp txt2img",
        description="Draw as the original txt2img.py does: its flags, defaults, file names and random "
        f"numbers. Model: {V1.ckpt}, {V1.config}; the embedded one with --ckpt mini."
        if errors.get_language() == "en"
        else "元の txt2img.py と同じフラグ、既定値、ファイル名、乱数で描きます。"
        f"モデルは {V1.ckpt} と {V1.config}（付属のモデルを使うには --ckpt mini）。",
    )
    original_options(options, outdir="outputs/txt2img-samples", n_iter=2, n_samples=3, scale=7.5)
    options.option("--dpm_solver", action="store_true", ja="DPM-Solver を使う", en="DPM-Solver")
    options.option("--laion400m", action="store_true", ja=f"LAION-400M のモデル（{LAION.ckpt}）を使う",
                   en=f"the model of LAION-400M ({LAION.ckpt})")  # fmt: skip
    options.generation("height", "--H", metavar="PX", ja=f"高さ（{SIDE}。付属のモデルでは 256）",
                   en=f"height ({SIDE}; 256 with the embedded model)")  # fmt: skip
    options.generation("width", "--W", metavar="PX", ja=f"幅（{SIDE}。付属のモデルでは 256）",
                   en=f"width ({SIDE}; 256 with the embedded model)")  # fmt: skip
    return options


def run(args: argparse.Namespace) -> int:
    """Draw as the original does."""
    from sdjp.generation.settle import check_ahead
    from sdjp.options import GenerationOptions
    from sdjp.weights import EMBEDDED_MODEL

    if args.laion400m:
        args.default_outdir = "outputs/txt2img-samples-laion400m"
    check_original(args)
    # As in the original, where DPM-Solver is asked first.
    sampler = "dpm_solver" if args.dpm_solver else "plms" if args.plms else "ddim"
    side = None if args.model == EMBEDDED_MODEL else SIDE
    arguments = {
        **generation_arguments(args),
        "height": side if args.height is None else args.height,
        "width": side if args.width is None else args.width,
        "sampler": sampler,
        "spacing": None if sampler == "dpm_solver" else "compvis",
    }
    check_ahead(
        GenerationOptions(prompt=PROMPT if args.prompt is None else args.prompt, seed=args.seed, **arguments)
    )
    find_model(args, LAION if args.laion400m else V1)
    pipe = load(args)
    stream = Stream(args.seed, rows=args.n_samples, kept=(args.fixed_code,))

    def generate(batch: list[str]) -> GenerationResult:
        return pipe.generate(
            **together(batch), seed=args.seed, noise=stream, on_step=stream.step, **arguments
        )

    return draw_all(args, pipe, generate, stream, sampler)
