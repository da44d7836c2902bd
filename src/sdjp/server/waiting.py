"""Waiting for jobs in a request that is answered when they are over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from sdjp.server.jobs.queue import JobQueue
from sdjp.server.jobs.record import JobRecord


class Left(Exception):
    """The client went away: nobody reads what would be answered."""


async def settled(request: Request, jobs: Sequence[str], *, queue: JobQueue, owner: str) -> list[JobRecord]:
    """Wait until jobs are over, or until the client leaves; what becomes of them then is for the caller.

    Args:
        request: Its body must have been read.
        jobs: The ids of jobs of this owner.
        queue: Where they are.
        owner: Who asks.

    Raises:
        Left: If the client leaves before.
    """
    over = asyncio.ensure_future(_all(jobs, queue, owner))
    gone = asyncio.ensure_future(_disconnected(request))
    waited: tuple[asyncio.Future[Any], ...] = (over, gone)
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            return over.result()
        raise Left
    finally:
        for task in waited:
            task.cancel()


async def _all(jobs: Sequence[str], queue: JobQueue, owner: str) -> list[JobRecord]:
    return [await queue.settled(job, owner=owner) for job in jobs]


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
