"""Names of embeddings in prompts, and the tags of LoRAs."""

from __future__ import annotations

from typing import Any

import pytest

from sdjp.errors import InputError
from sdjp.text.chunks import chunk
from sdjp.text.names import Names, named
from sdjp.text.prompt import parse, unparse, weighted_runs
from sdjp.text.read import read
from sdjp.text.tags import lora_weights, other_tags
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.text.tree import Name, Named

CLIP = ClipTokenizer.from_assets()


TOKENS = {
    "<cat-toy>": (49408,),
    "<dog>": (49409, 49410),
    "<dog>_1": (49410,),
    "sks": (49411,),
    "<a:b>": (49412,),
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a <cat-toy> cat", ["<cat-toy>"]),
        ("<cat-toy>のいる部屋", ["<cat-toy>"]),
        ("赤い＜Cat-Toy＞と猫", ["<cat-toy>"]),
        ("a<cat-toy>b", ["<cat-toy>"]),
        ("cat-toy", []),
        ("< cat-toy >", []),
        ("<dog>_1 と <dog>", ["<dog>_1", "<dog>"]),
        ("[<dog>:0.5]", ["<dog>"]),
        ("(<cat-toy>:1.2), <a:b>, <lora:x:1>", ["<cat-toy>", "<a:b>"]),
        ("a photo of sks dog", ["sks"]),
        ("asks", []),
    ],
)
def test_names_that_are_tokens(text: str, found: list[str]) -> None:
    names = Names({}, TOKENS)
    assert list(named(names.mark(parse(text)))) == found
    (result,) = read([text], translator=make_translator("lexicon"), tokenizer=CLIP, names=names)
    ids = [i for chunk in result.chunks.ids for i in chunk if i > 49407]
    assert ids == [i for name in found for i in TOKENS[name]]
    assert result.info.embeddings == tuple(found)
    assert "<a:b>" not in result.info.ignored


def test_a_file_of_the_same_name_comes_before_a_token() -> None:
    both = Names({"cat-toy": 1}).beside(Names({}, TOKENS))
    assert named(both.mark(parse("a <cat-toy> and a <dog>"))) == ("cat-toy", "<dog>")
    assert both.ids("cat-toy") == (-1,)
    assert both.name_of(49408) == "<cat-toy>"
    assert both.owns(-1)
    assert not both.owns(320)


def test_tokens_that_were_cut_are_told() -> None:
    names = Names({}, TOKENS)
    text = "a " * 75 + "<dog>"
    (result,) = read([text], translator=make_translator("lexicon"), tokenizer=CLIP, names=names, max_chunks=1)
    assert result.info.truncated == "<dog>"


@pytest.mark.parametrize(
    ("names", "text", "found"),
    [
        (["EasyNegative"], "EasyNegative", ["EasyNegative"]),
        (["EasyNegative"], "easynegative, bad", ["EasyNegative"]),
        (["EasyNegative"], "ＥａｓｙＮｅｇａｔｉｖｅ、悪い手", ["EasyNegative"]),
        (["EasyNegative"], "(EasyNegative:1.3)", ["EasyNegative"]),
        (["EasyNegative"], "easynegativeと悪い手", ["EasyNegative"]),
        (["EasyNegative"], "EasyNegativeV2", []),
        (["EasyNegative"], "myEasyNegative", []),
        (["EasyNegative"], "EasyNegative_2", []),
        (["bad"], "bad-hands", []),
        (["bad"], "a bad, hand", ["bad"]),
        (["bad", "bad-hands-5"], "bad-hands-5, bad", ["bad-hands-5", "bad"]),
        (["cat-toy"], "a <cat-toy> on a table", ["cat-toy"]),
        (["style (v2)"], r"in style \(v2\), night", ["style (v2)"]),
        (["着物スタイル"], "着物スタイル、夜", ["着物スタイル"]),
        (["着物スタイル"], "着物スタイルの女性", ["着物スタイル"]),
        (["着物スタイル"], "夜の着物スタイル", ["着物スタイル"]),
        (["着物"], "着物スタイル", []),
        (["赤"], "赤い傘", []),
        (["花子"], "花子さん", []),
        (["バラ"], "ハ\u3099ラの絵", ["バラ"]),
        (["ハ\u3099ラ"], "バラの絵", ["ハ\u3099ラ"]),
        (["ﾊﾞﾗ"], "バラ、夜", ["ﾊﾞﾗ"]),
        (["猫"], "猫と猫", ["猫"]),
        ([], "猫", []),
        (["猫"], "", []),
        (["...", "a"], "b", []),
    ],
)
def test_a_name_is_a_word(names: list[str], text: str, found: list[str]) -> None:
    assert list(named(Names(dict.fromkeys(names, 1)).mark(parse(text)))) == found


def test_marking_changes_nothing_else() -> None:
    text = "(a kimono girl:1.2), 花子の絵 BREAK <lora:花子:1> [night]"
    names = Names({"kimono": 2, "花子": 1})
    marked = names.mark(parse(text))
    assert unparse(marked) == unparse(parse(text))
    assert Names({"other": 1}).mark(parse(text)) == parse(text)
    inside = marked.nodes[0].children  # type: ignore[union-attr]
    assert Name("kimono") in inside


def test_runs_keep_names_apart() -> None:
    marked = Names({"kimono": 2}).mark(parse("(a kimono girl:1.2), kimono BREAK kimono"))
    runs = weighted_runs(marked)
    assert [run for run in runs if isinstance(run, Named)] == [
        Named("kimono", 1.2),
        Named("kimono", 1.0),
        Named("kimono", 1.0),
    ]
    words = "".join(run.name if isinstance(run, Named) else getattr(run, "text", "|") for run in runs)
    assert words == "a kimono girl, kimono|kimono"


def test_ids_are_beyond_every_vocabulary_and_never_touch() -> None:
    names = Names({"a": 2, "b": 3})
    assert names.ids("a") == (-1, -2)
    assert names.ids("b") == (-4, -5, -6)
    assert [names.name_of(i) for i in (-1, -2, -4, -6)] == ["a", "a", "b", "b"]
    assert len(names) == 2


def chunked(text: str, names: Names, **arguments: Any) -> list[list[int]]:
    [prompt] = read(
        [text], translator=make_translator("passthrough"), tokenizer=CLIP, names=names, **arguments
    )
    return prompt.chunks.ids


def test_tokens_count_and_no_name_is_torn() -> None:
    names = Names({"x": 8})
    words = " ".join(["cat"] * 70)
    plain, full = chunked(f"{words} dog", names), chunked(f"{words} x dog", names)
    assert plain == chunked(f"{words} dog", Names({}))
    assert len(full) == 2
    assert full[0][71] == CLIP.end_id, "the eight vectors do not fit any more"
    assert full[1][1:9] == list(names.ids("x"))
    long = Names({"x": 160})  # longer than a chunk: there is no other way
    assert [sum(i < 0 for i in ids) for ids in chunked("cat x", long)] == [0, 75, 75, 10]
    two = chunked(f"{words} x x", names)
    assert [sum(i < 0 for i in ids) for ids in two] == [0, 16]


def test_what_is_cut_is_told_by_name() -> None:
    names = Names({"悪い手": 8})
    [prompt] = read(
        ["cat " * 70 + "悪い手, dog, 悪い手"],
        translator=make_translator("passthrough"),
        tokenizer=CLIP,
        names=names,
        max_chunks=1,
    )
    assert prompt.info.truncated == "悪い手 , dog , 悪い手"
    assert prompt.info.tokens == 70
    assert prompt.info.embeddings == ("悪い手",)
    runs = [((-1, -2), 1.0), ("a cat", 1.0)]
    assert chunk(runs, CLIP, names=names).tokens == 4


def test_translators_never_see_a_name() -> None:
    names = Names({"花子スタイル": 1, "cat": 1})
    [prompt] = read(
        ["花子スタイルの着物、cat、猫"], translator=make_translator("lexicon"), tokenizer=CLIP, names=names
    )
    assert "花子スタイル" in prompt.info.english
    assert prompt.info.embeddings == ("花子スタイル", "cat")
    assert prompt.chunks.ids[0].count(-1) == 1
    # 猫 becomes "cat", which nobody typed: it is the word, not the name.
    assert prompt.chunks.ids[0].count(-3) == 1
    assert "花子スタイル" not in "".join(part.source for part in prompt.info.parts)


# Tags.


@pytest.mark.parametrize(
    ("tags", "besides", "weights"),
    [
        (["<lora:着物:0.8>"], None, {"着物": 0.8}),
        (["<lora:着物>"], None, {"着物": 1.0}),
        (["<LORA: a b : -0.5 >"], None, {"a b": -0.5}),
        (["<lora:a:0>"], None, {"a": 0.0}),
        (["<lora:a:0.5>", "<lora:b:1>", "<lora:a:0.25>"], {"a": 1}, {"a": 1.75, "b": 1.0}),
        (["<hypernet:a:1>"], {"b": 2}, {"b": 2}),
        ([], None, {}),
    ],
)
def test_lora_weights(tags: list[str], besides: dict[str, float] | None, weights: dict[str, float]) -> None:
    assert lora_weights(tags, besides) == weights


@pytest.mark.parametrize(
    "tag", ["<lora:>", "<lora::1>", "<lora:a:x>", "<lora:a:nan>", "<lora:a:11>", "<lora:a:1:1>"]
)
def test_tags_that_cannot_be_read(tag: str) -> None:
    with pytest.raises(InputError, match=r"<lora:名前:0\.8>") as caught:
        lora_weights([tag])
    assert caught.value.code == "lora.tag"
    assert tag in caught.value.en


def test_a_prompt_tells_its_tags() -> None:
    [prompt] = read(
        ["猫、＜lora：着物：０．８＞<hypernet:x:1>"], translator=make_translator("lexicon"), tokenizer=CLIP
    )
    assert prompt.info.loras == (("着物", 0.8),)
    assert prompt.info.ignored == ("<hypernet:x:1>",) == other_tags(prompt.tags)
    assert prompt.info.to_json()["loras"] == {"着物": 0.8}
