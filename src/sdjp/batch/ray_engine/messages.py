"""What ``cluster.py`` and the process of Ray say to each other, beside tasks and events."""

from __future__ import annotations

from dataclasses import dataclass

from sdjp.batch.spec import RunSettings


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the process of Ray is to do; see :func:`sdjp.batch.ray_engine.cluster.draw_all`.

    Attributes:
        out: The place of the job, whole.
        settings: How it is drawn.
        workers: How many actors.
        address: Of the cluster.
        ship_weights: Whether nodes get the weights sent.
        folder: Where a cluster of our own keeps its files.
    """

    out: str
    settings: RunSettings
    workers: int | None
    address: str | None
    ship_weights: bool
    folder: str | None


@dataclass(frozen=True, kw_only=True)
class Want:
    """So many tasks are wanted at most; none in reply is the end."""

    count: int


@dataclass(frozen=True, kw_only=True)
class Failed:
    """What stops the job.

    Attributes:
        error: It.
        cause: Where it came from, in words; None for those that the user can do something about.
    """

    error: Exception
    cause: Exception | None = None


class Elsewhere(Exception):
    """The traceback of an error in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def portable(error: Exception, traceback: str) -> Failed:
    """An error as it can be sent to another process.

    Args:
        error: It.
        traceback: Its traceback, in words.
    """
    from sdjp.errors import SdjpError

    if isinstance(error, SdjpError):
        return Failed(error=error)
    text = f"{type(error).__name__}: {error}"
    return Failed(error=RuntimeError(text), cause=Elsewhere(traceback))
