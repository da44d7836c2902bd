"""What machine this is, which versions run on it, and whether something else runs beside the bench.

python examples/bench/machine.py
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path
from typing import Final

import torch

PACKAGES: Final = (
    "sdjp",
    "torch",
    "torchao",
    "transformers",
    "diffusers",
    "accelerate",
    "openvino",
    "nncf",
    "stable-diffusion-cpp-python",
    "numpy",
)
FLAGS: Final = {  # as Linux names them
    "avx2": "AVX2",
    "fma": "FMA",
    "avx512f": "AVX512",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "avx512_fp16": "AVX512-FP16",
    "amx_bf16": "AMX-BF16",
    "amx_int8": "AMX-INT8",
    "asimd": "NEON",
    "i8mm": "I8MM",
    "bf16": "BF16",
}
BUSY: Final = 0.1
"""Above this share of the processor used by others, a measurement says so."""


def machine() -> dict[str, object]:
    """Processor, memory and accelerators, as JSON data."""
    found = _cpuinfo()
    return {
        "cpu": found.get("model name", platform.processor() or platform.machine()),
        "features": [label for flag, label in FLAGS.items() if flag in found.get("flags", "").split()],
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(memory() / 1e9, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "malloc": os.environ.get("LD_PRELOAD", ""),
    }


def versions() -> dict[str, str]:
    """Python and every package that takes part; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Bytes of memory in all; 0 where the system does not tell."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def available() -> int | None:
    """Bytes of memory that can still be had; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return sizes.get("MemAvailable")


def give_back() -> None:
    """Give freed memory back to the system, where the C library keeps it (glibc)."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


class Neighbours:
    """Which share of the processor others take while this process measures.

    The time that all cores were busy, less that of this process and of its finished children. The load
    average would not do: it remembers the part of the bench before this one.
    """

    def __init__(self) -> None:
        self._start = self._now()

    def share(self) -> float | None:
        """From 0 to 1, since the object was made; None where the system does not tell."""
        if self._start is None:
            return None
        now = self._now()
        assert now is not None
        busy, own, wall = (b - a for a, b in zip(self._start, now, strict=True))
        return max(0.0, busy - own) / max(wall * (os.cpu_count() or 1), 1e-9)

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        """Seconds: busy cores together, this process and its children, the clock."""
        try:
            first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
        except OSError:
            return None
        user, nice, system, _idle, _waiting, irq, softirq, steal = (int(n) for n in first[1:9])
        ticks = user + nice + system + irq + softirq + steal
        own = sum(os.times()[:4])
        return ticks / os.sysconf("SC_CLK_TCK"), own, time.monotonic()


def neighbours_now(seconds: float = 2.0) -> float | None:
    """Which share of the processor others take, measured while this process waits."""
    watched = Neighbours()
    time.sleep(seconds)
    return watched.share()


def describe(found: dict[str, object]) -> str:
    """The machine in one line, for tables and figures."""
    features = found["features"]
    assert isinstance(features, list)
    widest = [f for f in features if f.startswith(("AVX512", "AMX"))] or features[:1]
    gpus = found["gpus"]
    assert isinstance(gpus, list)
    parts = [
        *gpus,
        f"{found['cpu']} ({', '.join(map(str, widest)) or '–'})",
        f"{found['cores']} cores",
        f"{found['memory_gb']} GB",
    ]
    return ", ".join(map(str, parts))


def _cpuinfo() -> dict[str, str]:
    """What Linux tells of the first processor; "Features" is what ARM calls its flags."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    found = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))
    }
    return {"flags": found.get("Features", ""), **found}


if __name__ == "__main__":
    print(json.dumps({"machine": machine(), "versions": versions()}, indent=2, ensure_ascii=False))
