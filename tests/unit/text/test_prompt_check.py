"""The check of prompts: which words are found, which only look like them, and what is done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sdjp.errors import InputError
from sdjp.records import PromptInfo
from sdjp.text.prompt_check import PromptChecker, make_prompt_checker
from sdjp.text.word_list import HARMLESS, Word, WordList, read, shipped

LEXICON = Path(__file__).parents[3] / "src" / "sdjp" / "assets" / "lexicon" / "own"


def found(text: str) -> list[str]:
    return [word.word for word in shipped().find(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("裸の女性", ["裸"]),
        ("全裸の女性", ["全裸"]),
        ("ﾇｰﾄﾞ写真", ["ヌード"]),
        ("(ヌード:1.3)、女性", ["ヌード"]),
        ("血まみれの死体", ["血まみれ", "死体"]),
        ("死体と死体", ["死体"]),
        ("a naked woman, NSFW", ["naked", "nsfw"]),
        ("Ｎａｋｅｄ　woman", ["naked"]),
        ("sexシーン", ["sex"]),
        ("kill him", ["kill"]),
        ("dead  body", ["dead body"]),
        ("self-harm", ["self-harm"]),
        ("児童ポルノ", ["児童ポルノ"]),
    ],
)
def test_what_is_found(text: str, words: list[str]) -> None:
    assert found(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "陰影のある写真",
        "ユニセックスの服",
        "裸眼、裸電球、裸足の少年",
        "裸子植物",
        "カップヌードル",
        "ヌードカラーの靴",
        "グレイプ、ドレイプ、ディスプレイプロテクター",
        "ロマンコメディ",
        "ウーマンコーデ",
        "ぱちんこ屋",
        "菜の花畑",
        "殺虫剤",
        "自殺防止のポスター",
        "skill, skilled, killer whale",
        "unisex clothes from Essex and Sussex",
        "rape blossoms under a blue sky",
        "seen with the naked eye",
        "grapes, scrapers, drapery",
        "a cockpit, a peacock, a cocktail",
        "gorey gorge, Gore-Tex jacket",
        "pornic, a town in France",
        "馬に乗る宇宙飛行士",
        "dead\nbody",  # a line break separates tags
        "",
        "、。()",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    assert found(text) == []


def test_everyday_words_of_the_lexicon_are_not_found() -> None:
    """Thousands of ordinary Japanese words and their English, in which there is nothing to find."""
    tables = [
        path for path in sorted(LEXICON.glob("*.tsv")) if path.stem not in ("adjectives", "tags", "senses")
    ]
    lines = [line for path in tables for line in path.read_text(encoding="utf-8").splitlines()]
    cells = [cell for line in lines if not line.startswith("#") for cell in line.split("\t")[:2]]
    assert len(cells) > 8000
    assert {cell for cell in cells if found(cell)} <= {"裸婦像", "nude statue"}


def test_the_shipped_list_is_of_the_form_that_users_write() -> None:
    words = shipped().words
    assert len(words) == len({(w.language, w.word) for w in words})
    assert {w.category for w in words} == {
        "sexual", "sexual_violence", "minors", "violence", "self_harm", HARMLESS,
    }  # fmt: skip
    for word in words:
        if word.category == HARMLESS:
            assert shipped().find(word.word) == ()
        else:
            assert word in shipped().find(word.word), word


def test_exceptions_of_the_shipped_list_are_needed() -> None:
    """Each has a word in it that would be found without it."""
    without = WordList(tuple(w for w in shipped().words if w.category != HARMLESS))
    idle = [w.word for w in shipped().words if w.category == HARMLESS and not without.find(w.word)]
    assert idle == []


# Lists of one's own.


def test_a_list_of_one_s_own_adds_and_takes_away(tmp_path: Path) -> None:
    path = tmp_path / "語.tsv"
    path.write_text(
        "# 社内の決まり\n\nja\t競合製品\tbrand\nja\t裸\t-\nen\tFoo Bar\tbrand\n", encoding="utf-8"
    )
    screen = make_prompt_checker("flag", words=path)
    assert screen.words.find("競合製品の foo  bar と裸の男") == (
        Word("ja", "競合製品", "brand"),
        Word("en", "Foo Bar", "brand"),
    )
    assert found("裸の男") == ["裸"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("裸\n", "1 行目"),
        ("# x\n\nfr\tnu\tsexual\n", "3 行目"),
        ("ja\t裸\t\n", "1 行目"),
        ("ja\t\u3000\tx\n", "1 行目"),
        ("ja,裸,sexual\n", "1 行目"),
    ],
)
def test_a_line_of_another_form_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "words.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.code == "prompt_words.line"
    assert said in caught.value.ja


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sjis.tsv").write_bytes("ja\t裸\tx".encode("shift_jis"))
    for path in (tmp_path / "none.tsv", tmp_path, tmp_path / "sjis.tsv"):
        with pytest.raises(InputError) as caught:
            make_prompt_checker("flag", words=path)
        assert caught.value.code == "prompt_words.unreadable"


# What is done.


def info(source: str, english: str) -> PromptInfo:
    return PromptInfo(source=source, normalized=source, english=english, tokens=1)


def test_flag_tells_the_words_and_where_they_stand() -> None:
    harmless, worded = PromptChecker().check(
        [info("猫", "a cat"), info("裸の死神が殺す", "naked reaper kills")]
    )
    assert (harmless.status, harmless.data) == ("done", {"checked": True, "flagged": False, "words": []})
    assert worded.data["flagged"] is True
    assert worded.data["words"] == [
        {"word": "裸", "category": "sexual", "where": "source"},
        {"word": "殺す", "category": "violence", "where": "source"},
        {"word": "naked", "category": "sexual", "where": "english"},
        {"word": "kills", "category": "violence", "where": "english"},
    ]
    assert "「裸」、「殺す」、「naked」（英訳）" in worded.ja
    assert not re.search("を確認|。。", worded.ja)
    json.dumps(worded.to_json(), allow_nan=False)


def test_a_word_that_is_in_both_is_told_once() -> None:
    (report,) = PromptChecker().check([info("naked", "naked")])
    assert [w["where"] for w in report.data["words"]] == ["source"]


def test_refuse_names_the_words_and_the_ways_out() -> None:
    screen = make_prompt_checker("refuse")
    assert screen.check([info("猫", "a cat")])[0].data["flagged"] is False
    with pytest.raises(InputError) as caught:
        screen.check([info("猫", "a cat"), info("裸", "naked")])
    assert caught.value.code == "prompt.refused"
    for said in ("「裸」", "「naked」（英訳）", "prompt_check='flag'", "例外"):
        assert said in caught.value.ja


def test_off_looks_at_nothing_and_opens_nothing(tmp_path: Path) -> None:
    (report,) = make_prompt_checker("off", words=tmp_path / "none.tsv").check([info("裸", "naked")])
    assert (report.status, report.data) == ("off", {"checked": False})


def test_text_states_have_no_words() -> None:
    (report,) = make_prompt_checker("refuse").check([None])
    assert (report.status, report.data) == ("skipped", {"checked": False})


@pytest.mark.parametrize("mode", ["on", "", None, True, ["flag"]])
def test_other_modes_are_refused(mode: object) -> None:
    with pytest.raises(InputError) as caught:
        make_prompt_checker(mode)  # type: ignore[arg-type]
    assert caught.value.code == "prompt_check.unknown"
    assert "'refuse'" in caught.value.ja
