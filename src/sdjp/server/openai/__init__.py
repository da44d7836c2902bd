"""OpenAI's images API: ``/v1/images/generations``, ``/v1/images/edits``, ``/v1/models``."""

from __future__ import annotations

from starlette.routing import Route

from sdjp.server.context import Context
from sdjp.server.openai import models
from sdjp.server.openai.images import Images


def routes(context: Context) -> list[Route]:
    """All its routes."""
    return [*Images(context).routes(), *models.routes(context)]
