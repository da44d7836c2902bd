"""The file of a user's own words: where it is, what may stand in it, and that nothing in it is lost."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given

import sdjp
from sdjp.errors import InputError, OutputError
from sdjp.text.translate.lexicon_table import Entry, Table, user_table
from sdjp.text.translate.words_file import (
    as_line,
    merge,
    one_word,
    read_words,
    remove,
    words_path,
    write_lines,
)
from tests import strategies

NOTES = "# 飼い犬\nぽちまる,ポチ丸\tdog\tanimal\n\n推し\tidol\tperson\tprep=on_top mass\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with notes, in a folder with Japanese in its name."""
    folder = tmp_path / "設定 フォルダー"
    folder.mkdir()
    (folder / "words.tsv").write_text(NOTES, encoding="utf-8")
    return folder / "words.tsv"


# Where it is.


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "~/.config/sdjp/words.tsv"),
        ("linux", {"XDG_CONFIG_HOME": "/somewhere/else"}, "/somewhere/else/sdjp/words.tsv"),
        ("linux", {"XDG_CONFIG_HOME": "not/absolute"}, "~/.config/sdjp/words.tsv"),
        ("darwin", {"XDG_CONFIG_HOME": "/x"}, "~/Library/Application Support/sdjp/words.tsv"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/sdjp/words.tsv"),
        ("win32", {}, "~/AppData/Roaming/sdjp/words.tsv"),
        ("linux", {"SDJP_WORDS": "~/私の語.tsv", "XDG_CONFIG_HOME": "/x"}, "~/私の語.tsv"),
        ("linux", {"SDJP_WORDS": ""}, "~/.config/sdjp/words.tsv"),
    ],
)
def test_the_file_is_where_programs_keep_settings(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SDJP_WORDS", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert words_path() == Path(os.path.expanduser(expected))
    assert sdjp.words_path is words_path


# Adding and taking away.


def test_a_word_makes_the_file_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "words.tsv"
    assert read_words(path) == {}
    merged = merge(path, one_word("ぽちまる", "dog", "animal"))
    assert [entry.ja for entry in merged.new] == ["ぽちまる"]
    assert path.read_text("utf-8") == "ぽちまる\tdog\tanimal\n"
    assert [p.name for p in path.parent.iterdir()] == ["words.tsv"]


def test_notes_and_other_spellings_stay(path: Path) -> None:
    merged = merge(path, one_word("ぽちまる", "a small white Shiba Inu"))
    ((before, after),) = merged.changed
    assert (before.english, before.category) == ("dog", "animal")
    assert (after.english, after.category) == ("a small white Shiba Inu", "thing")
    assert path.read_text("utf-8") == (
        "# 飼い犬\nポチ丸\tdog\tanimal\n\n推し\tidol\tperson\tprep=on_top mass\n"
        "ぽちまる\ta small white Shiba Inu\tthing\n"
    )
    assert remove(path, "ポチ丸").english == "dog"
    assert path.read_text("utf-8").startswith("# 飼い犬\n\n推し")
    assert set(read_words(path)) == {"推し", "ぽちまる"}


def test_the_same_again_writes_nothing(path: Path) -> None:
    before = path.stat().st_mtime_ns
    merged = merge(path, one_word("ぽちまる、ポチ丸", "dog", "animal"))
    assert [entry.ja for entry in merged.same] == ["ぽちまる", "ポチ丸"]
    assert (merged.new, merged.changed) == ((), ())
    assert path.stat().st_mtime_ns == before


def test_a_word_is_found_however_its_characters_are_typed(path: Path) -> None:
    merge(path, one_word("ＡＢＣ、ﾎﾟﾁ", "abc"))
    assert {"ABC", "ポチ"} <= set(read_words(path))
    assert remove(path, "ABC").ja == remove(path, "ポチ").ja.replace("ポチ", "ABC")


def test_a_word_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(InputError) as caught:
        remove(path, "猫")
    assert caught.value.code == "words.absent"
    assert str(path) in caught.value.ja
    assert path.read_text("utf-8") == NOTES


@pytest.mark.parametrize(
    ("ja", "english", "category", "code"),
    [
        ("", "dog", "", "words.refused"),
        ("、", "dog", "", "words.refused"),
        ("！！", "dog", "", "words.refused"),
        ("# 猫", "dog", "", "words.refused"),
        ("犬、＃猫", "dog", "", "words.refused"),
        ("猫\t犬", "dog", "", "words.refused"),
        ("猫", "dog\ncat", "", "words.refused"),
        ("猫\u2028", "dog", "", "words.refused"),
        ("猫\ud800", "dog", "", "words.refused"),
        ("猫", "犬", "", "words.refused"),
        ("猫", "a 犬", "", "words.refused"),
        ("猫", "!", "", "words.refused"),
        ("猫", " ", "", "lexicon.line"),
        ("猫", "cat", "feline", "lexicon.line"),
    ],
)
def test_what_cannot_be_a_word_is_refused(ja: str, english: str, category: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        one_word(ja, english, category)
    assert caught.value.code == code
    assert "sdjp words add" in caught.value.ja or code == "lexicon.line"


def test_a_broken_file_stays_as_it_is(path: Path) -> None:
    path.write_text("猫\n", encoding="utf-8")
    for change in (lambda: merge(path, one_word("犬", "dog")), lambda: remove(path, "猫")):
        with pytest.raises(InputError) as caught:
            change()
        assert caught.value.code == "lexicon.line"
    assert path.read_text("utf-8") == "猫\n"


# Writing.


def test_what_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    for path in (tmp_path / "a file" / "words.tsv", tmp_path):
        with pytest.raises(OutputError) as caught:
            write_lines(path, ["猫\tcat"])
        assert caught.value.code == "words.write"
        assert "SDJP_WORDS" in caught.value.en
    assert [p.name for p in tmp_path.iterdir()] == ["a file"]
    assert list(tmp_path.parent.glob(".*.part")) == []


def test_a_link_and_the_rights_of_the_file_stay(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.tsv"
    link.symlink_to(path)
    path.chmod(0o600)
    merge(link, one_word("犬", "dog"))
    assert link.is_symlink()
    assert "犬" in read_words(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_mark_of_windows_editors_is_no_part_of_a_word(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + "猫\tcat\r\n犬\tdog\r\n".encode())
    assert remove(path, "猫").english == "cat"
    assert path.read_text("utf-8") == "犬\tdog\n"


@given(strategies.user_words)
def test_words_come_back_as_they_were(words: list[tuple[str, str, str]]) -> None:
    """Added one by one, written as lines, merged into another file, and taken away again."""
    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder) / "words.tsv", Path(folder) / "copy.tsv"
        expected: dict[str, tuple[Entry, ...]] = {}
        for word in words:
            table: Table = one_word(*word)
            merge(path, table)
            expected.update(table)
        assert read_words(path) == expected
        write_lines(copy, [as_line(entry) for (entry,) in expected.values()])
        assert user_table(copy) == expected
        assert len(merge(copy, expected).same) == len(expected)
        for spelling, (entry,) in expected.items():
            assert remove(path, spelling) == entry
        assert read_words(path) == {}
