"""Models that fail as they may at workers: the embedded one, with a fault that a prompt asks for.

What is to happen once, or a few times, in whatever process, is counted by files in the folder that the
environment names.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sdjp.batch import pipelines
from sdjp.batch.stores import object_store
from sdjp.errors import WeightsError
from sdjp.pipeline import Pipeline
from sdjp.result import GenerationResult

FOLDER = "SDJP_TEST_FAULTS"
"""The folder where faults are counted."""

DRAWN = "drawn.log"
"""The file there that has a line for each picture that was drawn, by whomever: its seed."""


def load(**model: Any) -> Pipeline:
    """The embedded model; see :data:`FAULTS` for what its prompts may ask for."""
    object_store.WAITS = (0.2, 0.5)  # a store that cannot be reached is given up soon
    pipe = pipelines.load(**model)
    generate = pipe.generate

    def faulty(*, prompt: list[str], seed: list[int], **given: Any) -> GenerationResult:
        for word, fault in FAULTS.items():
            if any(word in text for text in prompt):
                fault(prompt)
        result = generate(prompt=prompt, seed=seed, **given)
        _note(seed)
        return result

    if _is_worker():
        vars(pipe)["generate"] = faulty
    return pipe


def load_late(**model: Any) -> Pipeline:
    """Die while it is loaded, twice."""
    if _is_worker() and _times("load") <= 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return pipelines.load(**model)


def load_never(**model: Any) -> Pipeline:
    """Die while it is loaded."""
    if _is_worker():
        _times("load")
        os.kill(os.getpid(), signal.SIGKILL)
    return pipelines.load(**model)


def load_lost(**model: Any) -> Pipeline:
    """Weights that are there for the driver only."""
    if _is_worker():
        raise WeightsError("weights.lost", ja="重みがありません。", en="there are no weights.")
    return pipelines.load(**model)


def load_broken(**model: Any) -> Pipeline:
    """A function with a mistake in it."""
    if _is_worker():
        raise RuntimeError("配線が逆です")
    return pipelines.load(**model)


def load_untimely(**model: Any) -> Pipeline:
    """Clocks of workers go back by an hour whenever they are looked at."""
    if _is_worker():
        now = time.time()

        def back() -> float:
            nonlocal now
            now -= 3600
            return now

        time.time = back
    return pipelines.load(**model)


def _die(prompts: list[str]) -> None:
    _times("deadly")
    os.kill(os.getpid(), signal.SIGKILL)


def _fail_once(prompts: list[str]) -> None:
    if _times("shaky") == 1:
        raise RuntimeError("一度だけの失敗です")


def _fail(prompts: list[str]) -> None:
    _times("broken")
    raise ValueError("この絵は描けません")


def _crowded(prompts: list[str]) -> None:
    if len(prompts) > 1:
        _times("crowded")
        raise MemoryError


def _eat_memory(prompts: list[str]) -> None:
    """Take memory until there is none, of what the process has now and a little."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, limits[1]))
    import torch

    try:
        hoard = []
        while True:
            hoard.append(torch.ones(2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


FAULTS: dict[str, Callable[[list[str]], None]] = {
    "毒": _die,
    "気まぐれ": _fail_once,
    "壊れ": _fail,
    "混雑": _crowded,
    "大食い": _eat_memory,
}
"""Words of prompts, and what happens when they are drawn."""


def count(name: str) -> int:
    """How often something has happened."""
    path = Path(os.environ[FOLDER]) / name
    return path.stat().st_size if path.exists() else 0


def _times(name: str) -> int:
    """Note that something happens; how often it has, this time included."""
    folder = Path(os.environ[FOLDER])
    folder.mkdir(exist_ok=True)
    with (folder / name).open("ab") as file:
        file.write(b".")
    return count(name)


def _note(seeds: list[int]) -> None:
    folder = Path(os.environ[FOLDER])
    folder.mkdir(exist_ok=True)
    with (folder / DRAWN).open("a") as file:
        file.write("".join(f"{seed}\n" for seed in seeds))


def _is_worker() -> bool:
    """Whether this is the nursery or a worker: the driver only checks with the model."""
    return multiprocessing.parent_process() is not None
