"""What the parts of the bench have in common: their arguments, and what they print."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from machine import BUSY, Neighbours, machine, neighbours_now, versions
from tables import block

Measure = Callable[..., list[dict[str, object]]]


def main(doc: str | None, name: str, measure: Measure) -> None:
    """The command of one part."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    args = parser.parse_args()
    print(f"## {name}\n\n{block(run(measure, tiny=args.tiny, rounds=args.rounds, every=args.all), 'en')}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every part takes."""
    parser.add_argument("--tiny", action="store_true", help="small random networks: does it work?")
    parser.add_argument("--rounds", type=int, help="how often each is timed (default: each part's own)")
    parser.add_argument("--all", action="store_true", help="slow ways too: emulated bfloat16, torch.compile")


def run(measure: Measure, *, tiny: bool, rounds: int | None, every: bool) -> dict[str, Any]:
    """Measure one part, and record where and beside what."""
    before = neighbours_now(0.2 if tiny else 2.0)
    if before is not None and before >= BUSY:
        print(f"WARNING: others use {before:.0%} of this processor; the results will say so.", flush=True)
    wanted = {"tiny": tiny, "rounds": 2 if tiny and rounds is None else rounds, "every": every}
    known = inspect.signature(measure).parameters
    watched = Neighbours()
    rows = measure(**{name: value for name, value in wanted.items() if name in known and value is not None})
    # While something was timed, where the rows say so; else over the whole part.
    told = [row["others"] for row in rows if row.get("others") is not None] or [before, watched.share()]
    others = max([share for share in told if isinstance(share, float)], default=None)
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "tiny": tiny,
        "quiet": others is None or others < BUSY,
        "others": others,
        "rows": json.loads(json.dumps(rows, allow_nan=False)),
    }
