"""50 PLMS steps at 512×512 on a CUDA device, float16, one picture: our engines and diffusers.

    python examples/bench/gpu.py

The file is not named after CUDA: ``cuda`` is a package that torch itself imports.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import part
import torch
from contenders import engines, failed
from paired import compare
from whole import Draw, load, ours, random_file, theirs

from sdjp.config import SD_V1, TINY, ModelConfig
from sdjp.errors import MissingDependencyError

STEPS = 50


def rows(
    config: ModelConfig, *, device: str, dtype: torch.dtype, steps: int, rounds: int, compiled: str | None
) -> list[dict[str, object]]:
    """One row for each contender, on any device.

    Args:
        config: The model, with random weights.
        device: As torch names it.
        dtype: Of all weights.
        steps: PLMS steps.
        rounds: Of :func:`paired.compare`.
        compiled: The mode of ``torch.compile`` for diffusers; None leaves that row out.
    """
    calls: dict[str, Callable[[], object]] = {}
    notes: dict[str, dict[str, str]] = {}
    with TemporaryDirectory() as folder:
        file = random_file(config, Path(folder) / "random.safetensors", dtype)

        def with_engine(engine: str | None) -> Callable[[], Draw]:
            return lambda: ours(load(file, engine=engine, dtype=dtype, device=device))

        def of_diffusers(channels_last: bool, mode: str | None) -> Callable[[], Draw]:
            return lambda: theirs(
                load(file, engine=engines()[0], dtype=dtype, device=device),
                channels_last=channels_last,
                compiled=mode,
            )

        entries = {
            "diffusers": of_diffusers(False, None),
            "diffusers channels_last": of_diffusers(True, None),
        }
        if compiled is not None:
            entries[f"diffusers channels_last compile {compiled}"] = of_diffusers(True, compiled)
        entries |= {" ".join(filter(None, ("sdjp", engine))): with_engine(engine) for engine in engines()}
        for name, make in entries.items():
            try:
                draw = make()
                draw(steps)  # compiles, captures, chooses kernels
                calls[name] = lambda draw=draw: draw(steps)  # type: ignore[misc]
            except MissingDependencyError as error:
                notes[name] = {"ja": error.ja, "en": error.en}
            except Exception as error:  # an engine that fails is a result, too
                notes[name] = failed(error)
        timings = compare(calls, rounds=rounds, device=torch.device(device))
    first = next(iter(calls))
    case = f"{config.name}, {config.defaults.height}×{config.defaults.width}, PLMS {steps}"
    found: list[dict[str, object]] = [
        {
            "case": case,
            "contender": name,
            "dtype": str(dtype).removeprefix("torch."),
            "seconds": timings.spread(name).to_json(),
            "to_first": timings.ratio(name, first).to_json(),
            "rounds": rounds,
            "all_seconds": list(timings.seconds[name]),
        }
        for name in calls
    ]
    return found + [{"case": case, "contender": name, "note": note} for name, note in notes.items()]


def measure(*, tiny: bool = False, rounds: int = 7) -> list[dict[str, object]]:
    """One row for each contender; none without a CUDA device."""
    if not torch.cuda.is_available():
        print("no CUDA device")
        return []
    return rows(
        TINY if tiny else SD_V1,
        device="cuda",
        dtype=torch.float16,
        steps=3 if tiny else STEPS,
        rounds=rounds,
        compiled=None if tiny else "max-autotune",
    )


if __name__ == "__main__":
    part.main(__doc__, "gpu", measure)
