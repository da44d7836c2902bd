"""Processes of this machine that share each step of a training: on a processor, two with a thread each are
faster than one with two."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

TUNABLES: Final = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0"
    ":glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456"
)
"""How glibc is to allocate: in huge pages, which it keeps. A step makes gigabytes of short-lived tensors; in
pages of 4 KB, which the system fills with zeros each time, it took two to three times as long (measured on a
virtual machine). A process reads this when it starts, so it works for those that are started here."""


def run(work: Callable[..., None], *arguments: object, workers: int) -> None:
    """Call ``work(*arguments)`` in ``workers`` processes that belong together; if it is one, in this process.

    They meet at a file of their own, so several trainings can go on beside each other.

    Args:
        work: A function of a module; it asks :func:`rank_and_count` which of the processes it is in.
        arguments: Its arguments; they are pickled.
        workers: Number of processes.

    Raises:
        ValueError: If several are wanted elsewhere than on the processor.
        torch.multiprocessing.spawn.ProcessRaisedException: If one of them raised; the others are ended.
    """
    if workers > 1 and torch.get_default_device().type != "cpu":
        raise ValueError(f"{workers} workers share the cores of a processor; with a GPU, let it be one")
    if workers == 1:
        work(*arguments)
        return
    with TemporaryDirectory(prefix="sdjp-") as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        with _environment("GLIBC_TUNABLES", TUNABLES):
            spawn(_join, args=(workers, meeting, work, arguments), nprocs=workers)  # type: ignore[no-untyped-call]


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Let processes that are started within a ``with`` block have a variable, unless it is set already."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _join(
    rank: int, workers: int, meeting: str, work: Callable[..., None], arguments: Sequence[object]
) -> None:
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=workers)
    dist.barrier()  # one that was done before another has reached it would be taken for lost
    try:
        work(*arguments)
    finally:
        dist.destroy_process_group()


def rank_and_count() -> tuple[int, int]:
    """The number of this process, from 0, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def agree(value: float) -> float:
    """The first process's ``value``, in all of them.

    Raises:
        SystemExit: If the command that started them was ended: they end with it.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise SystemExit(1)
    if not dist.is_initialized():
        return value
    shared = torch.tensor(value, dtype=torch.float64)
    dist.broadcast(shared, 0)
    return float(shared)


def add_up(tensors: Sequence[Tensor]) -> None:
    """Add up tensors of one dtype over all processes, in place."""
    if dist.is_initialized():
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


def add_up_gradients(model: nn.Module) -> None:
    """Add up the gradients of a model over all processes; that of one that has none counts as zero."""
    if dist.is_initialized():
        learning = [p for p in model.parameters() if p.requires_grad]
        for p in learning:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        add_up([p.grad for p in learning if p.grad is not None])
