"""Options that make drawing faster and change the picture: presets, and each shortcut by itself."""

from __future__ import annotations

import argparse
from typing import Any, Final

from sdjp.cli.parser import Parser

SHORTCUTS: Final = ("guidance_interval", "token_merging", "feature_reuse")


def preset_options(parser: Parser) -> None:
    """A preset, and the shortcuts it is made of."""
    parser.option("--fast", dest="preset", action="store_const", const="fast",
                  ja="速く描く（絵は少し変わる。--preset fast と同じ）",
                  en="draw fast, with a picture a little different (the same as --preset fast)")  # fmt: skip
    parser.option("--preset", metavar="NAME", ja="まとまった設定: fast", en="settings that go together: fast")
    shortcut_options(parser)


def shortcut_options(parser: Parser) -> None:
    """Each shortcut by itself."""
    parser.option("--guidance-interval", "--guidance_interval", dest="guidance_interval", type=float, nargs=2,
                  metavar=("A", "B"), ja="ガイダンスをかける区間（0 が最初、1 が最後。例: 0 0.6）",
                  en="guide only this part of the run (0: beginning, 1: end), such as 0 0.6")  # fmt: skip
    parser.option("--token-merging", "--token_merging", dest="token_merging", type=float, metavar="R",
                  ja="自己注意の前にまとめるトークンの割合（0〜0.75）",
                  en="share of tokens merged before self-attention, 0 to 0.75")  # fmt: skip
    parser.option("--feature-reuse", "--feature_reuse", dest="feature_reuse", type=int, metavar="N",
                  ja="UNet の深い部分を N ステップに 1 度だけ計算する（1〜10）",
                  en="compute the deep part of the UNet at every N-th step only, 1 to 10")  # fmt: skip


def shortcut_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``Pipeline.generate`` that these options give."""
    given = {name: getattr(args, name) for name in ("preset", *SHORTCUTS) if hasattr(args, name)}
    interval = given["guidance_interval"]
    return {**given, "guidance_interval": None if interval is None else tuple(interval)}
