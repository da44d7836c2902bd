"""Tokens that a tokenizer was given in training, with rows of their own in the table of the text encoder.

So does textual inversion (Gal et al. 2022, arXiv 2208.01618) when it saves the whole pipeline: ``<cat-toy>``
is one more entry. Three files may tell of them, by the age of the library that wrote them:

=========================  ======================================================
``added_tokens.json``      ``{"<cat-toy>": 49408}``
``tokenizer_config.json``  ``{"added_tokens_decoder": {"49408": {"content": …}}}``
``tokenizer.json``         ``{"added_tokens": [{"id": 49408, "content": …}]}``
=========================  ======================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sdjp.weights.files.faults import Invalid
from sdjp.weights.files.json_file import read_object

ADDED: Final = "added_tokens.json"
FILES: Final = (ADDED, "tokenizer_config.json", "tokenizer.json")
MOST: Final = 1_000
"""Names that are looked for in a prompt."""


def read_added(*paths: Path) -> dict[str, int]:
    """Read the ids of the tokens that files tell of; what cannot be read tells of none.

    Args:
        paths: Files of the names in :data:`FILES`, or of others with the contents of ``added_tokens.json``.
    """
    found: dict[str, int] = {}
    for path in paths:
        if path.is_file():
            try:
                pairs = list(_pairs(path.name, read_object(path)))
            except Invalid:
                continue
            found |= {name: i for name, i in pairs if isinstance(name, str) and type(i) is int and i >= 0}
    return found


def _pairs(name: str, data: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    if name == "tokenizer.json":
        rows = data.get("added_tokens")
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                yield row.get("content"), row.get("id")
    elif name == "tokenizer_config.json":
        by_id = data.get("added_tokens_decoder")
        for i, row in by_id.items() if isinstance(by_id, dict) else ():
            if isinstance(row, dict) and i.isdecimal() and len(i) < 10:
                yield row.get("content"), int(i)
    else:
        yield from data.items()


def usable(added: Mapping[str, int], rows: range) -> dict[str, int]:
    """Return the tokens whose ids are among ``rows`` of the table, in the order of their ids.

    Args:
        added: Names and ids.
        rows: Those that the tokenizer's own entries leave.
    """
    by_id = {i: name for name, i in added.items() if i in rows and name.strip()}
    return {by_id[i]: i for i in sorted(by_id)[:MOST]}


def by_name(tokens: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Return the ids that each name stands for.

    A name with several vectors has as many tokens, ``<cat>``, ``<cat>_1``, ``<cat>_2`` …, and stands for all
    of them, as diffusers reads it.
    """
    return {name: tuple(_series(name, tokens)) for name in tokens}


def _series(name: str, tokens: Mapping[str, int]) -> Iterable[int]:
    yield tokens[name]
    number = 1
    while f"{name}_{number}" in tokens:
        yield tokens[f"{name}_{number}"]
        number += 1
