"""How threads of OpenMP wait: the command as it is (they sleep), and ``OMP_WAIT_POLICY=ACTIVE`` (they spin).

    python examples/bench/waiting.py --rounds 3
    python examples/bench/waiting.py --rounds 3 --busy 2

The command is run with each setting in turn. The difference is in what else the machine does: ``--busy N``
starts N processes that compute without end, of the same priority. For an idle machine, start none and run
nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from machine import describe, machine, neighbours_now
from paired import Spread, Timings

SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {"sleep": {}, "spin": {"OMP_WAIT_POLICY": "ACTIVE"}}
"""What is added to the environment; the command itself makes threads sleep, where nothing else is said."""
DRAW: Final = (sys.executable, "-m", "sdjp", "馬に乗る宇宙飛行士", "--seed", "7")


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many processors busy meanwhile."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def timed(command: Sequence[str], added: Mapping[str, str]) -> tuple[float, float]:
    """Run a command: its seconds by the clock, and of the processors."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, env={**os.environ, **added}, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def compare(command: Sequence[str], *, rounds: int) -> tuple[Timings, Timings]:
    """Run the command with each setting in each round, first with each in turn: clock and processor."""
    names = list(SETTINGS)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    timed(command, {})  # files into the memory of the system
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(timed(command, SETTINGS[name]))
            print(f"{name}: {found[name][-1][0]:.1f} s, CPU {found[name][-1][1]:.1f} s", file=sys.stderr)
    walls, cpus = ({name: tuple(pair[i] for pair in found[name]) for name in names} for i in (0, 1))
    return Timings(walls), Timings(cpus)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", type=int, default=0, metavar="N")
    args = parser.parse_args()
    print(describe(machine()))
    with tempfile.TemporaryDirectory() as folder, busy(args.busy):
        share = neighbours_now()
        print("others:", "?" if share is None else f"{share:.0%} of the processors")
        walls, cpus = compare([*DRAW, "-o", folder], rounds=args.rounds)
    for name in SETTINGS:
        print(f"{name}: {_spread(walls.spread(name))} s, CPU {_spread(cpus.spread(name))} s")
    ratios = walls.ratio("sleep", "spin"), cpus.ratio("sleep", "spin")
    print(f"sleep / spin: {_spread(ratios[0])}, CPU {_spread(ratios[1])}")


def _spread(found: Spread) -> str:
    return f"{found.median:.3g} ({found.low:.3g}–{found.high:.3g})"


if __name__ == "__main__":
    main()
