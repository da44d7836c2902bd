"""The real server, for clients that other people wrote and that stay as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with the embedded model for all clients, without a safety checker: some tests draw noise."""
    with serving(tmp_path_factory.mktemp("serve") / "data", "--safety", "off") as running:
        yield running
