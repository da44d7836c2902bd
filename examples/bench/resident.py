"""How much memory a process has, as Linux counts it; and random checkpoints to measure with.

``VmHWM`` is the most that was ever resident, pages of mapped files included; ``RssAnon`` and ``RssFile`` are
what is now: memory of the process' own, and pages of files, which the system can take back at any time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdjp.config import ModelConfig, to_json
from sdjp.weights.files.writer import Unwritten, write_safetensors
from sdjp.weights.names.keymap import Name, compile_map
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of


def resident() -> dict[str, int]:
    """Bytes of this process: ``VmHWM``, ``RssAnon``, ``RssFile``; empty where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    names = ("VmHWM", "RssAnon", "RssFile")
    fields = (line.split(":") for line in lines if line.startswith(names))
    return {name: int(value.split()[0]) * 1024 for name, value in fields}


def fresh(module: str, function: str, **arguments: object) -> dict[str, Any]:
    """Call a function of a module of this folder in a new process; it answers in JSON data."""
    code = (
        "import importlib, json, sys; sys.path.insert(0, sys.argv[1]); "
        "f = getattr(importlib.import_module(sys.argv[2]), sys.argv[3]); "
        "print(json.dumps(f(**json.loads(sys.argv[4]))))"
    )
    line = [sys.executable, "-c", code, str(Path(__file__).parent), module, function, json.dumps(arguments)]
    done = subprocess.run(line, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_random(path: Path, config: ModelConfig, dtype: torch.dtype, *, ema: bool = False) -> None:
    """Write random weights under the names of the original: ``.safetensors``, or else as ``torch.save`` does.

    Args:
        path: The file.
        config: The model; it is in the file, so that any size can be read back.
        dtype: Dtype of all tensors.
        ema: Put averaged twins of the UNet's beside them, as full checkpoints have.
    """
    torch.manual_seed(0)
    tensors = dict(_names(config, ema=ema))
    if path.suffix == ".safetensors":
        rows = [
            Unwritten(name, dtype, shape, lambda shape=shape: _random(shape))
            for name, shape in tensors.items()
        ]
        write_safetensors(path, rows, {"sdjp.config": json.dumps(to_json(config))})
        return
    path.with_suffix(".json").write_text(json.dumps(to_json(config)), encoding="utf-8")
    state = {name: _random(shape).to(dtype) for name, shape in tensors.items()}
    torch.save({"state_dict": state, "global_step": 1}, path)


def _names(config: ModelConfig, *, ema: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    layout = MAPS["ldm"]
    names: dict[str, Name] = compile_map(layout.rows(config), shapes_of(on_meta(config)))
    for name in names.values():
        yield name.theirs, name.their_shape
        twin = layout.ema(name.theirs)
        if ema and twin is not None:
            yield twin, name.their_shape


def _random(shape: tuple[int, ...]) -> Tensor:
    """Small enough for 16 bits to hold what the networks make of them."""
    return torch.randn(shape) * 0.02
