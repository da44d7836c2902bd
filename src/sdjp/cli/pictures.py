"""Options for pictures that go in: what to start from, what to redraw, how to enlarge."""

from __future__ import annotations

import argparse
from typing import Any

from sdjp.cli.parser import Parser


def picture_options(parser: Parser) -> None:
    """A picture to start from, its mask, and enlarging what is drawn."""
    parser.option("--init-img", "--init_img", dest="init_img", metavar="F", ja="元にする絵",
                  en="a picture to start from")  # fmt: skip
    parser.option("--strength", type=float, default=0.75, ja="元の絵を変える強さ（0〜1）",
                  en="how much of it to replace, 0 to 1")  # fmt: skip
    parser.option("--strength-rule", choices=("diffusers", "compvis"), default="diffusers",
                  ja="強さとステップの関係（compvis は元の実装と同じ）",
                  en="from strength to steps (compvis: as the original)")  # fmt: skip
    parser.option("--fit", choices=("crop", "pad", "stretch"), default="crop",
                  ja="元の絵を大きさに合わせる方法: 切る、足す、伸ばす",
                  en="how it comes to the size")  # fmt: skip
    parser.option("--mask", metavar="F", ja="描き直すところを白く塗った絵（--init-img と一緒に）",
                  en="a picture, white where --init-img is to be redrawn")  # fmt: skip
    parser.option("--mask-rule", choices=("exact", "compvis"), default="exact",
                  ja="マスクの外の保ち方（compvis は元の実装と同じ）",
                  en="how the rest is kept (compvis: as the original)")  # fmt: skip
    parser.option("--feather", type=int, default=8, metavar="PX", ja="マスクの境目をなじませる幅",
                  en="pixels over which the edge of the mask fades")  # fmt: skip
    parser.option("--no-paste-back", action="store_true", ja="マスクの外を元の画素に戻さない",
                  en="do not put the pixels outside the mask back")  # fmt: skip
    parser.option("--hires", type=float, metavar="X", ja="描いた絵を X 倍（1〜8）にして描き込む",
                  en="enlarge what is drawn X times, 1 to 8, and redraw it")  # fmt: skip
    parser.option("--hires-strength", type=float, default=0.4, ja="そのとき変える強さ（0〜1）",
                  en="how much is replaced then, 0 to 1")  # fmt: skip
    tile_options(parser)


def tile_options(parser: Parser) -> None:
    """How large pictures are divided."""
    parser.option("--tile", type=int, metavar="PX", ja="大きな絵を描くときのタイルの一辺",
                  en="side of the tiles of large pictures")  # fmt: skip
    parser.option("--overlap", type=int, metavar="PX", ja="タイルどうしの重なり（省略時は一辺の 4 分の 1）",
                  en="pixels that tiles share (a quarter of one, if left out)")  # fmt: skip


def picture_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The plain arguments of ``Pipeline.generate`` that :func:`picture_options` gives."""
    return {
        "strength": args.strength,
        "strength_rule": args.strength_rule,
        "fit": args.fit,
        "mask_rule": args.mask_rule,
        "feather": args.feather,
        "paste_back": not args.no_paste_back,
        "hires": args.hires,
        "hires_strength": args.hires_strength,
        "tile": args.tile,
        "overlap": args.overlap,
    }


def open_pictures(args: argparse.Namespace) -> dict[str, Any]:
    """Read ``--init-img`` and ``--mask`` once, before a model is loaded.

    Raises:
        InputError: If one cannot be read, or nothing in the mask is white.
    """
    from sdjp.images import fit_mask, open_picture

    given = {"image": args.init_img, "mask": args.mask}
    found = {name: open_picture(path, name=name) for name, path in given.items() if path is not None}
    if "mask" in found:
        width, height = found["mask"].size
        fit_mask(found["mask"], like=(width, height), height=height, width=width, fit="stretch")
    return found
