"""Rows of CSV and TSV files (RFC 4180): a header, then records, which may run over several lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from sdjp.batch.rows.names import check_columns
from sdjp.batch.rows.raw import MAX_BYTES, RawRow, too_long, utf8
from sdjp.errors import InputError


class _Place(Enum):
    """Where in a record a byte stands."""

    START = auto()  # of a cell
    PLAIN = auto()  # in a cell without quotes, or behind them
    QUOTED = auto()
    QUOTE = auto()  # behind a quote in a quoted cell: the end of it, or the first of two


class _Record(NamedTuple):
    first: int  # of its lines, from 1
    last: int
    data: bytes  # without the end of what is too long


def read_csv(pieces: Iterable[bytes], source: str, delimiter: bytes) -> Iterator[RawRow]:
    """Read a CSV file. Records with nothing in any cell are passed over.

    Args:
        pieces: Its lines, see ``lines.pieces``.
        source: Its name, for messages.
        delimiter: What stands between two cells, one byte.

    Raises:
        InputError: If its header cannot be read, or has columns that mean nothing.
    """
    columns: list[str] | None = None
    for record in _records(pieces, delimiter):
        text = record.data.decode("utf-8", "replace")
        try:
            cells = _cells(record, delimiter)
        except InputError as error:
            if columns is None:
                raise InputError(
                    "rows.header",
                    ja=f"{source} の見出し（{record.first} 行目）を読めません: {error.ja}",
                    en=f"cannot read the header of {source} (line {record.first}): {error.en}",
                ) from error
            yield RawRow(record.first, error, text)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = _header(cells, source)
            continue
        try:
            _check_length(cells, columns)
            yield RawRow(record.first, dict(zip(columns, cells, strict=False)), text)
        except InputError as error:
            yield RawRow(record.first, error, text)


def _header(cells: list[str], source: str) -> list[str]:
    """The names of the columns; spreadsheets write empty ones behind them."""
    while not cells[-1].strip():
        cells.pop()
    check_columns(cells, source)
    return cells


def _check_length(cells: Sequence[str], columns: Sequence[str]) -> None:
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        raise InputError(
            "rows.cells",
            ja=f"セルが {len(cells)} 個ありますが、見出しは {len(columns)} 列です。"
            'カンマや改行を含むセルは " で囲んでください。',
            en=f"there are {len(cells)} cells, and {len(columns)} columns in the header. "
            'Put cells with commas or line breaks in them between ".',
        )


def _cells(record: _Record, delimiter: bytes) -> list[str]:
    """Read one record.

    Raises:
        InputError: If it is too long, no UTF-8, or its quotes do not match.
    """
    lines = record.last - record.first + 1
    if len(record.data) > MAX_BYTES:
        raise too_long(
            f'行（" が閉じるまでの {lines} 行）' if lines > 1 else "行",
            f'the row ({lines} lines, until a " closes it)' if lines > 1 else "the row",
        )
    text = utf8(record.data)
    try:
        return next(csv.reader([text], delimiter=delimiter.decode(), strict=True), [])
    except csv.Error as error:
        ja, en = (f"{lines} 行にわたる行", f"its {lines} lines") if lines > 1 else ("行", "the row")
        raise InputError(
            "rows.csv",
            ja=f'{ja}の " の対応がとれていません。セル全体を " で囲み、その中の " は "" と書いてください。',
            en=f'the quotes in {en} do not match ({error}). Put the whole cell between ", and write "" for a '
            '" in it.',
        ) from error


def _records(pieces: Iterable[bytes], delimiter: bytes) -> Iterator[_Record]:
    """Cut a file into records: at the line endings that are in no quoted cell."""
    line, ended = 0, True
    first, data, place = 1, b"", _Place.START
    for piece in pieces:
        line += ended
        first = first if data else line
        data = (data + piece)[: MAX_BYTES + 2]
        place = _after(place, piece, delimiter)
        ended = piece.endswith((b"\n", b"\r"))
        if ended and place is not _Place.QUOTED:
            yield _Record(first, line, _plain(data))
            data, place = b"", _Place.START
    if data:
        yield _Record(first, line, _plain(data))


def _plain(data: bytes) -> bytes:
    """A record without the line ending behind it."""
    return data.removesuffix(b"\n").removesuffix(b"\r")[: MAX_BYTES + 1]


def _after(place: _Place, piece: bytes, delimiter: bytes) -> _Place:
    """Where a reader is after a piece."""
    i = 0
    while i < len(piece):
        if place is _Place.QUOTED or place is _Place.PLAIN:
            i = piece.find(b'"' if place is _Place.QUOTED else delimiter, i)
            if i < 0:
                break
            place = _Place.QUOTE if place is _Place.QUOTED else _Place.START
        elif piece[i : i + 1] == b'"':
            place = _Place.QUOTED
        elif piece[i : i + 1] == delimiter:
            place = _Place.START
        else:
            place = _Place.PLAIN
        i += 1
    return place
