"""The further tables of pairs, from small files as their packages have them."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from sdjp_training.translator import tables


def write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def test_names_of_unicode(tmp_path: Path) -> None:
    for name, said in (
        ("annotations", {"🐈": {"ja": "ネコ", "en": "cat"}}),
        ("annotationsDerived", {"👋🏻": {"ja": "手を振る: 薄い肌色", "en": "waving hand: light skin tone"}}),
    ):
        for lang in ("ja", "en"):
            rows = {character: {"tts": [both[lang]]} for character, both in said.items()}
            write(tmp_path / name / name / lang / "annotations.json", {name: {"annotations": rows}})
    names = {
        "territories": ("日本", "Japan"),
        "languages": ("日本語", "Japanese"),
        "scripts": ("漢字", "Han"),
    }
    for what, both in names.items():
        for lang, name in zip(("ja", "en"), both, strict=True):
            found = {"main": {lang: {"localeDisplayNames": {what: {"x": name}}}}}
            write(tmp_path / "localenames" / "main" / lang / f"{what}.json", found)
    assert list(tables.cldr(tmp_path)) == [("ネコ", "cat"), *names.values()]


def test_names_of_maps(tmp_path: Path) -> None:
    said = {
        "ja": {"presets": {"shop": {"name": "八百屋"}, "x": {"name": "?"}}, "fields": {"f": {"label": "階"}}},
        "en": {"presets": {"shop": {"name": "Greengrocer"}}, "fields": {"f": {"label": "Floor"}}},
    }
    for lang, found in said.items():
        found["fields"]["f"]["options"] = {"a": "木造" if lang == "ja" else "Wooden"}  # type: ignore[assignment]
        write(tmp_path / "dist" / "translations" / f"{lang}.json", {lang: {"presets": found}})
    assert list(tables.presets(tmp_path)) == [("八百屋", "Greengrocer"), ("階", "Floor"), ("木造", "Wooden")]


def test_a_dictionary_the_other_way_round(tmp_path: Path) -> None:
    entry = "Castle /kˈɑːsəl/ <n>\n1. 城, お城（日本の）\na large building\n2. 城郭\n"
    about = "00-database-info\n日本\n"
    with gzip.open(tmp_path / "freedict-eng-jpn.dict.dz", "wb") as file:
        file.write((about + entry).encode())
    digits = tables._BASE64
    length = len(entry.encode())
    rows = [
        f"00database\t{digits[0]}\t{digits[len(about.encode())]}",
        f"castle\t{digits[len(about.encode())]}\t{digits[length // 64]}{digits[length % 64]}",
    ]
    (tmp_path / "freedict-eng-jpn.index").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert list(tables.dictionary(tmp_path)) == [("城", "Castle"), ("お城", "Castle"), ("城郭", "Castle")]


def test_places_that_are_more_than_a_name(tmp_path: Path) -> None:
    lines = [
        "東京駅 [とうきょうえき] /(st) Tokyo Station/",
        "ローマ /(p) Rome (Italy)/",
        "小海 [こうみ] /(p) Koumi/",
        "山田 [やまだ] /(s) Yamada/",
        "亜昌 [あよ] /(f) Ayo/",
    ]
    (tmp_path / "enamdict").write_text("\n".join(lines), encoding="euc-jp")
    assert list(tables.places(tmp_path / "enamdict")) == [("東京駅", "Tokyo Station"), ("ローマ", "Rome")]


def test_names_and_descriptions_of_a_game(tmp_path: Path) -> None:
    catalog = {
        "": "Content-Type: text/plain; charset=UTF-8\n",
        "wooden sword": "木刀",
        "noun\x04steel helmet": "鉄兜",
        "You see %s.": "%sが見える。",
        "A wide coat made of thin wool.": "薄い羊毛の、  ゆったりしたコートです。",
    }
    path = tmp_path / "game.mo"
    path.write_bytes(compiled(catalog))
    assert set(tables.game_names(path)) == {("木刀", "wooden sword"), ("鉄兜", "steel helmet")}
    described = ("薄い羊毛の、 ゆったりしたコートです。", "A wide coat made of thin wool.")
    assert list(tables.game_descriptions(path)) == [described]


def compiled(catalog: dict[str, str]) -> bytes:
    """A catalogue of gettext."""
    rows = sorted((key.encode(), value.encode()) for key, value in catalog.items())
    texts, spans, start = b"", [], 28 + 16 * len(rows)
    for column in (0, 1):
        for row in rows:
            spans += [len(row[column]), start + len(texts)]
            texts += row[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(rows), 28, 28 + 8 * len(rows), 0, 0)
    return head + struct.pack(f"<{len(spans)}I", *spans) + texts


def test_without_apt_the_tables_of_debian_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tables._debian(tmp_path) is None
    assert "enamdict" in caplog.text
