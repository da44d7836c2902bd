"""``sdjp words``: own words from the first to the last, and that every command reads with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sdjp import cli
from sdjp.images import read_metadata

Says = Callable[..., str]
ENGLISH = "a small white Shiba Inu"


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file of the words is to be; the commands run beside it."""
    path = tmp_path / "設定 フォルダー" / "words.tsv"
    monkeypatch.setenv("SDJP_WORDS", str(path))
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def says(words: Path, capsys: pytest.CaptureFixture[str]) -> Says:
    """Run a command; what it says, on both streams."""

    def run(*arguments: str, code: int = 0) -> str:
        assert cli.main(arguments) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out + said.err

    return run


def english(says: Says, prompt: str, *flags: str) -> str:
    return str(json.loads(says("explain", prompt, "--json", *flags))["english"])


def test_a_word_is_added_used_and_removed(says: Says, words: Path) -> None:
    said = says("words")
    assert "まだありません" in said
    assert str(words) in said
    plain = english(says, "ぽちまると公園")
    assert "足しました: ぽちまる" in says("words", "add", "ぽちまる", ENGLISH, "--category", "animal")
    assert words.read_text("utf-8") == f"ぽちまる\t{ENGLISH}\tanimal\n"
    assert f"ぽちまる → {ENGLISH}  [動物]" in says("words")

    told = json.loads(says("explain", "ぽちまると公園", "--json", "--translator", "lexicon"))
    assert {"source": "ぽちまる", "english": ENGLISH, "how": "user"} in told["parts"]
    assert f"ぽちまる → {ENGLISH}  [ユーザー辞書]" in says("explain", "ぽちまると公園")
    assert english(says, "ぽちまると公園", "--no-words") == plain
    assert english(says, "ぽちまると公園", "--translator", "passthrough") == "ぽちまると公園"

    said = says("words", "add", "ぽちまる", "dog")
    assert "置き換えました: ぽちまる → dog  [物]" in said
    assert f"これまで: ぽちまる → {ENGLISH}  [動物]" in said
    assert "もう入っています" in says("words", "add", "ぽちまる", "dog")
    assert "外しました: ぽちまる → dog" in says("words", "remove", "ぽちまる")
    assert english(says, "ぽちまると公園") == plain
    assert "ぽちまる" in says("words", "remove", "ぽちまる", code=2)


def test_pictures_are_drawn_with_them(says: Says) -> None:
    says("words", "add", "ぺろぽん", "red car")
    quick = ["--steps", "1", "-W", "64", "-H", "64", "--no-watermark", "--safety", "off"]
    assert "red car" in says("ぺろぽん", *quick)
    assert "red car" not in says("ぺろぽん", *quick, "--no-words")
    first, second = (read_metadata(f"out/0000{i}.png").sdjp for i in (0, 1))
    assert first is not None
    assert second is not None
    assert {"source": "ぺろぽん", "english": "red car", "how": "user"} in first["prompt"]["parts"]
    assert "user" not in {part["how"] for part in second["prompt"]["parts"]}


def test_a_word_is_looked_up(says: Says) -> None:
    said = says("words", "推し活", "猫")
    assert "[物, sdjp の語義の表]" in said
    assert "  cat  [動物, sdjp の辞書]" in said
    assert "  cat  [JMdict]" in said
    assert "プロンプトでは: cat" in said
    assert 'sdjp words add ぺろぽん "英語"' in says("words", "ぺろぽん")
    says("words", "add", "ぺろぽん", "creature", "--category", "動物")
    said = says("words", "ぺろぽん", "--lang", "en")
    assert "creature  [an animal, your own words]" in said
    assert "in a prompt: creature" in said


@pytest.mark.parametrize("name", ["add", "list", "show", "remove", "try", "export", "import"])
def test_a_word_may_be_called_like_an_action(name: str, says: Says) -> None:
    says("words", "add", name, "the word")
    assert says("words", "show", name).startswith(f"{name}\n  the word  [物, ユーザー辞書]")
    assert "外しました" in says("words", "remove", name)
    if name != "list":
        assert f"sdjp words show {name}" in says("words", name, code=2)


def test_a_word_that_no_text_will_have_is_told(says: Says) -> None:
    assert "一つの語として読まれない" in says("words", "add", "雨 女", "rain woman")
    assert "may not be read as one word" in says("words", "add", "雨 女", "a rain woman", "--lang", "en")


def test_a_word_without_japanese_is_for_japanese_text(says: Says) -> None:
    assert "日本語の文の中でだけ" in says("words", "add", "VTuber", "virtual streamer")
    assert english(says, "VTuberの絵", "--translator", "lexicon").startswith("a picture of")
    assert "within Japanese text only" in says("words", "add", "VTuber", "streamer", "--lang", "en")


def test_words_are_typed_where_the_locale_has_no_japanese(words: Path) -> None:
    def run(*arguments: str) -> str:
        locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        command = [sys.executable, "-m", "sdjp", "words", *arguments]
        return subprocess.run(
            command, capture_output=True, env={**os.environ, **locale}, check=True
        ).stdout.decode("utf-8")

    assert "足しました: ぽちまる" in run("add", "ぽちまる", ENGLISH, "--category", "動物")
    assert words.read_text("utf-8") == f"ぽちまる\t{ENGLISH}\tanimal\n"
    assert f"プロンプトでは: {ENGLISH}" in run("ぽちまる")


def test_words_are_tried_without_being_saved(says: Says, words: Path) -> None:
    says("words", "add", "ぺろぽん", "red car")
    before = words.read_text("utf-8")
    said = says("words", "try", "ぽちまるとぺろぽん", "ぽちまる=dog", "--category", "animal")
    assert "英語:     a dog and a red car" in said
    assert "英語:     a rat" in says("words", "try", "ぽちまる", "ぽちまる=a rat"), (
        "not what mini makes of it"
    )
    assert "登録していません" in said
    assert words.read_text("utf-8") == before
    assert "登録していません" not in says("words", "try", "ぺろぽん")


def test_words_go_from_one_machine_to_another(says: Says, words: Path) -> None:
    says("words", "add", "ぽちまる", ENGLISH, "--category", "animal")
    says("words", "add", "ぺろぽん", "creature")
    assert "2 語" in says("words", "export", "配る.tsv")
    assert "すでにあります" in says("words", "export", "配る.tsv", code=2)
    says("words", "export", "配る.tsv", "--overwrite")
    words.unlink()
    says("words", "add", "ぺろぽん", "monster")
    said = says("words", "import", "配る.tsv")
    assert f"足しました: ぽちまる → {ENGLISH}  [動物]" in said
    assert "これまで: ぺろぽん → monster" in said
    assert "新しい語 1、置き換えた語 1、同じだった語 0" in said
    assert "0 new, 0 replaced, 2 the same" in says("words", "import", "配る.tsv", "--lang", "en")
    Path("悪い.tsv").write_text("猫\tcat\n犬\t犬\n", encoding="utf-8")
    assert "英語ではありません" in says("words", "import", "悪い.tsv", code=2)
    assert "猫" not in words.read_text("utf-8"), "all or nothing"


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    ("arguments", "ja", "en"),
    [
        (["add", "ぽちまる"], "次のように書きます", "write sdjp words add like this"),
        (["add", "a", "b", "c"], "次のように書きます", "like this"),
        (["list", "猫"], "sdjp words show list", "sdjp words show list"),
        (["ad", "猫", "cat"], "もしかして: sdjp words add", "Did you mean: sdjp words add"),
        (["add", "ぽちまる", "犬"], "英語ではありません", "is not English"),
        (["add", "#猫", "cat"], "# で始める", "begin with #"),
        (["add", "猫", "cat", "--category", "x"], "分類 x はありません", "there is no category x"),
        (["remove", "猫", "--category", "animal"], "--category は", "--category is for"),
        (["remove", "猫"], "自分の語にありません", "none of your own words"),
        (["try", "猫", "犬"], "形ではありません", "is not WORD=ENGLISH"),
        (["try", "。"], "プロンプトに文字がありません", "no words in it"),
        (["export", "words.tsv"], "書き出す語がありません", "no words to write"),
        (["import", "none.tsv"], "読み込めません", "cannot be read"),
    ],
)
def test_bad_input_is_told_and_changes_nothing(
    arguments: list[str], ja: str, en: str, language: str, says: Says, words: Path
) -> None:
    assert (en if language == "en" else ja) in says("words", *arguments, "--lang", language, code=2)
    assert not words.exists()


def test_a_broken_file_is_named_wherever_it_is_read(says: Says, words: Path) -> None:
    words.parent.mkdir()
    words.write_text("猫\tcat\n犬\n", encoding="utf-8")
    for arguments in (["words"], ["explain", "猫"], ["words", "add", "鳥", "bird"]):
        said = says(*arguments, code=2)
        assert str(words) in said
        assert "2 行目" in said
    assert english(says, "猫", "--no-words") == "cat"
    assert words.read_text("utf-8") == "猫\tcat\n犬\n"


def test_help_has_a_line_for_each_action(capsys: pytest.CaptureFixture[str]) -> None:
    for language, words in (("ja", "語を外す"), ("en", "take a word away")):
        with pytest.raises(SystemExit):
            cli.main(["words", "--help", "--lang", language])
        said = capsys.readouterr().out
        assert words in said
        for action in ("add", "remove", "try", "export", "import"):
            assert f"\n  sdjp words {action} " in said
