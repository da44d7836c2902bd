"""``sdjp img2img``: the original's ``scripts/img2img.py``, flag for flag."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sdjp import errors
from sdjp.cli.options import generation_arguments
from sdjp.cli.original import (
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
from sdjp.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.result import GenerationResult


def parser() -> Parser:
    """The options of ``sdjp img2img``: those of the original with its defaults, and some of sdjp."""
    options = Parser(
        prog="sdjp img2img",
        description="Redraw a picture as the original img2img.py does: its flags, defaults, file names and "
        f"random numbers. Model: {V1.ckpt}, {V1.config}; the embedded one with --ckpt mini."
        if errors.get_language() == "en"
        else "元の img2img.py と同じフラグ、既定値、ファイル名、乱数で、絵を描き直します。"
        f"モデルは {V1.ckpt} と {V1.config}（付属のモデルを使うには --ckpt mini）。",
    )
    options.option("--init-img", "--init_img", dest="init_img", metavar="F", ja="元にする絵",
                   en="the picture to start from")  # fmt: skip
    options.generation("strength", "--strength", ja="変える強さ（0〜1）",
                   en="how much to replace, 0 to 1")  # fmt: skip
    original_options(options, outdir="outputs/img2img-samples", n_iter=1, n_samples=2, scale=5.0)
    return options


def run(args: argparse.Namespace) -> int:
    """Redraw as the original does."""
    from sdjp import images
    from sdjp.generation.job import Inputs
    from sdjp.generation.settle import check_ahead
    from sdjp.options import GenerationOptions

    if args.init_img is None:
        raise InputError(
            "init_img.missing",
            ja="元にする絵を --init-img に指定してください（例: --init-img sketch.png）。",
            en="give the picture to start from with --init-img (for example --init-img sketch.png).",
        )
    check_original(args)
    picture = images.to_rgb(images.open_picture(args.init_img, name="init_img"))
    sampler = "plms" if args.plms else "ddim"
    arguments = {
        **generation_arguments(args),
        "sampler": sampler,
        "spacing": "compvis",
        "strength_rule": "compvis",
    }
    prompt = PROMPT if args.prompt is None else args.prompt
    check_ahead(GenerationOptions(prompt=prompt, seed=args.seed, **arguments), Inputs(image=picture))
    find_model(args)
    pipe = load(args)
    picture = cut(picture, pipe.config.vae.factor)
    # The original encodes the picture once, and noises it anew for each batch.
    stream = Stream(args.seed, rows=args.n_samples, kept=(True, args.fixed_code))

    def generate(batch: list[str]) -> GenerationResult:
        return pipe.generate(
            **together(batch),
            image=picture,
            height=picture.height,
            width=picture.width,
            seed=args.seed,
            noise=stream,
            on_step=stream.step,
            **arguments,
        )

    return draw_all(args, pipe, generate, stream, sampler)


def cut(picture: Image, factor: int) -> Image:
    """Shrink the sides to multiples of ``factor``, as the original does to multiples of 32 (Lanczos).

    Raises:
        InputError: If one is smaller than that.
    """
    from sdjp import images

    width, height = (side - side % factor for side in picture.size)
    if not (width and height):
        raise InputError(
            "init_img.small",
            ja=f"--init-img の絵が小さすぎます（{picture.width}×{picture.height}）。"
            f"縦も横も {factor} 画素以上にしてください。",
            en=f"the picture of --init-img is too small ({picture.width}×{picture.height}): "
            f"it needs {factor} pixels or more on each side.",
        )
    return images.fit_picture(picture, height=height, width=width, fit="stretch")
