"""Stand-in."""

from __future__ import annotations

from sdjp.batch.store import Store


def write_summary(store: Store) -> str:
    return "summary.html"
