"""Rows of Parquet files, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

from sdjp.batch.rows.names import check_columns
from sdjp.batch.rows.raw import MAX_BYTES, RawRow, too_long, utf8
from sdjp.batch.rows.source import called, is_compressed, opened, readable
from sdjp.errors import InputError, MissingDependencyError

_ROWS: Final = 256
"""Rows that are read at a time."""
_BUFFER: Final = 1 << 16
"""Bytes of a column that are read at a time."""


def read_parquet(source: str) -> Iterator[RawRow]:
    """Read a Parquet file; the number of a row is its place in the file.

    A row group is never in memory as a whole, a page of it (usually a megabyte for each column) is.

    Raises:
        InputError: If it cannot be read, or has columns that mean nothing.
        MissingDependencyError: If pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError(
            "rows.parquet",
            ja='Parquet の入力を読むには pyarrow が必要です: pip install "sdjp[batch]"',
            en='reading Parquet needs pyarrow: pip install "sdjp[batch]"',
        ) from error
    if is_compressed(source):
        raise InputError(
            "rows.compressed",
            ja=f"{called(source)} は全体が圧縮されていて、Parquet として読めません。"
            "展開してから指定してください。",
            en=f"{called(source)} is compressed as a whole, and cannot be read as Parquet. Unpack it first.",
        )
    with ExitStack() as stack:
        with readable(source):
            file = stack.enter_context(opened(source))
            table = stack.enter_context(pyarrow.parquet.ParquetFile(file, buffer_size=_BUFFER))
            names = table.schema_arrow.names
        check_columns(names, called(source))
        number = 1
        batches = table.iter_batches(batch_size=_ROWS)
        while True:
            with readable(source):
                batch = next(batches, None)
            if batch is None:
                return
            columns = [_cells(batch.column(i)) for i in range(len(names))]
            for cells in zip(*columns, strict=True):
                yield _row(number, names, cells)
                number += 1


def _row(number: int, names: Sequence[str], cells: Sequence[Any]) -> RawRow:
    errors = [cell for cell in cells if isinstance(cell, InputError)]
    values = {} if errors else dict(zip(names, cells, strict=True))
    text = ""
    if errors:
        text = next((cell for cell in cells if isinstance(cell, str)), "")
    return RawRow(number, errors[0] if errors else values, text)


def _cells(column: Any) -> list[Any]:
    """The cells of a column as Python has them; in place of one that cannot be used, the error."""
    try:
        found = column.to_pylist()
    except UnicodeDecodeError:  # Parquet promises UTF-8 and does not look
        found = [_cell(cell) for cell in column]
    return [_checked(cell) if isinstance(cell, str | bytes) else cell for cell in found]


def _cell(cell: Any) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return cell.as_buffer().to_pybytes()


def _checked(cell: str | bytes) -> str | InputError:
    """Text that is not too long; some write it as bytes."""
    try:
        if len(cell) > MAX_BYTES:
            raise too_long("セル", "the cell")
        return cell if isinstance(cell, str) else utf8(cell)
    except InputError as error:
        return error
