"""What every way to ask gets: the queue, the models, and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdjp.server.jobs.queue import JobQueue
from sdjp.server.limits import Limits
from sdjp.server.settings import Settings

if TYPE_CHECKING:
    from sdjp.server.models.shelf import ModelShelf


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """The parts of a server.

    Attributes:
        queue: Jobs.
        models: What they are drawn with.
        limits: How much a request may ask for.
        settings: How the server is set up.
    """

    queue: JobQueue
    models: ModelShelf
    limits: Limits
    settings: Settings
