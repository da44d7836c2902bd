"""The whole server around a real model of random weights, and a client in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sdjp.pipeline import Pipeline
from sdjp.server.app import create_app
from sdjp.server.context import Context
from sdjp.server.jobs.queue import JobQueue
from sdjp.server.limits import Limits
from sdjp.server.models.shelf import ModelShelf
from sdjp.server.settings import Settings


def make_context(folder: Path, pipe: Pipeline, *, limits: Limits | None = None, batch: int = 1) -> Context:
    """The parts of a server over a folder; the embedded model's name stands for ``pipe``."""
    models = ModelShelf(None, load=lambda _: pipe)
    models.pipeline()  # so that there is no time before it is ready
    return Context(
        queue=JobQueue(folder, models, batch=batch),
        models=models,
        limits=Limits() if limits is None else limits,
        settings=Settings(data=folder, batch=batch),
    )


@pytest.fixture(scope="module")
def context(tiny: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Context:
    return make_context(
        tmp_path_factory.mktemp("server"), tiny, limits=Limits(max_pixels=256 * 256, max_pictures=4)
    )


@pytest.fixture(scope="module")
def client(context: Context) -> Iterator[TestClient]:
    with TestClient(create_app(context), base_url="http://127.0.0.1:7860") as client:
        yield client
