"""The watermark on the command line: its options, and what is said of it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from sdjp.cli.parser import Parser
from sdjp.cli.speech import say
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.postprocess import Watermark
    from sdjp.types import Report

METHODS: Final = ("dwtDct", "dwtDctSvd", "spread")
"""The names in ``sdjp.postprocess.marking.METHODS``, which help should not have to load."""


def watermark_options(parser: Parser) -> None:
    """Which watermark, or none."""
    parser.option("--watermark", metavar="TEXT",
                  ja="不可視の透かしに入れる文字列（省略時は StableDiffusionV1）",
                  en="text of the invisible watermark (StableDiffusionV1, if left out)")  # fmt: skip
    parser.option("--watermark-method", choices=("auto", *METHODS),
                  ja="透かしの方式（読み戻せない絵柄では、次の方式に切り替わる）",
                  en="its method (where it cannot be read back, the next one is used)")  # fmt: skip
    parser.option("--no-watermark", action="store_true", ja="透かしを入れない", en="no watermark")


def watermark_argument(args: argparse.Namespace) -> bool | str | Watermark:
    """The ``watermark`` of ``Pipeline.from_pretrained``.

    Raises:
        InputError: If there is to be one and none at once, or the text cannot be used.
    """
    asked = args.watermark is not None or args.watermark_method is not None
    if args.no_watermark:
        if asked:
            raise InputError(
                "watermark.both",
                ja="--no-watermark は、--watermark や --watermark-method と一緒には使えません。"
                "どちらかにしてください。",
                en="--no-watermark cannot go with --watermark or --watermark-method. Choose one.",
            )
        return False
    if not asked:
        return True
    from sdjp.postprocess import Watermark
    from sdjp.postprocess.marking.payload import TEXT

    text = TEXT if args.watermark is None else args.watermark
    return Watermark(text=text, method=args.watermark_method or "auto")


def announce_watermark(report: Report, seed: int, told: set[str]) -> None:
    """Say on standard error where a picture has no watermark; once a run, where another method was taken."""
    method = f"watermark {report.data.get('method')}"
    if report.status in ("skipped", "failed"):
        say(
            ja=f"注意（シード {seed}）: {report.ja}",
            en=f"note (seed {seed}): {report.en}",
            file=sys.stderr,
        )
    elif report.status == "done" and len(report.data.get("tried", ())) > 1 and method not in told:
        told.add(method)
        say(
            ja=f"透かし（シード {seed}）: {report.ja}",
            en=f"watermark (seed {seed}): {report.en}",
            file=sys.stderr,
        )
