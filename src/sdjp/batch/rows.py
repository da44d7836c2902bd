"""Stand-in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sdjp.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Row:
    number: int
    key: str | None = None
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class BadRow:
    number: int
    key: str | None = None
    text: str
    error: InputError


def digest(source: str) -> str:
    return hashlib.sha256(open(source, "rb").read()).hexdigest()


def format_of(source: str, format: str | None = None) -> str:
    return format or source.rpartition(".")[2]


def read_rows(source: str, *, format: str | None = None) -> Iterator[Row | BadRow]:
    for n, line in enumerate(open(source, encoding="utf-8"), 1):
        if format_of(source, format) == "jsonl":
            d = json.loads(line)
            k = d.pop("id", None)
            yield Row(number=n, key=k, values=d)
        else:
            yield Row(number=n, values={"prompt": line.rstrip("\n")})
