"""JSON as the files of a model have it; whatever is wrong with it is one kind of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from sdjp.weights.files.faults import Invalid

MAX_BYTES: Final = 10_000_000
"""Largest file; an index of shards has some 100 kB."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        Invalid: If it cannot be read, or is no JSON.
    """
    try:
        if path.exists() and not path.is_file():
            raise Invalid("ふつうのファイルではありません", "it is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise Invalid(f"{MAX_BYTES:,} バイトを超えています", f"more than {MAX_BYTES:,} bytes")
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(str(error), str(error)) from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        Invalid: If it cannot be read, is no JSON, or holds something else.
    """
    return to_object(read_json(path))


def parse_json(text: str | bytes) -> Any:
    """Read JSON from a text.

    Raises:
        Invalid: If it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(str(error), str(error)) from error


def to_object(data: Any) -> dict[str, Any]:
    """Return ``data``, which has to be a JSON object.

    Raises:
        Invalid: If it is something else.
    """
    if not isinstance(data, dict):
        raise Invalid("JSON のオブジェクトではありません", "it is no JSON object")
    return data
