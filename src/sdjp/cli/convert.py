"""``sdjp convert``: weights from one layout to another."""

from __future__ import annotations

import argparse
from typing import Any, Final

from sdjp.cli.speech import say

EMA: Final[dict[str, Any]] = {"auto": "auto", "true": True, "false": False}


def run(args: argparse.Namespace) -> int:
    """Convert and say what was written."""
    from sdjp import weights

    report = weights.convert(
        args.source, args.target, dtype=args.dtype, ema=EMA[args.ema], overwrite=args.overwrite
    )
    used = {True: ("EMA の重み", "EMA weights"), False: ("通常の重み", "plain weights")}[report.ema_used]
    say(ja=f"{args.target} に書き出しました（{used[0]}）。", en=f"wrote {args.target} ({used[1]}).")
    return 0
