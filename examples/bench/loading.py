"""How long a model takes to load, beside reading its file; the memory that takes; and start-up to a picture.

    python examples/bench/loading.py

Files are random weights of Stable Diffusion v1 (with ``--tiny``, of a tiny model), as they are passed around:
16 bits, 32 bits, and a full ``.ckpt`` with averaged twins. Each figure comes from a process of its own. Files
are in the system's cache before anything is timed. Loading does not end before every weight is in memory,
also where it stays in the mapped file. ``read`` goes over the whole file with a buffer of 16 MiB;
``read_into_memory`` ends with all of its bytes in memory, as loading does. Takes 14 GB of disk for a while.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import part
import torch
from paired import Spread
from resident import fresh, resident, write_random

from sdjp import weights
from sdjp.config import SD_V1, TINY

KINDS = (  # name of the file, dtype in it, whether there are averaged twins, dtypes to load it into
    ("model.safetensors", torch.float16, False, ("float16", "float32")),
    ("full.safetensors", torch.float32, False, ("float32", "bfloat16")),
    ("model-ema.ckpt", torch.float32, True, ("bfloat16",)),
)
ROUNDS = 3
BUFFER = 16 << 20


def measure(*, tiny: bool, rounds: int = ROUNDS) -> list[dict[str, object]]:
    """One row for each kind of file and dtype, and one for start-up."""
    rows: list[dict[str, object]] = []
    for name, dtype, ema, targets in KINDS:
        with TemporaryDirectory() as folder:  # one file at a time
            path = Path(folder) / name
            write_random(path, TINY if tiny else SD_V1, dtype, ema=ema)
            read(str(path))  # into the cache
            rows += [row(path, dtype, target, rounds) for target in targets]
    return [*rows, start(rounds)]


def row(path: Path, dtype: torch.dtype, target: str, rounds: int) -> dict[str, object]:
    """Reading and loading in turn, ``rounds`` times."""
    reads, wholes, loads = [], [], []
    for _ in range(rounds):
        reads.append(fresh("loading", "read", path=str(path))["seconds"])
        wholes.append(fresh("loading", "read_into_memory", path=str(path))["seconds"])
        loads.append(fresh("loading", "load", path=str(path), dtype=target))
    seconds = [found["seconds"] for found in loads]
    last = loads[-1]
    return {
        "case": f"{path.name}, {str(dtype).removeprefix('torch.')} → {target}",
        "file_gb": path.stat().st_size / 1e9,
        "weights_gb": last["weights"] / 1e9,
        "read_seconds": spread(reads),
        "read_into_memory_seconds": spread(wholes),
        "seconds": spread(seconds),
        "to_read": spread([a / b for a, b in zip(seconds, reads, strict=True)]),
        "to_read_into_memory": spread([a / b for a, b in zip(seconds, wholes, strict=True)]),
        "peak_gb": last["peak"] / 1e9,
        "peak_to_weights": last["peak"] / last["weights"],
        "loading_to_weights": (last["peak"] - last["before"]) / last["weights"],
        "anonymous_gb": last["anonymous"] / 1e9,
        "rounds": rounds,
        "all_seconds": seconds,
    }


def start(rounds: int) -> dict[str, object]:
    """From the start of ``sdjp`` to the PNG of the embedded model, one step."""
    seconds = []
    for _ in range(rounds):
        with TemporaryDirectory() as folder:
            begin = time.perf_counter()
            line = [sys.executable, "-m", "sdjp", "赤い車", "--steps", "1", "--outdir", folder]
            subprocess.run(line, capture_output=True, check=True)
            seconds.append(time.perf_counter() - begin)
            if not list(Path(folder).glob("*.png")):
                raise RuntimeError("no picture")
    return {
        "case": "sdjp 赤い車 --steps 1",
        "seconds": spread(seconds),
        "rounds": rounds,
        "all_seconds": seconds,
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles, as JSON data."""
    return Spread.of(values).to_json()


# In processes of their own.


def read(path: str) -> dict[str, float]:
    """Go over a file and keep nothing."""
    buffer = bytearray(BUFFER)
    begin = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return {"seconds": time.perf_counter() - begin}


def read_into_memory(path: str) -> dict[str, float]:
    """Have a whole file in memory."""
    begin = time.perf_counter()
    whole = Path(path).read_bytes()
    return {"seconds": time.perf_counter() - begin, "bytes": len(whole)}


def load(path: str, dtype: str) -> dict[str, float]:
    """Load a model; in the end every page of its weights is in memory."""
    torch.zeros(BUFFER // 4).to(torch.bfloat16)  # what torch does once
    before = resident()
    begin = time.perf_counter()
    loaded = weights.load(path, dtype=dtype)
    tensors = [p for network in (loaded.unet, loaded.vae, loaded.text) for p in network.parameters()]
    for tensor in tensors:
        tensor.view(torch.uint8).flatten()[::4096].sum()
    seconds = time.perf_counter() - begin
    now = resident()
    return {
        "seconds": seconds,
        "weights": sum(tensor.nbytes for tensor in tensors),
        "before": before.get("VmHWM", 0),
        "peak": now.get("VmHWM", 0),
        "anonymous": now.get("RssAnon", 0),
    }


if __name__ == "__main__":
    part.main(__doc__, "loading", measure)
