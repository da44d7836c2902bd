"""``sdjp batch``: pictures a minute over workers and batches, and what a picture costs beside its drawing.

    python examples/bench/jobs.py                                  # the embedded model, local processes
    python examples/bench/jobs.py --engine local ray --pictures 48 --workers 1 2 --batch 1 4
    python examples/bench/jobs.py --overhead 10000 100000          # a model that draws nothing

Times are those of this machine with nothing else running. For the overhead, what is planned, drawn and listed
are timed apart; bytes and files are counted in the folder of the job, and memory is the most that this one,
which gives out the work, ever had.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import machine

from sdjp.batch import BatchSummary, Engine, Watch, run_batch

PROMPTS = Path(__file__).parent / "prompts.txt"


@dataclass(kw_only=True)
class Clock:
    """When something happened, in seconds since the start."""

    begun: float = field(default_factory=time.monotonic)
    planned: float = 0.0
    first: float = 0.0
    last: float = 0.0
    drawn: int = 0

    def watch(self) -> Watch:
        """What tells this clock."""

        def on_plan(*_: Any) -> None:
            self.planned = time.monotonic() - self.begun

        def on_event(event: Any) -> None:
            self.last = time.monotonic() - self.begun
            self.first = self.first or self.last
            self.drawn += event.kind == "drawn"

        return Watch(planned=on_plan, event=on_event)


def speed(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Draw the same pictures with each number of workers and each size of a batch."""
    prompts = folder / "prompts.txt"
    lines = PROMPTS.read_text(encoding="utf-8").splitlines()[: args.pictures]
    prompts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = []
    for engine in args.engine:
        for workers in args.workers:
            for batch in args.batch:
                clock = Clock()
                summary = run_batch(
                    prompts,
                    folder / f"{engine}-{workers}-{batch}",
                    seed=1,
                    options=_options(args),
                    engine=Engine(name=engine, workers=workers, threads=args.threads, batch=batch),
                    watch=clock.watch(),
                )
                begun = workers * batch  # told at about the same moment, which the clock begins with
                steady = (clock.drawn - begun) / max(clock.last - clock.first, 1e-9) * 60
                rows.append(
                    {
                        "engine": engine,
                        "workers": workers,
                        "batch": batch,
                        "pictures": summary.drawn,
                        "seconds": round(summary.seconds, 1),
                        "to_first": round(clock.first - clock.planned, 1),
                        "a_minute": round(steady, 1),
                    }
                )
                print(rows[-1], flush=True)
    return rows


def overhead(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Run jobs of the model that draws nothing."""
    rows = []
    for count in args.overhead:
        prompts = folder / f"{count}.txt"
        with prompts.open("w", encoding="utf-8") as file:
            file.writelines(f"馬に乗る宇宙飛行士 {i}\n" for i in range(count))
        for shard in args.shard:
            clock = Clock()
            out = folder / f"stub-{count}-{shard}"
            summary = run_batch(
                prompts,
                out,
                seed=1,
                load="stub:load",
                shard=shard or None,
                engine=Engine(workers=args.workers[-1], batch=args.batch[-1]),
                watch=clock.watch(),
            )
            rows.append(_row(count, shard, clock, summary, out))
            print(rows[-1], flush=True)
    return rows


def _row(count: int, shard: int, clock: Clock, summary: BatchSummary, out: Path) -> dict[str, Any]:
    files = [path for path in out.rglob("*") if path.is_file()]
    kinds = {path.relative_to(out).parts[0] for path in files}
    sizes = {
        kind: sum(p.stat().st_size for p in files if p.relative_to(out).parts[0] == kind) for kind in kinds
    }
    return {
        "pictures": summary.drawn,
        "shard": shard,
        "plan_ms": round(clock.planned / count * 1000, 3),
        "draw_ms": round((clock.last - clock.planned) / count * 1000, 3),
        "list_ms": round((summary.seconds - clock.last) / count * 1000, 3),
        "seconds": round(summary.seconds, 1),
        "files": len(files),
        "bytes": {kind: round(size / count, 1) for kind, size in sorted(sizes.items())},
        "driver_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _options(args: argparse.Namespace) -> dict[str, Any]:
    given = {"width": args.size, "height": args.size, "num_inference_steps": args.steps}
    return {name: value for name, value in given.items() if value is not None}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", nargs="+", default=["local"], choices=("local", "ray"))
    parser.add_argument("--workers", nargs="+", type=int, default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--size", type=int, help="side in pixels; the model's own, if left out")
    parser.add_argument("--steps", type=int, help="the model's own, if left out")
    parser.add_argument("--overhead", nargs="*", type=int, help="pictures of jobs that draw nothing")
    parser.add_argument("--shard", nargs="+", type=int, default=[0], help="0 is single files")
    parser.add_argument("--outdir", type=Path, help="a folder that is kept; a temporary one, if left out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.outdir or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = speed(args, folder) if args.overhead is None else overhead(args, folder)
    print(json.dumps({"machine": machine(), "rows": rows}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
