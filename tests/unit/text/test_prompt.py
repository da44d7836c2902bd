"""The prompt parser: syntax, weights, errors, and what translators and tokenizers get from the tree."""

from __future__ import annotations

import contextlib
import doctest
import time

import pytest

from sdjp.errors import InputError
from sdjp.text import prompt as prompt_module
from sdjp.text import tree as tree_module
from sdjp.text.normalize import normalize
from sdjp.text.prompt import (
    MAX_NESTING,
    MAX_PROMPT_LENGTH,
    Break,
    Prompt,
    Run,
    Separator,
    Tag,
    Text,
    Weighted,
    map_text,
    parse,
    tags,
    text_leaves,
    unparse,
    weighted_runs,
)


def test_tree() -> None:
    assert parse("（最高品質：１．２）、[背景] ((猫))<lora:着物_v1:0.8>\nBREAK\n夜").nodes == (
        Weighted((Text("最高品質"),), 1.2, "number"),
        Separator(", "),
        Weighted((Text("背景"),), 1 / 1.1, "square"),
        Separator(" "),
        Weighted((Weighted((Text("猫"),), 1.1, "round"),), 1.1, "round"),
        Tag("<lora:着物_v1:0.8>"),
        Separator(", "),
        Break(),
        Separator(", "),
        Text("夜"),
    )
    assert parse("") == parse("、。！") == Prompt()


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("猫", [("猫", 1.0)]),
        ("(猫)", [("猫", 1.1)]),
        ("((猫))", [("猫", 1.21)]),
        ("[猫]", [("猫", 1 / 1.1)]),
        ("[(猫)]", [("猫", 1.0)]),
        ("[[猫]]", [("猫", 1 / 1.21)]),
        ("(猫:1.4)", [("猫", 1.4)]),
        ("(猫:0)", [("猫", 0.0)]),
        ("(猫:.5)(犬:1.)", [("猫", 0.5), ("犬", 1.0)]),
        ("((猫:1.4))", [("猫", 1.54)]),
        ("((猫:1.3)と(犬))", [("猫", 1.43), ("と", 1.1), ("犬", 1.21)]),
        ("((猫):1.3)", [("猫", 1.43)]),
        (
            "(a [red] cat:1.5) (sits)",
            [("a ", 1.5), ("red", 1.5 / 1.1), (" cat", 1.5), (" ", 1.0), ("sits", 1.1)],
        ),
        ("（ふわふわの雲：１．２）の上", [("ふわふわの雲", 1.2), ("の上", 1.0)]),
        ("(猫、犬:1.2)、鳥", [("猫, 犬", 1.2), (", 鳥", 1.0)]),
        ("(時刻: 12時:1.2)", [("時刻: 12時", 1.2)]),
        ("(a)(b), (c)", [("ab", 1.1), (", ", 1.0), ("c", 1.1)]),
        (r"猫\(白\)\[x\]\\", [("猫(白)[x]\\", 1.0)]),
        ("¥（笑￥）、＼（＾＾＼）", [("(笑), (^^)", 1.0)]),
        ("(^_^) a", [("(^_^) a", 1.0)]),
        ("(^_^:1.2)", [("^_^", 1.2)]),
        (r"a :\)", [("a :)", 1.0)]),
        ("㈱サクラ⑴", [("(株)サクラ(1)", 1.0)]),
        ("(㈱サクラ:1.2)", [("(株)サクラ", 1.2)]),
        ("{帽子}の{赤|青}い猫", [("{帽子}の{赤|青}い猫", 1.0)]),
        ("[猫:犬:0.5]", [("[猫:犬:0.5]", 1.0)]),
        ("[猫|犬]と[{赤|青}]", [("[猫|犬]と", 1.0), ("{赤|青}", 1 / 1.1)]),
        ("[(猫:1.2):犬:10]", [("[", 1.0), ("猫", 1.2), (":犬:10]", 1.0)]),
        ("[a:b]", [("a:b", 1 / 1.1)]),
        ("__色__の猫 AND 犬", [("__色__の猫 AND 犬", 1.0)]),
        ("猫、<lora:a:1>、犬", [("猫, 犬", 1.0)]),
        ("<lora:a:1>、猫、<lora:b:1>", [("猫", 1.0)]),
        ("猫 <lora:(:1> 犬", [("猫 犬", 1.0)]),
        ("1,000人", [("1,000人", 1.0)]),
        ("桜の下で、猫が寝ている。", [("桜の下で、猫が寝ている。", 1.0)]),
    ],
)
def test_effective_weights(text: str, runs: list[tuple[str, float]]) -> None:
    got = weighted_runs(parse(text))
    assert [run[0] for run in got if isinstance(run, Run)] == [words for words, _ in runs]
    # 1e-12: products of a few factors in double precision.
    assert [run[1] for run in got if isinstance(run, Run)] == pytest.approx([w for _, w in runs], abs=1e-12)


def test_break() -> None:
    cat, dog = Run("猫", 1.0), Run("犬", 1.0)
    for text in ("猫 BREAK 犬", "猫BREAK犬", "猫\nBREAK\n犬", "猫、ＢＲＥＡＫ、犬"):
        assert weighted_runs(parse(text)) == (cat, Break(), dog)
    assert weighted_runs(parse("BREAK 猫 BREAK BREAK")) == (Break(), cat, Break(), Break())
    assert weighted_runs(parse("(猫 BREAK 犬:2)")) == (Run("猫", 2.0), Break(), Run("犬", 2.0))
    assert text_leaves(parse("BREAKDANCE, breakfast, ANDES")) == ("BREAKDANCE", "breakfast", "ANDES")


def test_leaves_hold_no_syntax() -> None:
    text = "(笑顔:1.1)、{赤|青}い帽子 AND __髪型__の人、[猫:犬:0.5]、<lora:a:1>BREAK、桜の下で"
    leaves = ("笑顔", "赤", "青", "い帽子", "の人", "猫", "犬", "桜の下で")
    assert text_leaves(parse(text)) == leaves
    assert text_leaves(parse("桜の下で、猫が寝ている。")) == ("桜の下で、猫が寝ている。",)


def test_tags_in_order() -> None:
    text = "<lora:a b:0.5>猫(<hypernet:c:1>、犬:1.2)＜wildcard：色＞"
    assert tags(parse(text)) == ("<lora:a b:0.5>", "<hypernet:c:1>", "<wildcard:色>")


@pytest.mark.parametrize(
    ("text", "leaves", "expected"),
    [
        ("猫、犬", ["cat", "dog"], "cat, dog"),
        ("桜の下で、猫が寝ている。", ["a cat sleeps under a tree"], "a cat sleeps under a tree"),
        ("（ふわふわの雲：１．２）の上で", ["fluffy cloud", "on top"], "(fluffy cloud:1.2) on top"),
        ("{赤|青}い猫", ["red", "blue", "cat"], "{red|blue} cat"),
        ("[猫:犬:0.5]", ["cat", "dog"], "[cat:dog:0.5]"),
        ("__色__の猫", ["cat"], "__色__ cat"),
        ("<lora:a:1>猫", ["cat"], "<lora:a:1> cat"),
        ("猫、<lora:a:1>", ["cat (big) [x] {y|z}"], r"cat \(big\) \[x\] \{y\|z\}, <lora:a:1>"),
        ("猫", ["a <b:c>"], "a < b:c>"),
        ("(時刻)", ["at 12:30"], "(at 12:30:1.1)"),
        ("[時刻]", ["at 12:30"], "(at 12:30:0.9090909090909091)"),
        ("(猫)", ["cat\\"], r"(cat\\)"),
        ("((猫:1.5)と(犬))", ["cat", "", "dog"], "((cat:1.5) (dog))"),
        ("red(cat)と犬", ["red", "cat", "dog"], "red(cat) dog"),
        ("a(b)c", ["a", "b", "c"], "a(b)c"),
    ],
)
def test_translated(text: str, leaves: list[str], expected: str) -> None:
    translated = map_text(parse(text), leaves)
    assert str(translated) == expected
    weights = {run.weight for run in weighted_runs(parse(text)) if isinstance(run, Run)}
    assert {run.weight for run in weighted_runs(parse(expected)) if isinstance(run, Run)} <= weights


def test_wrong_number_of_leaves() -> None:
    with pytest.raises(InputError, match="2 個") as error:
        map_text(parse("猫、犬"), ["cat"])
    assert error.value.code == "prompt.leaves"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("（猫：１．２０）、ﾈｺ", "(猫:1.2), ネコ"),
        ("(a:+.5)", "(a:0.5)"),
        ("(a:0.0000001)", "(a:0.0000001)"),
        ("(a:10)", "(a:10)"),
        ("㈱サクラ", r"\(株\)サクラ"),
        (r"a\b \\( a)", r"a\b \\(a)"),
        ("((a)), [b], {c}", "((a)), [b], {c}"),
    ],
)
def test_written_out(text: str, written: str) -> None:
    assert unparse(parse(text)) == written
    assert parse(written) == parse(text)


@pytest.mark.parametrize(
    ("text", "position", "bracket"),
    [
        ("(猫", 1, "("),
        ("猫)", 2, ")"),
        ("猫、（犬", 3, "（"),
        ("((猫)", 1, "("),
        ("(猫))", 4, ")"),
        ("(猫]", 3, "]"),
        ("［猫）", 3, "）"),
        ("猫a:)", 4, ")"),
        (r"\((猫", 3, "("),
        ("<lora:):1>猫)", 12, ")"),
        ("㈱猫、\n（犬", 5, "（"),
        ("猫:1.2)", 6, ")"),
        ("[(猫:0.5]", 8, "]"),
    ],
)
def test_unbalanced(text: str, position: int, bracket: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text)
    assert error.value.code == "prompt.unbalanced"
    assert error.value.ja.startswith(f"{position} 文字目の「{bracket}」")
    assert f"character {position} " in error.value.en


@pytest.mark.parametrize(
    "text",
    [
        *(
            r"やったー＼(^o^)／",
            "（＾＿＾）猫",
            "(T_T)猫",
            "猫(笑)",
            "(*^_^*)猫",
            "(´・ω・｀)猫",
            "ヽ(´ー｀)ノ猫",
            "猫 :)",
            "猫 :-(",
            "犬 ;)",
        ),
        *(
            "(16:9)",
            "（8：00）",
            "(比率 3:4)",
            "(縦横比16:9)",
            "猫 (12:30)",
            "(1:1)",
            "(4:3)の絵",
            "(1:1.5)",
            "(23:59)",
            "(朝 6:30)",
        ),
        *(
            "(年齢：17)",
            "(身長:170)",
            "(人数：3)",
            "(時刻:8)",
            "(age:7)",
            "(Ratio:2)",
            "(レベル:5)",
            "(番号:9)",
            "(猫:100)",
            "(西暦:2024)",
        ),
    ],
)
def test_faces_ratios_and_labels_are_text(text: str) -> None:
    (run,) = weighted_runs(parse(text))
    assert run == Run(normalize(text), 1.0)
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        *(
            ("(猫:1.2)", 1.2),
            ("(cat:2)", 2.0),
            ("(1girl:2)", 2.0),
            ("(8k:2)", 2.0),
            ("(1990:1.2)", 1.2),
            ("(猫:10)", 10.0),
        ),
        *(
            ("(16:9:1.2)", 1.2),
            ("(ratio:2.0)", 2.0),
            ("(年齢:1.2)", 1.2),
            ("(猫:0)", 0.0),
            ("(^o^:1.3)", 1.3),
            ("(笑顔)", 1.1),
        ),
    ],
)
def test_weights_stay_weights(text: str, weight: float) -> None:
    (run,) = weighted_runs(parse(text))
    assert isinstance(run, Run)
    assert run.weight == weight


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Weighted((Text("ratio"),), 2.0, "number"), "(ratio:2.0)"),
        (Weighted((Text("16"),), 9.0, "number"), "(16:9.000)"),
        (Weighted((Text("16"),), 1.2, "number"), "(16:1.200)"),
        (Weighted((Text("^_^"),), 1.1, "round"), "(^_^:1.1)"),
        (Weighted((Text("at 12:30"),), 1.1, "round"), "(at 12:30:1.1)"),
    ],
)
def test_a_weight_is_written_so_that_it_is_read_as_one(node: Weighted, text: str) -> None:
    assert str(Prompt((node,))) == text
    assert weighted_runs(parse(text)) == weighted_runs(Prompt((node,)))


@pytest.mark.parametrize("text", ["猫)", "(猫", "猫 a:)", "(笑", "猫 (笑", "((猫 :( 犬)", "猫 :]"])
def test_other_brackets_without_a_partner_are_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text)
    assert error.value.code == "prompt.unbalanced"


@pytest.mark.parametrize(
    ("text", "read", "weight"),
    [
        ("(猫 :( 犬)", "猫 :(犬", 1.1),
        ("(猫 :) 犬)", "猫 :) 犬", 1.1),
        ("(猫 ;) 犬:1.2)", "猫 ;) 犬", 1.2),
        ("(猫 :( 犬:1.3)", "猫 :(犬", 1.3),
        ("[猫 :( 犬]", "猫 :(犬", 1 / 1.1),
        ("[猫 :) 犬]", "猫 :) 犬", 1 / 1.1),
        ("((猫 :) 犬))", "猫 :) 犬", 1.1 * 1.1),
        ("((猫 :( 犬):1.5)", "猫 :(犬", 1.1 * 1.5),
        ("(猫 :) 犬 ;) 鳥:1.2)", "猫 :) 犬 ;) 鳥", 1.2),
        ("[(猫 :) 犬)]", "猫 :) 犬", 1.1 / 1.1),
        ("（＼(^o^)／：１．２）", "\\(^o^)/", 1.2),
        ("(猫 ＼(^o^)／)", "猫 \\(^o^)/", 1.1),
        ("(16:9 :( 画像:1.2)", "16:9 :(画像", 1.2),
    ],
)
def test_faces_inside_brackets_are_text(text: str, read: str, weight: float) -> None:
    parsed = parse(text)
    (run,) = weighted_runs(parsed)
    assert isinstance(run, Run)
    assert run.text == read
    assert run.weight == pytest.approx(weight)
    assert parse(str(parsed)) == parsed


def test_a_face_is_syntax_where_every_bracket_has_a_partner() -> None:
    assert weighted_runs(parse("(猫 :)、(犬:(鳥))")) == (
        Run("猫 :", 1.1),
        Run(", ", 1.0),
        Run("犬:", 1.1),
        Run("鳥", 1.1 * 1.1),
    )


def test_sad_faces_in_brackets_do_not_count_as_nested() -> None:
    runs = weighted_runs(parse("(猫 :( 犬) " * 1500))
    assert sum(run.text == "猫 :(犬" for run in runs if isinstance(run, Run)) == 1500


@pytest.mark.parametrize("number", ["1.2.3", ".", "-1", "10.5", "9" * 400, "+99"])
def test_weight_out_of_range(number: str) -> None:
    with pytest.raises(InputError, match="重み") as error:
        parse(f"(猫:{number})")
    assert error.value.code == "prompt.weight"


def test_product_of_weights_out_of_range() -> None:
    assert weighted_runs(parse("((猫:5):2)")) == (Run("猫", 10.0),)
    with pytest.raises(InputError, match="「猫」") as error:
        parse("((猫:5):2.1)")
    assert error.value.code == "prompt.weight"


def test_nul() -> None:
    with pytest.raises(InputError, match="2 文字目") as error:
        parse("猫\0犬")
    assert error.value.code == "prompt.nul"


def test_length() -> None:
    parse("猫" * MAX_PROMPT_LENGTH)
    with pytest.raises(InputError, match=f"{MAX_PROMPT_LENGTH + 1} 文字") as error:
        parse("猫" * (MAX_PROMPT_LENGTH + 1))
    assert error.value.code == "prompt.too_long"


def test_nesting() -> None:
    deep = parse("[" * MAX_NESTING + "猫" + "]" * MAX_NESTING)
    assert parse(str(deep)) == deep
    for count in (MAX_NESTING + 1, MAX_PROMPT_LENGTH // 2 - 1):
        with pytest.raises(InputError, match=f"{MAX_NESTING + 1} 文字目") as error:
            parse("[" * count + "猫" + "]" * count)
        assert error.value.code == "prompt.nesting"


@pytest.mark.parametrize(
    "unit", ["猫、", "(a)", "[", "{", "\\", "<a:", "__", "__a", ":1", "A", "[a|", "㈱", "¥("]
)
def test_longest_prompts_are_quick(unit: str) -> None:
    """Accepted or refused, 20,000 characters take tenths of a second; quadratic time would be minutes."""
    text = (unit * MAX_PROMPT_LENGTH)[:MAX_PROMPT_LENGTH]
    start = time.process_time()
    with contextlib.suppress(InputError):
        tree = parse(text)
        assert len(map_text(tree, text_leaves(tree)).nodes) == len(tree.nodes)
        weighted_runs(tree)
    assert time.process_time() - start < 5.0


def test_docstrings() -> None:
    assert doctest.testmod(prompt_module).failed == doctest.testmod(tree_module).failed == 0


def test_text_between_syntax_may_stay_as_typed() -> None:
    typed = parse("赤い車、青い空、（白い雲：１．２）㈱　＼（笑＼）", as_typed=True)
    expected = (Run("赤い車、青い空、", 1.0), Run("白い雲", 1.2), Run("㈱　(笑)", 1.0))
    assert weighted_runs(typed) == expected
