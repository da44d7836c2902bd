"""The input of a job: rows with a prompt, and whatever options they have of their own.

==========  ============================================================================================
txt         one prompt a line; blank lines and notes (``# `` before them) are passed over
jsonl       one object a line: ``prompt``, and any option of the table; blank lines are passed over
csv         a header and cells (RFC 4180), UTF-8 with or without BOM; ``.tsv`` with tabs; empty records are
            passed over
parquet     the same columns; needs pyarrow
==========  ============================================================================================

A row may have an ``id``. What is empty, null or NaN is left out. The file may be ``.gz``, ``.bz2``, ``.xz``
or, with pyarrow, ``.zst``; it may be on this machine, or wherever fsspec reads. It is read as a stream: what
is in memory does not grow with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

from sdjp.batch.rows.csv_file import read_csv
from sdjp.batch.rows.ids import Ids, row_id, seen_ids
from sdjp.batch.rows.lines import pieces
from sdjp.batch.rows.names import ID
from sdjp.batch.rows.parquet_file import read_parquet
from sdjp.batch.rows.raw import RawRow
from sdjp.batch.rows.source import (
    FORMATS,
    Format,
    called,
    check_source,
    chunks,
    delimiter_of,
    digest,
    format_of,
)
from sdjp.batch.rows.text_file import read_jsonl, read_txt
from sdjp.batch.rows.values import row_values
from sdjp.errors import InputError

__all__ = ["FORMATS", "BadRow", "Format", "Row", "called", "digest", "format_of", "read_rows"]

_SHOWN: Final = 200
"""Characters that are kept of a row that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the input.

    Attributes:
        number: The line where it begins, as an editor counts them, or the row of a Parquet file; from 1.
        key: Its id; None if it has none.
        values: Options by name, as JSON data; the prompt is among them. Each is allowed by its rule, as far
            as this is the same with every model.
    """

    number: int
    key: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that cannot be used.

    Attributes:
        number: See :class:`Row`.
        key: Its id, if that can be read.
        text: What stands there, up to 200 characters.
        error: Why it cannot be used.
    """

    number: int
    key: str | None
    text: str
    error: InputError


def read_rows(source: str, *, format: str | None = None) -> Iterator[Row | BadRow]:
    """Read an input, one row after the other.

    Args:
        source: A path, or what fsspec opens, such as ``"s3://bucket/rows.jsonl.gz"``.
        format: What it is; None if its name tells, see :func:`format_of`.

    Raises:
        InputError: If it cannot be read, is no file, has columns that mean nothing, or no row at all.
        MissingDependencyError: If a package that this needs is not installed.
        OutputError: If there is no room for the temporary file that ids are kept in.
    """
    check_source(source)
    return _read(source, format_of(source, format))


def _read(source: str, format: Format) -> Iterator[Row | BadRow]:
    found = False
    with seen_ids() as ids:
        for raw in _raw_rows(source, format):
            found = True
            yield _row(raw, ids)
    if not found:
        raise InputError(
            "rows.empty",
            ja=f"{called(source)} に描くものがありません。プロンプトを 1 行に 1 つ書いてください。",
            en=f"there is nothing to draw in {called(source)}. Write one prompt on each line.",
        )


def _raw_rows(source: str, format: Format) -> Iterator[RawRow]:
    if format == "parquet":
        return read_parquet(source)
    name = called(source)
    cut = pieces(chunks(source), name)
    if format == "csv":
        return read_csv(cut, name, delimiter_of(source))
    return read_txt(cut) if format == "txt" else read_jsonl(cut)


def _row(raw: RawRow, ids: Ids) -> Row | BadRow:
    key = None
    try:
        if isinstance(raw.values, InputError):
            raise raw.values
        key = row_id(raw.values.get(ID))
        first = None if key is None else ids.first(key, raw.number)
        if first is not None:
            raise InputError(
                "rows.same_id",
                ja=f"id が {first} 行目と同じです: {key}。行ごとに違う id を付けてください。",
                en=f"the id is the same as that of row {first}: {key}. Give every row one of its own.",
            )
        return Row(number=raw.number, key=key, values=row_values(raw.values))
    except InputError as error:
        # A copy has no traceback, which holds on to the whole row: somebody may collect what is bad.
        return BadRow(number=raw.number, key=key, text=_shown(raw), error=copy(error))


def _shown(raw: RawRow) -> str:
    text = raw.text or json.dumps(raw.values, ensure_ascii=False, default=repr)
    return text[:_SHOWN]
