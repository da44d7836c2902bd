"""One picture from prompt to pixels: the embedded model whole, Stable Diffusion v1, and the command itself.

    python examples/bench/picture.py

Stable Diffusion v1 has random weights here, which take as long as real ones. PLMS with 50 steps would take
minutes a round on a processor, so two short runs are measured and extended: every step costs the same. The
``fast`` preset reuses work from one step to the next, so it is measured whole.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import part
import torch
from contenders import default_engine, engines, failed
from paired import Spread, compare
from whole import Draw, cpp, fast, load, ours, random_file, theirs

from sdjp.config import SD_V1, TINY, ModelConfig
from sdjp.device import bfloat16_is_fast
from sdjp.errors import MissingDependencyError

STEPS = 50
COMMAND = "馬に乗る宇宙飛行士"
WHOLE = {"ja": "そのまま測定", "en": "measured whole"}


def dtypes() -> list[torch.dtype]:
    """float32, and bfloat16 where the processor has instructions for it."""
    return [torch.float32] + [torch.bfloat16] * bfloat16_is_fast()


def embedded(rounds: int, steps: int) -> list[dict[str, object]]:
    """The embedded model whole: PLMS against what it does by itself and against ``fast``."""
    calls: dict[str, Callable[[], object]] = {}
    for engine in (e for e in engines() if e != "compile"):  # which takes minutes
        for dtype in dtypes():
            name = " ".join(filter(None, ("sdjp", engine, str(dtype).removeprefix("torch."))))
            try:
                pipe = load("mini", engine=engine, dtype=dtype)
            except MissingDependencyError:
                continue  # the table of the UNet says so
            draw = ours(pipe)
            calls[f"{name}, PLMS {steps}"] = lambda draw=draw: draw(steps)  # type: ignore[misc]
            preset = fast(pipe) if pipe.engine.shortcuts else None
            if preset is not None:
                calls[f"{name}, fast"] = preset
    timings = compare(calls, rounds=rounds)
    first = next(iter(calls))
    return [
        {
            "case": "mini 256×256",
            "contender": name,
            "seconds": timings.spread(name).to_json(),
            "to_first": timings.ratio(name, first).to_json(),
            "measured": WHOLE,
            "rounds": rounds,
            "all_seconds": list(timings.seconds[name]),
        }
        for name in calls
    ]


def command(rounds: int, steps: int | None) -> dict[str, object]:
    """From the start of the process to the PNG on the disk; files are in the system's cache already."""

    def draw() -> object:
        with TemporaryDirectory() as folder:
            line = [sys.executable, "-m", "sdjp", COMMAND, "--seed", "7", "--outdir", folder]
            line += [] if steps is None else ["--steps", str(steps)]
            done = subprocess.run(line, capture_output=True, check=True)
            if not list(Path(folder).rglob("*.png")):
                raise RuntimeError(done.stderr.decode(errors="replace"))
            return done

    timings = compare({"sdjp": draw}, rounds=rounds)
    return {
        "case": "mini 256×256",
        "contender": "sdjp PROMPT",
        "seconds": timings.spread("sdjp").to_json(),
        "measured": {"ja": "プロセスの開始から PNG まで", "en": "process start to PNG"},
        "rounds": rounds,
        "all_seconds": list(timings.seconds["sdjp"]),
    }


def extended(config: ModelConfig, rounds: int, short: int, long: int) -> list[dict[str, object]]:
    """Stable Diffusion v1: ``short`` and ``long`` steps measured, extended to 50."""
    side, dtype = config.defaults.height, dtypes()[-1]
    draws: dict[str, Draw] = {}
    calls: dict[str, Callable[[], object]] = {}
    notes: dict[str, dict[str, str]] = {}
    label = str(dtype).removeprefix("torch.")
    own = " ".join(filter(None, ("sdjp", default_engine(dtype), label)))
    with TemporaryDirectory() as folder:
        file = random_file(config, Path(folder) / "random.safetensors", dtype)
        plain = load(file, engine=default_engine(dtype), dtype=dtype)
        entries: dict[str, Callable[[], Draw]] = {
            f"diffusers {label} channels_last, PLMS": lambda: theirs(plain),
            f"{own}, PLMS": lambda: ours(plain),
            "stable-diffusion.cpp, Euler": lambda: cpp(file, side=side, threads=torch.get_num_threads()),
        }
        for name, make in entries.items():
            try:
                draws[name] = make()
            except MissingDependencyError as error:
                notes[name] = {"ja": error.ja, "en": error.en}
            except Exception as error:  # a peer that fails is a result, too
                notes[name] = failed(error)
        for name, draw in draws.items():
            calls[f"{name} {short}"] = lambda draw=draw: draw(short)  # type: ignore[misc]
            calls[f"{name} {long}"] = lambda draw=draw: draw(long)  # type: ignore[misc]
        preset = fast(plain)
        preset_name = f"{own}, fast"
        if preset is not None:
            calls[preset_name] = preset
        timings = compare(calls, rounds=rounds)

    def seconds(name: str) -> list[float]:
        pairs = zip(timings.seconds[f"{name} {short}"], timings.seconds[f"{name} {long}"], strict=True)
        return [a + (STEPS - short) * (b - a) / (long - short) for a, b in pairs]

    found = {name: seconds(name) for name in draws}
    if preset is not None:
        found[preset_name] = list(timings.seconds[preset_name])
    told = {
        "ja": f"{short} ステップと {long} ステップを測り、{STEPS} ステップに延長",
        "en": f"{short} and {long} steps measured, extended to {STEPS}",
    }
    first = next(iter(found))
    rows: list[dict[str, object]] = [
        {
            "case": f"{config.name} {side}×{side}",
            "contender": name if name == preset_name else f"{name} {STEPS}",
            "seconds": Spread.of(values).to_json(),
            "to_first": Spread.of([a / b for a, b in zip(values, found[first], strict=True)]).to_json(),
            "measured": WHOLE if name == preset_name else told,
            "rounds": rounds,
            "all_seconds": values,
        }
        for name, values in found.items()
    ]
    return rows + [
        {"case": f"{config.name} {side}×{side}", "contender": name, "note": note}
        for name, note in notes.items()
    ]


def measure(*, tiny: bool = False, rounds: int = 3) -> list[dict[str, object]]:
    """Rows of the embedded model, of Stable Diffusion v1 and of the command."""
    if tiny:
        return [*extended(TINY, rounds, 1, 3), *embedded(1, 2), command(1, 2)]
    return [*extended(SD_V1, rounds, 2, 8), *embedded(rounds, STEPS), command(rounds + 2, None)]


if __name__ == "__main__":
    part.main(__doc__, "picture", measure)
