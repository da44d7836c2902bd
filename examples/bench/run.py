"""The whole bench in one command: every part in a process of its own, a table of each, JSON and a figure.

    python examples/bench/run.py --out bench
    python examples/bench/run.py --only unet,vae --rounds 7
    python examples/bench/run.py --markdown bench/results.json
    python examples/bench/run.py --docs bench/results.json

Needs ``pip install "sdjp[bench]"``. Nothing else should run beside it; where something does, the results say
so. Parts that were run into the same folder before stay in ``results.json``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import part
from tables import BLOCK, Language, block, fill, markdown

PARTS: Final = (
    "unet",
    "vae",
    "picture",
    "batches",
    "int8",
    "gpu",
    "loading",
    "memory",
    "text",
    "precision",
    "fast_quality",
    "pointing",
)
"""Modules beside this one, each with a ``measure(*, tiny, …)`` that gives rows."""
UNTIMED: Final = frozenset({"memory", "precision", "fast_quality", "pointing"})
"""Parts in which no time is measured: they are what they are, whatever else runs."""
DOCS: Final = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    part.add_options(parser)
    parser.add_argument("--only", type=chosen, default=present(), help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="folder to write into")
    parser.add_argument("--markdown", type=Path, metavar="JSON", help="print the tables of results")
    parser.add_argument("--docs", type=Path, metavar="JSON", help="put the tables into the documentation")
    parser.add_argument("--lang", choices=("ja", "en"), default="en", help="language of --markdown")
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)  # one part, in this very process
    args = parser.parse_args(arguments)
    if args.markdown is not None:
        print(markdown(read(args.markdown), args.lang))
    elif args.docs is not None:
        document(read(args.docs), DOCS)
    elif args.json is not None:
        [name] = args.only
        found = measured(name, args)
        args.json.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    else:
        return run(args)
    return 0


def present() -> list[str]:
    """The parts that are there."""
    return [name for name in PARTS if (Path(__file__).parent / f"{name}.py").is_file()]


def chosen(text: str) -> list[str]:
    """Names of parts, separated by commas."""
    names = text.split(",")
    unknown = [name for name in names if name not in present()]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {', '.join(unknown)}; there are {', '.join(present())}")
    return names


def measured(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one part here."""
    measure = importlib.import_module(name).measure
    found = part.run(measure, tiny=args.tiny, rounds=args.rounds, every=args.all)
    return {**found, "quiet": found["quiet"] or name in UNTIMED}


def run(args: argparse.Namespace) -> int:
    """Run the parts, each in a process of its own, for its memory and its allocator; returns how many failed.

    What is finished is written after every part.
    """
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "results.json"
    results = read(file) if file.is_file() else {"parts": {}}
    failed = 0
    for name in args.only:
        print(f"## {name}\n", flush=True)
        found = in_process(name, args)
        if found is None:
            failed += 1
            continue
        results["parts"][name] = found
        file.write_text(json.dumps(results, ensure_ascii=False, indent=1), encoding="utf-8")
        print(block(found, "en"), flush=True)
    if find_spec("matplotlib") is None:
        print('no figure: pip install "sdjp[bench]"', file=sys.stderr)
    else:
        from plot import plot

        drawn = plot(results, args.out / "plot.png")
        print("\n".join(str(path) for path in (file, drawn) if path is not None))
    return failed


def in_process(name: str, args: argparse.Namespace) -> dict[str, Any] | None:
    """The results of one part from a process of its own; None if it failed, which it told by itself."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "part.json"
        line = [sys.executable, __file__, "--only", name, "--json", str(target)]
        line += ["--tiny"] * args.tiny + ["--all"] * args.all
        line += [] if args.rounds is None else ["--rounds", str(args.rounds)]
        if subprocess.run(line, check=False).returncode != 0:
            print(f"{name}: failed\n", file=sys.stderr, flush=True)
            return None
        found: dict[str, Any] = read(target)
        return found


def document(results: dict[str, Any], docs: Path) -> None:
    """Put the tables into every page of ``docs`` that has a place for them.

    Raises:
        SystemExit: If they are those of tiny networks or of a busy machine.
    """
    unfit = [name for name, found in results["parts"].items() if found["tiny"] or not found["quiet"]]
    if unfit:
        raise SystemExit(f"not for the documentation, tiny or beside other programs: {', '.join(unfit)}")
    languages: tuple[Language, ...] = ("ja", "en")
    for language in languages:
        for page in sorted((docs / language).glob("*.md")):
            for name in fill(page, results, language):
                print(f"{page}: {name}")


def places(docs: Path) -> set[str]:
    """Names of all blocks in the documentation."""
    return {found[2] for page in docs.glob("*/*.md") for found in BLOCK.finditer(page.read_text("utf-8"))}


def read(path: Path) -> dict[str, Any]:
    """JSON from a file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
