"""``sdjp PROMPT``: draw, save each picture as soon as it is finished, say where."""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sdjp.cli.convert import EMA
from sdjp.cli.prompts import prompts
from sdjp.cli.speech import say
from sdjp.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.result import GenerationResult


def run(args: argparse.Namespace) -> int:
    """Draw every prompt."""
    from sdjp.text.frontend import check_prompt
    from sdjp.types import check_count

    check_count(args.n_iter, "n_iter")
    texts = prompts(args)
    first = next(texts)
    check_prompt(first)  # a slip of the keys costs no loading
    folder = _folder(args.outdir)
    image = None if args.init_img is None else _open(args.init_img)

    from sdjp.pipeline import Pipeline

    pipe = Pipeline.from_pretrained(
        args.model,
        device=args.device,
        dtype=args.dtype,
        ema=EMA[args.ema],
        translator=args.translator,
        safety=args.safety,
        watermark=False if args.no_watermark else True if args.watermark is None else args.watermark,
    )
    results: list[GenerationResult] = []
    stopped = False
    seed = args.seed
    try:
        for text in itertools.chain([first], texts):
            for _ in range(args.n_iter):
                stream = pipe.stream(
                    text,
                    negative_prompt=args.negative,
                    height=args.height,
                    width=args.width,
                    num_inference_steps=args.steps,
                    guidance_scale=args.scale,
                    sampler=args.sampler,
                    spacing=args.spacing,
                    eta=args.eta,
                    seed=seed,
                    num_images_per_prompt=args.n_samples,
                    image=image,
                    strength=args.strength,
                    translate=args.translate,
                )
                before = len(results)
                for result in stream:
                    _announce(result, new=len(results) == before)
                    results.append(result)
                    if not args.skip_save:
                        for path in result.save(folder):
                            say(ja=f"保存しました: {path}", en=f"saved: {path}")
                seed = None if seed is None else seed + args.n_samples
    except KeyboardInterrupt:
        stopped = True
        say(
            ja=f"中止しました。完成した {len(results)} 枚はそのまま残っています。",
            en=f"stopped. The {len(results)} finished pictures stay.",
            file=sys.stderr,
        )
    if len(results) > 1 and not args.skip_grid:
        from sdjp.result import GenerationResult

        path = GenerationResult.merge(results).save_grid(folder, columns=args.n_rows or args.n_samples)
        say(ja=f"一覧: {path}", en=f"grid: {path}")
    return 130 if stopped else 0


def _announce(result: GenerationResult, *, new: bool) -> None:
    """Say the English that was drawn, once for each prompt, and whatever the user has to know."""
    info = result.prompts[0]
    if new and info is not None:
        say(ja=f"英語: {info.english}", en=f"English: {info.english}")
        if info.unknown:
            words = "、".join(info.unknown)
            say(ja=f"わからなかった語: {words}", en=f"not understood: {words}", file=sys.stderr)
        if info.truncated:
            say(ja=f"入らなかった部分: {info.truncated}", en=f"cut: {info.truncated}", file=sys.stderr)


def _folder(name: str) -> Path:
    """Make the folder and see that it can be written, before anything is drawn."""
    from sdjp.images import check_folder

    folder = Path(name)
    check_folder(folder)
    return folder


def _open(name: str) -> Image:
    """Open the picture to start from."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(name) as image:
            image.load()
            picture: Image.Image = image.copy()
            return picture
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(
            "init_img.unreadable",
            ja=f"画像 {name} を読めません。場所と形式（PNG、JPEG など）を確かめてください。",
            en=f"cannot read the picture {name}. Check where it is and that it is a PNG, JPEG …",
        ) from error
