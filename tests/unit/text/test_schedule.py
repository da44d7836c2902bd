"""What a prompt is at each step, against the schedules that the web UI makes of it; and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sdjp.errors import InputError
from sdjp.text.composition import MAX_CONJUNCTS
from sdjp.text.prompt import parse, tags
from sdjp.text.read import check_prompt
from sdjp.text.schedule import Conjunct, Schedule, check_single, ranges, schedule, written

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "cases" / "schedules.json").read_text(encoding="utf-8")
)
SAME = [case for case in CASES if "differs" not in case]
TAG = re.compile(r"<\w+:[^>]+>")


def of(prompt: str, *passes: int) -> Schedule:
    return schedule(parse(prompt), passes or [20])


def entries(prompt: str, *passes: int) -> list[tuple[int, str]]:
    [conjunct] = of(prompt, *passes).conjuncts
    return [(end, str(variant)) for end, variant in conjunct.entries]


def by_step(entries: Sequence[Sequence[Any]], first: int, last: int) -> list[str]:
    return [next(text for end, text in entries if step <= end) for step in range(first, last + 1)]


# The web UI's own schedules.


def test_there_are_two_hundred_of_them() -> None:
    assert len(SAME) >= 200
    assert len({case["prompt"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", SAME, ids=[case["prompt"] for case in SAME])
def test_schedules_are_those_of_the_web_ui(case: dict[str, Any]) -> None:
    def plain(text: str) -> str:
        text = TAG.sub("", text).replace("\\:", ":").strip()
        return str(parse(text)) if "given" in case else text  # typed full-width: as the normalizer reads it

    for steps in ("20", "7", "50", "20+8"):
        passes = [int(n) for n in steps.split("+")]
        first, last = (1, passes[0]) if len(passes) == 1 else (passes[0] + 1, sum(passes))
        ours = of(case["prompt"], *passes).conjuncts
        assert [conjunct.weight for conjunct in ours] == [theirs["weight"] for theirs in case["conjuncts"]]
        for conjunct, theirs in zip(ours, case["conjuncts"], strict=True):
            if steps not in theirs["schedules"]:  # long ones are there for fewer steps only
                continue
            expected = by_step(theirs["schedules"][steps], 1, last - first + 1)
            found = by_step([(end, variant.source) for end, variant in conjunct.entries], first, last)
            assert [*map(plain, found)] == [*map(plain, expected)], steps


@pytest.mark.parametrize(
    "case", [case for case in CASES if "differs" in case], ids=lambda case: case["prompt"]
)
def test_what_the_web_ui_passes_on_as_characters_is_drawn_or_refused(case: dict[str, Any]) -> None:
    """As docs/en/prompts.md tells: it makes nothing of these, or of what a bracket is torn to."""
    if case["differs"] == "drawn":
        assert len(entries(case["prompt"])) == 2
    else:
        with pytest.raises(InputError) as caught:
            of(case["prompt"])
        assert caught.value.code.startswith(
            "prompt.unbalanced" if case["differs"] == "unbalanced" else ("prompt.and", "prompt.edit")
        )


# What it is at each step.


def test_both_runs_of_an_enlarged_picture_count_on() -> None:
    assert entries("[猫:犬:0.5]", 20, 8) == [(10, "猫"), (28, "犬")]
    assert entries("[猫:犬:1.5]", 20, 8) == [(24, "猫"), (28, "犬")]
    assert entries("[猫:犬:22]", 20, 8) == [(22, "猫"), (28, "犬")]
    assert of("[猫:犬:1.5]", 20).unused == ("犬",)
    assert of("[猫:犬:1.5]", 20, 8).unused == ()


def test_a_run_without_steps_still_has_a_prompt() -> None:
    assert entries("[猫:犬:0.5]", 0) == [(1, "犬")]
    assert entries("猫", 0) == [(1, "猫")]


def test_a_prompt_without_any_of_it_is_what_it_was() -> None:
    for text in ("猫", "[猫]、(犬:1.2)", "{赤|青}", "[a:b]", "a|b", "__髪型__", "BRAND LAND", "猫(・|・)"):
        parsed = parse(text)
        found = schedule(parsed, [20])
        assert found.plain
        assert found.prompts[0] is parsed


def test_separators_at_the_edges_of_a_bracket_belong_to_what_is_in_it() -> None:
    assert entries("公園[、噴水:0.5]") == [(10, "公園"), (20, "公園, 噴水")]
    assert entries("a park[ with a lake::0.5]") == [(10, "a park with a lake"), (20, "a park")]


def test_a_variant_is_a_prompt_of_its_own() -> None:
    """Also to models that read Japanese as it was typed."""
    [conjunct] = of("［ﾈｺ：犬：０．５］、桜").conjuncts
    assert [variant.source for _, variant in conjunct.entries] == ["ﾈｺ、桜", "犬、桜"]


def test_what_never_has_its_turn_is_told() -> None:
    assert of("[猫:犬:30] [a|b|c]", 2).unused == ("犬", "c")
    assert of("[<lora:x:1>猫:犬:0]").unused == ("猫",)  # a LoRA counts for the whole run
    assert of("[猫:犬:0.5]").unused == ()


def test_tags_of_all_variants_are_tags_of_the_prompt() -> None:
    assert tags(parse("[<lora:a:1>:<lora:b:1>:0.5]")) == ("<lora:a:1>", "<lora:b:1>")


# AND.


def test_and_joins_prompts_with_weights() -> None:
    found = of("猫 :1.2 AND [赤い:青い:0.5]家 ＡＮＤ 雪：-０．５").conjuncts
    assert [conjunct.weight for conjunct in found] == [1.2, 1.0, -0.5]
    assert [str(conjunct.at(1)) for conjunct in found] == ["猫", "赤い家", "雪"]
    assert [str(conjunct.at(11)) for conjunct in found] == ["猫", "青い家", "雪"]
    assert len(of("a cat and a dog, SAND").conjuncts) == 1


def test_a_colon_at_the_end_is_a_weight_only_beside_and() -> None:
    [conjunct] = of("a clock at 12:30").conjuncts
    assert (conjunct.weight, str(conjunct.at(1))) == (1.0, "a clock at 12:30")
    clock, _ = of(r"a clock at 12\:30 AND a cat").conjuncts
    assert (clock.weight, str(clock.at(1))) == (1.0, "a clock at 12:30")


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("[猫:犬:馬:0.5]", "prompt.edit_colons"),
        ("[猫|犬:0.5]", "prompt.edit_mixed"),
        ("[猫:犬:0.5.1]", "prompt.edit_number"),
        ("(猫 AND 犬)", "prompt.and_inside"),
        ("[猫 AND 犬:0.5]", "prompt.and_inside"),
        ("猫 AND ", "prompt.and_empty"),
        ("猫 AND <lora:x:1>", "prompt.and_empty"),
        ("猫 AND 犬 :30", "prompt.and_weight"),
        (" AND ".join("猫" * (MAX_CONJUNCTS + 1)), "prompt.and_count"),
    ],
)
def test_what_means_nothing_is_refused_with_a_sentence(prompt: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        check_prompt(prompt)
    assert caught.value.code == code
    check_prompt(prompt, drawn=False)  # as it is only translated, for another program


def test_a_variant_that_is_no_prompt_is_refused() -> None:
    with pytest.raises(InputError, match="重み"):
        of("(猫:[1.2:-3:0.5])")


def test_a_prompt_of_several_states_is_refused_where_one_is_wanted() -> None:
    check_single([parse("[猫]"), parse("猫")])
    for text in ("[猫:犬:0.5]", "[猫|犬]", "猫 AND 犬"):
        with pytest.raises(InputError, match="encode_prompt"):
            check_single([parse(text)])


# Written again.


@pytest.mark.parametrize(
    "prompt",
    [
        "[猫:犬:0.5]が走る",
        "[赤い|青い|白い]車",
        "[a:[b:c:15]:10]",
        "[red|blue] car, [day:night:0.5]",
        "a :1.2 AND [b|c] :0.5",
        r"[12\:30:(a:1.2) <lora:x:1>:5]",
        "a | b [c:d:5]",
    ],
)
def test_what_is_written_again_means_the_same(prompt: str) -> None:
    found = of(prompt).conjuncts
    again = of(written([conjunct.map(str) for conjunct in found])).conjuncts
    assert [conjunct.weight for conjunct in again] == [conjunct.weight for conjunct in found]
    for one, other in zip(found, again, strict=True):
        texts = ([str(of.at(step)).replace("\\|", "|") for step in range(1, 21)] for of in (one, other))
        assert next(texts) == next(texts)


def test_ranges_of_steps() -> None:
    assert ranges([(1, "a"), (2, "b"), (4, "a")]) == {"a": ((1, 1), (3, 4)), "b": ((2, 2),)}
    assert Conjunct(1.0, ((3, "a"), (5, "b"))).at(9) == "b"
