"""The input of a batch: what is read of each format, and what is said of rows and files that are no good."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import os
import sqlite3
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow
import pyarrow.parquet
import pytest

from sdjp.batch.rows.ids import Ids
from sdjp.batch.rows.raw import MAX_BYTES
from sdjp.batch.rows.read import BadRow, Row, digest, format_of, read_rows
from sdjp.errors import InputError, MissingDependencyError, OutputError
from sdjp.options import OPTIONS
from tests.batch.s3_server import BUCKET, s3_server, use


def written(tmp_path: Path, name: str, data: str | bytes) -> str:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def good(source: str, **more: Any) -> list[Row]:
    rows = list(read_rows(source, **more))
    bad = [row.error for row in rows if isinstance(row, BadRow)]
    assert not bad, bad
    return [row for row in rows if isinstance(row, Row)]


def bad(rows: Iterable[Row | BadRow]) -> list[tuple[int, str]]:
    """The bad rows: number and code."""
    return [(row.number, row.error.code) for row in rows if isinstance(row, BadRow)]


def refusal(source: str, **more: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        list(read_rows(source, **more))
    return caught.value


def table(tmp_path: Path, columns: dict[str, Any], **more: Any) -> str:
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **more)
    return str(path)


# Text.


def test_prompts_have_the_numbers_of_an_editor(tmp_path: Path) -> None:
    text = "\ufeff猫\n\n# 下書き\n　# これも\n  犬 \r\n#桜\r鳥\x0b\x85の\u2028絵"
    rows = good(written(tmp_path, "a.txt", text))
    expected = [(1, "猫"), (5, "  犬 "), (6, "#桜"), (7, "鳥\x0b\x85の\u2028絵")]
    assert [(row.number, row.values["prompt"]) for row in rows] == expected
    assert {row.key for row in rows} == {None}
    assert all(row.values.keys() == {"prompt"} for row in rows)


def test_a_line_that_is_no_text_or_too_long_is_bad_and_the_next_is_fine(tmp_path: Path) -> None:
    longest = b"x" * MAX_BYTES
    data = b"\n".join([b"ok", "猫".encode("cp932"), longest + b"x", longest + b"\r", b"y" * 10**6, b"end"])
    rows = list(read_rows(written(tmp_path, "a.txt", data)))
    assert bad(rows) == [(2, "rows.encoding"), (3, "rows.long"), (5, "rows.long")]
    assert [(row.number, len(row.values["prompt"])) for row in rows if isinstance(row, Row)] == [
        (1, 2),
        (4, MAX_BYTES),
        (6, 3),
    ]
    shown = [row.text for row in rows if isinstance(row, BadRow)]
    assert shown == ["\ufffdL", "x" * 200, "y" * 200]


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", "\ufeff"])
def test_an_input_without_a_row_is_an_error(tmp_path: Path, content: str) -> None:
    assert refusal(written(tmp_path, "a.txt", content)).code == "rows.empty"
    assert refusal(written(tmp_path, "a.jsonl", "\n")).code == "rows.empty"
    assert refusal(written(tmp_path, "a.csv", "prompt\n,\n")).code == "rows.empty"
    assert refusal(table(tmp_path, {"prompt": pyarrow.array([], pyarrow.string())})).code == "rows.empty"


def test_utf16_is_refused_as_a_whole(tmp_path: Path) -> None:
    for name in ("a.txt", "a.csv"):
        assert refusal(written(tmp_path, name, "prompt\n猫\n".encode("utf-16"))).code == "rows.encoding"


# JSON.


def test_objects_have_any_option_and_an_id(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "猫", "id": "a-1", "seed": 2**64 - 1, "width": 512.0, "paste_back": False},
        {"prompt": "犬", "id": 7, "guidance_interval": [0, 0.6], "loras": {"着物 v2:x": 0.8}},
        {"prompt": "鳥", "id": None, "seed": None, "guidance_scale": float("nan"), "loras": {}},
        {"prompt": "馬", "attention": False, "num_images_per_prompt": "3", "negative_prompt": " "},
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    found = good(written(tmp_path, "a.jsonl", text))
    assert [(row.key, dict(row.values)) for row in found] == [
        ("a-1", {"prompt": "猫", "seed": 2**64 - 1, "width": 512, "paste_back": False}),
        ("7", {"prompt": "犬", "guidance_interval": [0, 0.6], "loras": {"着物 v2:x": 0.8}}),
        (None, {"prompt": "鳥"}),
        (None, {"prompt": "馬", "attention": False, "num_images_per_prompt": 3}),
    ]
    assert type(found[0].values["width"]) is int


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("[1]", "rows.json"),
        ('"猫"', "rows.json"),
        ("{", "rows.json"),
        ("[" * 100_000, "rows.json"),
        ('{"prompt": ' + "9" * 5000 + "}", "rows.json"),
        ('{"prompt": "a", "prompt": "b"}', "rows.twice"),
        ('{"prompt": "a", "loras": {"x": 1, "x": 2}}', "rows.twice"),
        ('{"prompt": "\\ud83d"}', "rows.surrogate"),
        ('{"prompt": "a", "loras": {"\\udc00": 1}}', "rows.surrogate"),
        ('{"seed": 1}', "rows.prompt"),
        ('{"prompt": "　"}', "rows.prompt"),
        ('{"prompt": null}', "rows.prompt"),
        ('{"prompt": 3}', "prompt.type"),
        ('{"prompt": ["a", "b"]}', "rows.several"),
        ('{"prompt": "a", "seed": [1, 2]}', "rows.several"),
        ('{"prompt": "a", "seed": -1}', "seed.range"),
        ('{"prompt": "a", "seed": 1.5}', "seed.range"),
        ('{"prompt": "a", "seed": 1e300}', "seed.range"),
        ('{"prompt": "a", "seed": true}', "seed.range"),
        ('{"prompt": "a", "guidance_scale": Infinity}', "guidance_scale.range"),
        ('{"prompt": "a", "attention": true}', "rows.attention"),
        ('{"prompt": "a", "image": "x.png"}', "rows.unknown"),
        ('{"prompt": "a", "id": true}', "rows.id"),
        ('{"prompt": "a", "id": 1.5}', "rows.id"),
        ('{"prompt": "a", "id": "a\\nb"}', "rows.id"),
        ('{"prompt": "a", "id": "' + "x" * 201 + '"}', "rows.id"),
        ('{"prompt": "a", "id": "\\ud83d"}', "rows.surrogate"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_left_out(tmp_path: Path, line: str, code: str) -> None:
    rows = list(read_rows(written(tmp_path, "a.jsonl", '{"prompt": "猫"}\n\n' + line + '\n{"prompt": "犬"}')))
    assert [row.number for row in rows] == [1, 3, 4]
    found = rows[1]
    assert isinstance(found, BadRow)
    assert found.error.code == code
    assert found.text == line[:200]
    assert found.error.__traceback__ is None
    assert found.error.__cause__ is None


def test_an_unknown_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    (found,) = read_rows(written(tmp_path, "a.jsonl", '{"promt": "a"}'))
    assert isinstance(found, BadRow)
    assert "'promt'（prompt のことですか）" in found.error.ja
    assert "'promt' (did you mean prompt?)" in found.error.en
    for name in (*OPTIONS, "id"):
        assert (name in found.error.en) == (name != "attention")


def test_the_second_of_two_ids_is_bad_even_if_the_first_was(tmp_path: Path) -> None:
    lines = [
        '{"prompt": "a", "id": 1}',
        '{"id": "2"}',
        '{"prompt": "a", "id": "1"}',
        '{"prompt": "b", "id": 2.0}',
    ]
    rows = list(read_rows(written(tmp_path, "a.jsonl", "\n".join(lines))))
    assert bad(rows) == [(2, "rows.prompt"), (3, "rows.same_id"), (4, "rows.same_id")]
    assert [row.key for row in rows] == ["1", "2", "1", "2"]
    third = rows[2]
    assert isinstance(third, BadRow)
    assert "1 行目" in third.error.ja


def test_no_room_for_ids_is_told() -> None:
    database = sqlite3.connect("", isolation_level=None)
    database.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID")
    database.execute("PRAGMA max_page_count = 4")
    ids = Ids(database)
    with pytest.raises(OutputError) as caught:
        deque(ids.first("x" * 190 + str(i), i) for i in range(1000))
    assert caught.value.code == "rows.ids"
    database.close()


# CSV.


def test_cells_become_what_their_option_takes(tmp_path: Path) -> None:
    text = (
        "prompt,id,seed,width,guidance_scale,paste_back,guidance_interval,loras,negative_prompt\r\n"
        '"猫、""三毛""\r\nの絵",007,8,512.0,7.5,TRUE,0 0.6,着物:0.8 kimono_v2,nan\r\n'
        "\r\n"
        ",,,,,,,,\r\n"
        '犬,b, １２ ,,.5,0,"0,0.6","{""a b"": -1}",\r\n'
        '鳥,,nan,NULL,1e1,false,"[0.25, 0.5]",,x\r\n'
    )
    rows = good(written(tmp_path, "a.csv", "\ufeff" + text))
    assert [(row.number, row.key, dict(row.values)) for row in rows] == [
        (
            2,
            "007",
            {
                "prompt": '猫、"三毛"\r\nの絵',
                "seed": 8,
                "width": 512,
                "guidance_scale": 7.5,
                "paste_back": True,
                "guidance_interval": [0.0, 0.6],
                "loras": {"着物": 0.8, "kimono_v2": 1.0},
                "negative_prompt": "nan",
            },
        ),
        (
            6,
            "b",
            {
                "prompt": "犬",
                "seed": 12,
                "guidance_scale": 0.5,
                "paste_back": False,
                "guidance_interval": [0.0, 0.6],
                "loras": {"a b": -1},
            },
        ),
        (
            7,
            None,
            {
                "prompt": "鳥",
                "guidance_scale": 10.0,
                "paste_back": False,
                "guidance_interval": [0.25, 0.5],
                "negative_prompt": "x",
            },
        ),
    ]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("seed", "8x", "seed.range"),
        ("seed", "1_000", "seed.range"),
        ("seed", "1 2", "seed.range"),
        ("seed", "1.23457E+10", "seed.range"),  # Excel has cut the digits off
        ("seed", "9" * 100, "seed.range"),
        ("width", "512.5", "size.positive"),
        ("guidance_scale", "強い", "guidance_scale.range"),
        ("guidance_scale", "1e999", "guidance_scale.range"),
        ("paste_back", "yes", "paste_back.unknown"),
        ("guidance_interval", "0.6", "guidance_interval.range"),
        ("guidance_interval", "0.6 0", "guidance_interval.range"),
        ("guidance_interval", "0 x", "guidance_interval.range"),
        ("loras", "a:b", "rows.loras"),
        ("loras", ":1", "rows.loras"),
        ("loras", "a:1 a:2", "rows.twice"),
        ("loras", "a:100", "loras.value"),
        ("loras", '"{""a"": 1, ""a"": 2}"', "rows.twice"),
        ("loras", "{'a': 1}", "loras.value"),
        ("translate", "sometimes", "translate.unknown"),
        ("attention", "true", "rows.attention"),
        ("id", '"a\nb"', "rows.id"),
        ("id", '"a', "rows.csv"),
        ("id", '"a"b', "rows.csv"),
        ("id", "1,2", "rows.cells"),
    ],
)
def test_a_cell_that_cannot_be_used_makes_its_row_bad(
    tmp_path: Path, column: str, cell: str, code: str
) -> None:
    after = "" if cell.count('"') % 2 else "犬,\n"
    rows = list(read_rows(written(tmp_path, "a.csv", f"prompt,{column}\n猫,{cell}\n{after}")))
    assert bad(rows) == [(2, code)]
    assert len(rows) == (2 if after else 1)


def test_a_record_may_lack_no_cell(tmp_path: Path) -> None:
    rows = list(read_rows(written(tmp_path, "a.csv", "prompt,seed,,\n猫,1,,\n犬\n鳥,1,,x\n馬,1")))
    assert bad(rows) == [(3, "rows.cells"), (4, "rows.cells")]


def test_a_quote_that_nothing_closes_takes_what_follows_with_it_and_says_so(tmp_path: Path) -> None:
    """What stands in quotes may be lines of a prompt: none is taken for a row of its own."""
    text = 'prompt\n猫\n"犬\n' + "x" * 1000 + "\n" * 200 + ("鳥" * 1000 + "\n") * 100 + '"\n馬\n"牛\n'
    rows = list(read_rows(written(tmp_path, "a.csv", text)))
    assert [(row.number, isinstance(row, Row)) for row in rows] == [
        (2, True),
        (3, False),
        (305, True),
        (306, False),
    ]
    long, open_ = (row.error for row in rows if isinstance(row, BadRow))
    assert (long.code, open_.code) == ("rows.long", "rows.csv")
    assert "302 行" in long.ja
    assert "302 lines" in long.en


def test_tabs_stand_between_the_cells_of_tsv(tmp_path: Path) -> None:
    for name in ("a.tsv", "a.TSV.gz"):
        data = 'prompt\tseed\n猫, "三毛"\t8\n'.encode()
        source = written(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
        assert [dict(row.values) for row in good(source)] == [{"prompt": '猫, "三毛"', "seed": 8}]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("prompt,sede,image", ["'sede'（seed のことですか）", "'image'", "guidance_scale"]),
        ("馬に乗る宇宙飛行士", ["'馬に乗る宇宙飛行士'", "1 行目"]),
        ("seed,id", ["prompt の列がありません", "seed, id"]),
        ("prompt,seed,prompt", ["2 つ以上", "prompt"]),
        (",prompt", ["''"]),
        ('"prompt', ["1 行目", "対応"]),
        ("x" * 200_000, ["1 行目", "131,072"]),
    ],
)
def test_columns_that_mean_nothing_are_an_error_of_the_file(
    tmp_path: Path, header: str, told: list[str]
) -> None:
    error = refusal(written(tmp_path, "a.csv", header + "\n猫,1\n"))
    assert error.code in ("rows.columns", "rows.header")
    assert all(text in error.ja for text in ["a.csv", *told]), error.ja


def test_a_header_in_another_encoding_is_told(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, "a.csv", "プロンプト\n猫\n".encode("cp932")))
    assert error.code == "rows.header"
    assert "UTF-8" in error.ja


# Parquet.


def test_columns_of_parquet_are_read_as_they_are_typed(tmp_path: Path) -> None:
    from decimal import Decimal

    source = table(
        tmp_path,
        {
            "prompt": pyarrow.array(["猫", "犬", None]).dictionary_encode(),
            "id": pyarrow.array([1.0, None, float("nan")]),
            "seed": pyarrow.array([2**64 - 1, None, 3], pyarrow.uint64()),
            "num_inference_steps": pyarrow.array([8.0, float("nan"), 1.0]),
            "guidance_scale": pyarrow.array([Decimal("7.5"), Decimal("2.0"), None]),
            "sampler": pyarrow.array([b"ddim", None, b"\xff"]),
            "guidance_interval": pyarrow.array([[0.0, 0.6], None, []], pyarrow.list_(pyarrow.float64(), -1)),
            "loras": pyarrow.array([{"a": 0.8, "b": None}, {"a": None, "b": None}, None]),
        },
    )
    rows = list(read_rows(source))
    assert bad(rows) == [(3, "rows.encoding")]
    assert [(row.key, dict(row.values)) for row in rows if isinstance(row, Row)] == [
        (
            "1",
            {
                "prompt": "猫",
                "seed": 2**64 - 1,
                "num_inference_steps": 8,
                "guidance_scale": 7.5,
                "sampler": "ddim",
                "guidance_interval": [0.0, 0.6],
                "loras": {"a": 0.8},
            },
        ),
        (None, {"prompt": "犬", "guidance_scale": 2}),
    ]


def test_a_map_of_loras_and_a_row_of_nothing(tmp_path: Path) -> None:
    kind = pyarrow.map_(pyarrow.string(), pyarrow.float64())
    loras = pyarrow.array([[("a", 0.5)], [("a", 1.0), ("a", 2.0)], None], kind)
    rows = list(read_rows(table(tmp_path, {"prompt": ["猫", "犬", None], "loras": loras})))
    assert rows[0] == Row(number=1, key=None, values={"prompt": "猫", "loras": {"a": 0.5}})
    assert bad(rows) == [(2, "rows.twice"), (3, "rows.prompt")]
    assert isinstance(rows[1], BadRow)
    assert "犬" in rows[1].text


def test_a_cell_that_is_no_text_or_too_long_is_bad(tmp_path: Path) -> None:
    ends = (0, 2, 4, MAX_BYTES + 5, MAX_BYTES + 8)
    text = pyarrow.StringArray.from_buffers(
        4,
        pyarrow.py_buffer(b"".join(end.to_bytes(4, "little") for end in ends)),
        pyarrow.py_buffer(b"ok\xff\xfe" + b"x" * (MAX_BYTES + 1) + "猫".encode()),
    )
    rows = list(read_rows(table(tmp_path, {"prompt": text})))
    assert bad(rows) == [(2, "rows.encoding"), (3, "rows.long")]
    assert [row.values["prompt"] for row in rows if isinstance(row, Row)] == ["ok", "猫"]


def test_parquet_must_be_parquet_with_known_columns_and_not_compressed_again(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "a.parquet", "no")).code == "rows.unreadable"
    assert refusal(written(tmp_path, "a.parquet.gz", "no")).code == "rows.compressed"
    source = table(tmp_path, {"prompt": ["猫"], "__index_level_0__": [1]})
    assert refusal(source).code == "rows.columns"
    Path(source).write_bytes(Path(source).read_bytes()[:-40] + b"\0" * 36 + b"PAR1")
    assert refusal(source).code == "rows.unreadable"


def test_rows_of_parquet_are_counted_over_row_groups(tmp_path: Path) -> None:
    prompts = [f"猫 {i}" for i in range(1000)]
    found = good(table(tmp_path, {"prompt": prompts}, row_group_size=300))
    assert [(row.number, row.values["prompt"]) for row in found] == list(enumerate(prompts, start=1))


# Where the file is.


def test_the_name_tells_the_format() -> None:
    names = {
        "a.txt": "txt",
        "dir.csv/a.NDJSON": "jsonl",
        "a.b.csv.bz2": "csv",
        "a.tsv": "csv",
        "s3://bucket/a.pq": "parquet",
        "https://example.com/a.jsonl.gz?token=x.csv": "jsonl",
        "zip://a.txt::s3://bucket/all.csv": "txt",
        "file:///tmp/a.csv": "csv",
    }
    assert {name: format_of(name) for name in names} == names
    assert format_of("a.txt", "csv") == "csv"
    for name, format in (("a", None), ("a.gz", None), ("a.json", None), ("", None), ("a.csv", "tsv")):
        with pytest.raises(InputError) as caught:
            format_of(name, format)
        assert caught.value.code == "rows.format"


def test_an_input_may_be_compressed(tmp_path: Path) -> None:
    text = '{"prompt": "猫"}\n'.encode() * 3
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(text)
    zstd = sink.getvalue().to_pybytes()
    kinds = {"gz": gzip.compress(text) * 2, "bz2": bz2.compress(text) * 2, "xz": lzma.compress(text) * 2}
    for ending, data in {**kinds, "zst": zstd * 2}.items():
        source = written(tmp_path, f"a.jsonl.{ending}", data)
        assert len(good(source)) == 6, ending
        assert digest(source) == hashlib.sha256(data).hexdigest()
        assert refusal(written(tmp_path, f"b.jsonl.{ending}", data[:-9])).code == "rows.unreadable", ending


def test_fsspec_opens_what_is_elsewhere(tmp_path: Path) -> None:
    text = b"prompt\n\xe7\x8c\xab\n"
    with fsspec.open("memory://rows/a.csv.gz", "wb") as file:
        file.write(gzip.compress(text))
    assert [row.values["prompt"] for row in good("memory://rows/a.csv.gz")] == ["猫"]
    local = table(tmp_path, {"prompt": ["犬"]})
    with fsspec.open("memory://rows/a.parquet", "wb") as file:
        file.write(Path(local).read_bytes())
    assert [row.values["prompt"] for row in good("memory://rows/a.parquet")] == ["犬"]
    assert digest("memory://rows/a.parquet") == digest(local) == digest(f"file://{local}")
    assert good(f"file://{local}") == good(local)
    missing = refusal("memory://rows/none.csv")
    assert missing.code == "rows.unreadable"
    assert "見つかりません" in missing.ja
    assert "No such file" in missing.en
    assert refusal("nothing://rows/a.csv").code == "rows.unreadable"


def test_an_object_store_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as url:
        use(monkeypatch, url)
        source = table(tmp_path, {"prompt": [f"猫 {i}" for i in range(3000)]})
        lines = gzip.compress('{"prompt": "猫"}\n'.encode() * 3000)
        for name, data in (("a.parquet", Path(source).read_bytes()), ("a.jsonl.gz", lines)):
            with fsspec.open(f"s3://{BUCKET}/{name}", "wb", skip_instance_cache=True) as file:
                file.write(data)
        assert good(f"s3://{BUCKET}/a.parquet") == good(source)
        assert len(good(f"s3://{BUCKET}/a.jsonl.gz")) == 3000
        assert digest(f"s3://{BUCKET}/a.jsonl.gz") == hashlib.sha256(lines).hexdigest()
        assert "見つかりません" in refusal(f"s3://{BUCKET}/none.csv").ja
        assert "バケット" in refusal("s3://no-such-bucket/a.csv").ja


def test_a_place_whose_package_is_missing_is_told() -> None:
    with pytest.raises(MissingDependencyError, match="dropboxdrivefs"):
        list(read_rows("dropbox://rows/a.csv"))


@pytest.mark.parametrize(
    ("module", "source"),
    [("pyarrow", "a.parquet"), ("pyarrow", "a.txt.zst"), ("fsspec", "memory://rows/a.csv")],
)
def test_a_package_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "sdjp\[batch\]"'):
        list(read_rows(source if "://" in source else written(tmp_path, source, "猫")))
    assert len(good(written(tmp_path, "a.csv.gz", gzip.compress("prompt\n猫\n".encode())))) == 1


def test_an_address_is_told_without_its_secrets() -> None:
    for source in ("https://me:secret@127.0.0.1:9/a.csv", "https://127.0.0.1:9/a.csv?secret=1"):
        with pytest.raises((InputError, MissingDependencyError)) as caught:
            list(read_rows(source))
        assert "127.0.0.1:9/a.csv" in caught.value.ja
        assert "secret" not in caught.value.ja + caught.value.en


def test_what_can_be_read_only_once_is_refused(tmp_path: Path) -> None:
    assert refusal("-").code == "rows.once"
    with pytest.raises(InputError, match="標準入力"):
        digest("-")
    os.mkfifo(tmp_path / "pipe.txt")
    assert refusal(str(tmp_path / "pipe.txt")).code == "rows.once"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for source in (str(tmp_path / "none.txt"), "", "a\0.txt"):
        assert refusal(source, format="txt").code == "rows.unreadable"
        with pytest.raises(InputError):
            digest(source)
    assert "フォルダー" in refusal(str(tmp_path), format="txt").ja
