"""The threads that torch computes with: how many there are, and how they wait for work.

OpenMP reads its environment once, when torch is imported; this is to be called before. What the user has set
stays. torch itself counts the processors that it may run on, and knows nothing of a quota of their time: in a
container that gets the time of two out of 64, 64 threads would wait for each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Final

_COUNT: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_WAITING: Final = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")


def settle(environment: MutableMapping[str, str], *, root: Path = Path("/")) -> None:
    """Set what the user has not: threads that wait sleep, and there are no more of them than the quota feeds.

    Where other programs run, spinning takes the time of all.

    Args:
        environment: That of the process.
        root: Where ``proc`` and ``sys`` are.
    """
    if not any(name in environment for name in _WAITING):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
    limit = quota(root)
    if limit is not None and not any(name in environment for name in _COUNT):
        fed = max(1, int(limit))
        if fed < processors():
            environment["OMP_NUM_THREADS"] = str(fed)


def processors() -> int:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(root: Path = Path("/")) -> float | None:
    """The time that control groups give this process, in processors; None if there is no limit, or no Linux.

    A limit holds for all groups within: the least of those from this group up to the root counts. In a
    container, the group may have its name outside, where it is the root of what is mounted inside.
    """
    limits = [
        limit for folder in _groups(root) for limit in (_version_2(folder), _version_1(folder)) if limit
    ]
    return min(limits, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the control groups that may have a limit."""
    mounts = root / "sys" / "fs" / "cgroup"
    for line in _words(root / "proc" / "self" / "cgroup", separator="\n"):
        _, colon, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if not colon:
            continue
        if controllers == "":  # version 2, alone or beside version 1
            places = [mounts, mounts / "unified"]
        elif "cpu" in controllers.split(","):
            places = [mounts / controllers, mounts / "cpu"]
        else:
            continue
        own = Path(name.lstrip("/"))
        for place in places:
            yield from (place / group for group in (own, *own.parents))


def _version_2(folder: Path) -> float | None:
    """``cpu.max``: microseconds of each period, or "max"."""
    match _words(folder / "cpu.max"):
        case [limit, period]:
            return _share(limit, period)
    return None


def _version_1(folder: Path) -> float | None:
    """The same in two files; -1 is no limit."""
    match (*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")):
        case [limit, period]:
            return _share(limit, period)
    return None


def _share(limit: str, period: str) -> float | None:
    """One number by the other, if there is a limit."""
    return int(limit) / int(period) if limit.isdecimal() and period.isdecimal() and int(period) else None


def _words(path: Path, separator: str | None = None) -> list[str]:
    """What stands in a file; nothing, if it is not there."""
    try:
        return path.read_text(encoding="utf-8").split(separator)
    except (OSError, ValueError):
        return []
