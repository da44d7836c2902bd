"""Paired timing: all contenders in one process, in turn, so that whatever slows one down slows the others.

Each round calls every contender once, each round begins with the next one, and what is compared is the ratio
within a round. A machine that grows hot or has a neighbour changes seconds, and hardly the ratios.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def to_json(self) -> dict[str, float]:
        """As it stands in results.json."""
        return {"median": self.median, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Timings:
    """Seconds of each contender, one for each round."""

    seconds: Mapping[str, tuple[float, ...]]

    def spread(self, name: str) -> Spread:
        """Seconds of one contender."""
        return Spread.of(self.seconds[name])

    def ratio(self, name: str, to: str) -> Spread:
        """How many times the seconds of ``to`` it takes: quartiles of the ratios within each round."""
        pairs = zip(self.seconds[name], self.seconds[to], strict=True)
        return Spread.of([mine / theirs for mine, theirs in pairs])

    def fastest(self, names: Sequence[str]) -> str:
        """The one of ``names`` with the smallest median."""
        return min(names, key=lambda name: self.spread(name).median)


def compare(
    contenders: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warmup: int = 1,
    device: torch.device | None = None,
) -> Timings:
    """Call each contender ``warmup`` times, then once in each of ``rounds`` rounds.

    Args:
        contenders: Name to what is to be timed.
        rounds: How often each is timed, at least 1.
        warmup: How often each is called before, untimed (compilation, first touch of memory, caches).
        device: A CUDA device is waited for and timed by its own events.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with torch.inference_mode():
        for name in names:
            for _ in range(warmup):
                contenders[name]()
        for i in range(rounds):
            first = i % len(names)
            for name in names[first:] + names[:first]:
                seconds[name].append(timed(contenders[name], device))
    return Timings({name: tuple(values) for name, values in seconds.items()})


@dataclass(frozen=True)
class Step:
    """A call that stands for one of many in a row, as a UNet makes them: the second in a row is timed.

    Attributes:
        call: The call.
        around: What holds from the first of them to the last.
    """

    call: Callable[[], Tensor]
    around: Callable[[], AbstractContextManager[object]] = nullcontext

    def __call__(self) -> Tensor:
        """One call by itself."""
        with self.around():
            return self.call()


def timed(call: Callable[[], object], device: torch.device | None = None) -> float:
    """Seconds that one call takes; of a :class:`Step`, when one like it came just before."""
    if isinstance(call, Step):
        with call.around():
            call.call()
            return timed(call.call, device)
    if device is None or device.type != "cuda":
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize(device)
    return begin.elapsed_time(end) / 1000.0
