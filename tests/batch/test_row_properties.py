"""Whatever stands in an input is read as it was written, and no line of it is lost."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.batch.rows import lines
from sdjp.batch.rows.csv_file import read_csv
from sdjp.batch.rows.read import BadRow, Row, read_rows
from sdjp.batch.rows.text_file import read_jsonl, read_txt
from sdjp.errors import InputError
from sdjp.text.prompt_lines import is_prompt_line
from tests import strategies

rows = st.lists(strategies.batch_rows, min_size=1, max_size=5)


def as_jsonl(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    path.write_text(
        "\n".join(json.dumps(row, ensure_ascii=len(row) % 2 == 0) for row in rows), encoding="utf-8"
    )


def as_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        writer.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)


def as_parquet(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    types = {"loras": pyarrow.map_(pyarrow.string(), pyarrow.float64()), "seed": pyarrow.uint64()}
    arrays = {
        name: pyarrow.array([_pairs(row.get(name)) for row in rows], types.get(name)) for name in columns
    }
    pyarrow.parquet.write_table(pyarrow.table(arrays), path)


def _pairs(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


WRITERS: dict[str, Callable[[Sequence[Mapping[str, Any]], Path], None]] = {
    "jsonl": as_jsonl,
    "csv": as_csv,
    "parquet": as_parquet,
}


@pytest.mark.parametrize("format", WRITERS)
@settings(max_examples=40)
@given(written=rows)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, format: str, written: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"rows.{format}"
    WRITERS[format](written, path)
    found = list(read_rows(str(path)))
    assert [dict(row.values) if isinstance(row, Row) else row.error.ja for row in found] == written


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """The pieces of a file that is read a few bytes at a time."""
    with mock.patch.object(lines, "CHUNK", size):
        yield from lines.pieces((data[i : i + size] for i in range(0, len(data), size)), "a.txt")


@given(data=strategies.line_soup, size=strategies.chunk_sizes)
def test_no_line_is_lost(data: bytes, size: int) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        with pytest.raises(InputError):
            list(cut(data, size))
        return
    every = dict(enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1))
    blank = {i for i, line in every.items() if not line.decode("utf-8", "replace").strip()}
    notes = {i for i, line in every.items() if not is_prompt_line(line.decode("utf-8", "replace"))}
    prompts = list(read_txt(cut(data, size)))
    objects = list(read_jsonl(cut(data, size)))
    broken = {row.number for row in prompts if isinstance(row.values, InputError)}
    assert {row.number for row in prompts} == every.keys() - (notes - broken)
    assert {row.number for row in objects} == every.keys() - (blank - broken)
    assert {i for i, line in every.items() if not _is_utf8(line)} == broken
    for row in prompts:
        assert row.text == every[row.number].decode("utf-8", "replace")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(text=strategies.csv_texts, size=strategies.chunk_sizes)
def test_records_are_those_of_the_csv_module(text: str, size: int) -> None:
    text = f"prompt,seed\n{text}"
    reader = csv.reader(io.StringIO(text, newline=""))
    begin, expected = 1, []
    for cells in reader:
        if any(cell.strip() for cell in cells):
            expected.append((begin, cells))
        begin = reader.line_num + 1
    found = list(read_csv(cut(text.encode(), size), "a.csv", b","))
    assert {row.number for row in found} >= {number for number, _ in expected[1:]}
    cells_of = dict(expected[1:])
    for row in found:
        if not isinstance(row.values, InputError):
            assert list(row.values.values()) == cells_of[row.number][:2]


@given(data=st.binary(max_size=60), size=strategies.chunk_sizes)
def test_pieces_are_the_file_again(data: bytes, size: int) -> None:
    if not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        found = list(cut(data, size))
        assert b"".join(found) == data
        assert all(len(piece.splitlines()) == 1 for piece in found)


# Memory.

LITTLE = 4 << 20
"""Bytes: some chunks; the pages of SQLite, of which tracemalloc sees nothing, have a limit of their own."""


@pytest.mark.parametrize("format", ["txt", "jsonl", "csv"])
@pytest.mark.parametrize(
    ("count", "length"), [(8_000, 1_000), pytest.param(100_000, 100, marks=pytest.mark.slow)]
)
def test_many_rows_take_little_memory(tmp_path: Path, format: str, count: int, length: int) -> None:
    path = tmp_path / f"a.{format}"
    with path.open("w", encoding="utf-8") as file:
        if format == "csv":
            file.write("prompt,id\n")
        for i in range(count):
            prompt = "馬に乗る宇宙飛行士の絵、".ljust(length, "星")
            if format == "jsonl":
                file.write(json.dumps({"prompt": prompt, "id": i}, ensure_ascii=False) + "\n")
            else:
                file.write(f"{prompt}{f',row-{i}' if format == 'csv' else ''}\n")
    tracemalloc.start()
    try:
        found = sum(isinstance(row, Row) for row in read_rows(str(path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == count
    assert peak < LITTLE < path.stat().st_size / 4


@pytest.mark.parametrize("format", ["txt", "jsonl", "csv"])
def test_a_line_of_any_length_takes_little_memory(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    with path.open("w") as file:
        file.write('prompt\n"' if format == "csv" else "")
        for _ in range(64):
            file.write("x" * (1 << 20) + ("\n" if format == "csv" else ""))
        file.write('"\n{"prompt": "a"}\n')
    tracemalloc.start()
    try:
        found = list(read_rows(str(path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    first, second = found
    assert isinstance(first, BadRow)
    assert first.error.code == "rows.long"
    assert isinstance(second, Row)
    assert second.number == (67 if format == "csv" else 2)
    assert peak < LITTLE


def test_a_row_group_is_not_read_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    prompts = [f"{i:01000d}" for i in range(30_000)]
    table = pyarrow.table({"prompt": prompts})
    pyarrow.parquet.write_table(table, path, compression="none", use_dictionary=False)
    size = table.nbytes
    del table
    before, most = pyarrow.total_allocated_bytes(), 0
    for i, row in enumerate(read_rows(str(path))):
        assert isinstance(row, Row)
        assert row.values["prompt"] == prompts[i]
        if i % 256 == 0:
            most = max(most, pyarrow.total_allocated_bytes() - before)
    assert most < size / 4
