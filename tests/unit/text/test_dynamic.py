"""Dynamic prompts: what each form chooses, files of options, and what is refused."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from sdjp.errors import InputError
from sdjp.text.dynamic import check_template, expand, is_dynamic
from sdjp.text.prompt import parse, text_leaves
from sdjp.text.template import MAX_DEPTH
from sdjp.text.wildcards import Wildcards


def all_of(template: str, seeds: int = 60, wildcards: Wildcards | None = None) -> set[str]:
    return {expand(template, seed=seed, wildcards=wildcards) for seed in range(seeds)}


@pytest.mark.parametrize(
    ("template", "becomes"),
    [
        ("{赤|青}い車", {"赤い車", "青い車"}),
        ("｛赤｜青｝い車", {"赤い車", "青い車"}),
        ("{ 赤 | 青 }い車", {"赤い車", "青い車"}),
        ("{|大きな}犬", {"犬", "大きな犬"}),
        ("{猫}", {"猫"}),
        ("{}犬", {"犬"}),
        ("{2$$a|b|c}", {"a, b", "b, a", "a, c", "c, a", "b, c", "c, b"}),
        ("{２＄＄a｜b}", {"a, b", "b, a"}),
        ("{2$$ と $$犬|猫}", {"犬 と 猫", "猫 と 犬"}),
        ("{2$$$$犬|猫}", {"犬猫", "猫犬"}),
        ("{1-2$$a|b}", {"a", "b", "a, b", "b, a"}),
        ("{-1$$a|b}", {"a", "b"}),
        ("{2-$$a|b}", {"a, b", "b, a"}),
        ("{0-1$$a}x", {"x", "ax"}),
        ("{0::a|b}", {"b"}),
        ("{{a|b}c|d}", {"ac", "bc", "d"}),
        ("{a|{b|{c|d}}}", {"a", "b", "c", "d"}),
        ("{[猫|犬]|鳥}", {"[猫|犬]", "鳥"}),
        ("{(猫:1.2)|犬}", {"(猫:1.2)", "犬"}),
        ("<lora:{a|b}:0.8>", {"<lora:a:0.8>", "<lora:b:0.8>"}),
        ("a {b|c", {"a {b|c"}),
        ("a} b|c", {"a} b|c"}),
        ("{[a|b}", {"[a", "b"}),
        (r"\{a|b\}", {r"\{a|b\}"}),
        (r"{a\|b|c}", {r"a\|b", "c"}),
        ("¥{a|b¥}", {"¥{a|b¥}"}),
        (r"\__x__", {"__x__"}),
        ("{a$$b|c}", {"a$$b", "c"}),
        ("16:9::x", {"16:9::x"}),
        ("", {""}),
    ],
)
def test_each_form(template: str, becomes: set[str]) -> None:
    assert all_of(template) == becomes
    assert is_dynamic(template) == (becomes != {template})


def test_escaped_braces_reach_the_picture_as_characters() -> None:
    assert text_leaves(parse(expand(r"\{{赤}\}", seed=0))) == ("{赤}",)


def test_the_same_seed_and_template_choose_alike_for_good() -> None:
    # Written down once: another Python, another machine, another version has to choose the same.
    assert [expand("{赤|青|白}い{車|家}", seed=seed) for seed in range(4)] == [
        "白い車", "白い車", "白い車", "青い家",
    ]  # fmt: skip
    assert expand("{2$$a|b|c|d|e}", seed=2**40) == "d, b"


def test_seeds_spread_over_the_options_by_their_weights() -> None:
    count = Counter(expand("{3::a|b|c|d}", seed=seed) for seed in range(3000))
    # Four standard deviations of a binomial of 3000 at 1/2 and at 1/6.
    assert abs(count["a"] - 1500) < 110
    assert all(abs(count[option] - 500) < 82 for option in "bcd")
    pairs = Counter(expand("{a|b}{c|d}", seed=seed) for seed in range(2000))
    assert all(abs(count - 500) < 78 for count in pairs.values())  # the second does not follow the first


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "animals").mkdir()
    for name, text in {
        "色": "\ufeff# 色\n赤\n\n  青  \n",
        "animals/dogs": "柴犬\n3::秋田犬\n",
        "animals/cats": "{白|黒}猫\n",
        "both": "__色__い__animals/dogs__\n",
        "a": "x__b__\n",
        "b": "y\n__a__\n",
        "none": "# nothing\n",
        "zero": "0::a\n",
    }.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "sjis.txt").write_bytes("猫".encode("shift_jis"))
    return tmp_path


@pytest.mark.parametrize(
    ("template", "becomes"),
    [
        ("__色__い空", {"赤い空", "青い空"}),
        ("＿＿色＿＿い空", {"赤い空", "青い空"}),
        ("__animals/dogs__", {"柴犬", "秋田犬"}),
        ("__animals/*__", {"柴犬", "秋田犬", "白猫", "黒猫"}),
        ("__both__", {"赤い柴犬", "赤い秋田犬", "青い柴犬", "青い秋田犬"}),
        ("{2$$__色__}", {"赤, 青", "青, 赤"}),
        ("{__色__|緑}", {"赤", "青", "緑"}),
    ],
)
def test_wildcards(template: str, becomes: set[str], folder: Path) -> None:
    known = Wildcards(folder)
    check_template(template, known)
    assert all_of(template, wildcards=known) == becomes


def test_names_are_found_however_they_are_encoded(tmp_path: Path) -> None:
    (tmp_path / f"{unicodedata.normalize('NFD', 'がく')}.txt").write_text("学", encoding="utf-8")
    assert expand("__がく__", seed=0, wildcards=tmp_path) == "学"


@pytest.mark.parametrize(
    ("template", "code", "said"),
    [
        ("__色い__", "wildcards.unknown", "__色__"),
        ("{赤|__nothing__}", "wildcards.unknown", "nothing.txt"),
        ("__../secret__", "wildcards.unknown", "secret"),
        ("__none__", "wildcards.empty", "none.txt"),
        ("__sjis__", "wildcards.unreadable", "UTF-8"),
        ("__a__", "dynamic.cycle", "__a__ → __b__ → __a__"),
        ("__zero__", "dynamic.weights", "__zero__"),
        ("{0::a|0::b}", "dynamic.weights", "{0::a|0::b}"),
        ("{3$$a|b}", "dynamic.count", "{3$$a|b}"),
        ("{2-1$$a|b}", "dynamic.count", "2"),
        ("{" * (MAX_DEPTH + 1) + "a" + "}" * (MAX_DEPTH + 1), "dynamic.deep", str(MAX_DEPTH)),
    ],
)
def test_what_is_refused_is_found_without_a_seed(template: str, code: str, said: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_template(template, Wildcards(folder))
    assert caught.value.code == code
    assert said in caught.value.ja
    assert said in caught.value.en


def test_without_a_folder_the_message_tells_how_to_give_one() -> None:
    with pytest.raises(InputError, match="--wildcards"):
        expand("__髪型__", seed=0)
    with pytest.raises(InputError) as caught:
        Wildcards("no such folder")
    assert caught.value.code == "wildcards.folder"


def test_every_expansion_ends(tmp_path: Path) -> None:
    for i in range(20):  # twice as many at each level, and nothing of it is a character
        (tmp_path / f"w{i}.txt").write_text(f"__w{i + 1}____w{i + 1}__" if i < 19 else "{}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        expand("__w0__", seed=0, wildcards=tmp_path)
    assert caught.value.code == "dynamic.many"
    (tmp_path / "long.txt").write_text("x" * 15_000, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        expand("__long____long__", seed=0, wildcards=tmp_path)
    assert caught.value.code == "dynamic.long"
    check_template("{" * 9000 + "[" * 9000, Wildcards())
