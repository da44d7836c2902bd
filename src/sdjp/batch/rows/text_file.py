"""Rows of files with one of them on each line: prompts, or objects of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sdjp.batch.rows.lines import lines
from sdjp.batch.rows.names import once
from sdjp.batch.rows.raw import MAX_BYTES, RawRow, too_long, utf8
from sdjp.errors import InputError
from sdjp.text.prompt_lines import is_prompt_line

_DECODER: Final = json.JSONDecoder(object_pairs_hook=once)


def read_txt(pieces: Iterable[bytes]) -> Iterator[RawRow]:
    """Read a file of prompts; blank lines and notes are passed over."""
    for row in _lines(pieces):
        if isinstance(row.values, InputError):
            yield row
        elif is_prompt_line(row.text):
            yield row._replace(values={"prompt": row.text})


def read_jsonl(pieces: Iterable[bytes]) -> Iterator[RawRow]:
    """Read a file of JSON objects; blank lines are passed over."""
    for row in _lines(pieces):
        if isinstance(row.values, InputError):
            yield row
        elif row.text.strip():
            try:
                yield row._replace(values=_object(row.text))
            except InputError as error:
                yield row._replace(values=error)


def _lines(pieces: Iterable[bytes]) -> Iterator[RawRow]:
    """The text of each line, or why it has none; with no values yet."""
    for number, line in lines(pieces):
        try:
            if len(line) > MAX_BYTES:
                raise too_long("行", "the line")
            yield RawRow(number, {}, utf8(line))
        except InputError as error:
            yield RawRow(number, error, line.decode("utf-8", "replace"))


def _object(text: str) -> dict[str, Any]:
    """Read one line of JSON.

    Raises:
        InputError: If it is no JSON, or no object, or has a name twice.
    """
    try:
        found = _DECODER.decode(text)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        place = error.colno if isinstance(error, json.JSONDecodeError) else None
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise InputError(
            "rows.json",
            ja=f"JSON として読めません（{'' if place is None else f'{place} 文字目: '}{why}）。"
            '1 行に 1 つのオブジェクトを書いてください（例: {"prompt": "猫"}）。',
            en=f"it is no JSON ({'' if place is None else f'character {place}: '}{why}). "
            'Write one object on each line, such as {"prompt": "a cat"}.',
        ) from error
    if not isinstance(found, dict):
        raise InputError(
            "rows.json",
            ja='JSON のオブジェクトではありません。{"prompt": "猫"} のように書いてください。',
            en='it is no JSON object. Write it as {"prompt": "a cat"}.',
        )
    return found
