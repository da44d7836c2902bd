"""What holds for every text: of the normalizer and of the prompt parser."""

from __future__ import annotations

import contextlib
import re
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sdjp.errors import InputError
from sdjp.text.characters import INVISIBLE_RE, VARIANTS
from sdjp.text.normalize import normalize, remove_invisible
from sdjp.text.prompt import (
    Break,
    Node,
    Prompt,
    Run,
    Text,
    map_text,
    marks,
    parse,
    tags,
    text_leaves,
    weighted_runs,
)
from sdjp.text.schedule import schedule
from sdjp.text.tree import Named, flatten
from tests import strategies


@given(strategies.texts)
@settings(max_examples=400)
def test_normalizing_twice_is_normalizing_once(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


def letters(text: str) -> list[str]:
    """Letters and digits, decomposed, but for those that a rule turns into others."""
    decomposed = unicodedata.normalize("NFKD", remove_invisible(text).translate(VARIANTS))
    kept = (c for c in decomposed if c.isalnum() and c not in "一ーゝゞヽヾﾞﾟ")
    return [str(unicodedata.decimal(c, c)) for c in kept]


@given(strategies.texts)
@settings(max_examples=300)
def test_no_letter_is_lost(text: str) -> None:
    assume(not re.search("[ゝゞヽヾ]", text))
    assert letters(normalize(text)) == letters(text)


@given(strategies.texts)
@settings(max_examples=300)
def test_normalized_text_is_tidy(text: str) -> None:
    normalized = normalize(text)
    normalized.encode()
    assert normalized == normalized.strip()
    assert not INVISIBLE_RE.search(normalized)
    assert not re.search(r"[\n\r\t\v\f\x85\u2028\u2029　]", normalized)
    if "<" not in normalized:  # tags keep what is in them
        assert unicodedata.is_normalized("NFC", normalized)
        assert not re.search(r"  |, ,|、、|。。|ーー|!!|\?\?|[！-｠]", normalized)


@given(strategies.english_tags)
@settings(max_examples=50)
def test_english_changes_in_comma_spacing_only(parts: list[str]) -> None:
    assert normalize(" ,".join(parts)) == ", ".join(parts)


@given(strategies.texts)
@settings(max_examples=300)
def test_parsing_raises_input_errors_only(text: str) -> None:
    with contextlib.suppress(InputError):
        parse(text)


@given(st.one_of(strategies.prompts, strategies.japanese, strategies.bracket_soup))
@settings(max_examples=400)
def test_round_trip(text: str) -> None:
    prompt = parsed(text)
    assert parse(str(prompt)) == prompt


@given(st.one_of(strategies.prompts, strategies.japanese))
@settings(max_examples=200)
def test_no_letter_is_lost_by_parsing(text: str) -> None:
    prompt = parsed(text)
    pieces = "".join(
        getattr(node, "raw", getattr(node, "text", "BREAK")) for node, _ in flatten(prompt.nodes)
    )
    outside = re.sub("<[^<>]*>", "<>", str(prompt))  # a tag is kept whole
    weights = "".join(re.findall(r":[+-]?[0-9.]+(?=\))", outside))
    assert sorted(letters(pieces + weights)) == sorted(letters(normalize(text)))


@given(strategies.prompts, st.data())
@settings(max_examples=150)
def test_translations_stay_text(text: str, data: st.DataObject) -> None:
    """Whatever a translator writes, no weight, tag or chunk appears or goes."""
    prompt = parsed(text)
    count = len(text_leaves(prompt))
    leaves = data.draw(st.lists(strategies.translations, min_size=count, max_size=count))
    translated = map_text(prompt, leaves)
    assert "".join(text_leaves(translated)).replace(" ", "") == "".join(leaves).replace(" ", "")
    assert tags(translated) == tags(prompt)
    again = parse(str(translated))
    if again.nodes:  # a prompt without a letter is empty
        assert squeezed(weighted_runs(again)) == squeezed(weighted_runs(translated))


@given(strategies.prompts)
@settings(max_examples=100)
def test_translating_nothing_changes_nothing(text: str) -> None:
    prompt = parsed(text)
    assert str(map_text(prompt, text_leaves(prompt))) == str(prompt)


@given(strategies.trees())
@settings(max_examples=80)
def test_any_tree_is_read_as_it_was_written(nodes: tuple[Node, ...]) -> None:
    assume(any(isinstance(node, Text) for node, _ in flatten(nodes)))
    prompt = Prompt(nodes)
    assert parse(str(prompt)) == prompt


@given(strategies.trees())
@settings(max_examples=40)
def test_runs_have_the_weights_of_their_leaves(nodes: tuple[Node, ...]) -> None:
    runs = weighted_runs(Prompt(nodes))
    weights = {run.weight for run in runs if isinstance(run, Run)}
    assert weights >= {weight for node, weight in flatten(nodes) if isinstance(node, Text)}
    assert sum(isinstance(run, Break) for run in runs) == sum(isinstance(n, Break) for n, _ in flatten(nodes))


@given(strategies.balanced_parts, st.data())
@settings(max_examples=100)
def test_errors_tell_where_a_bracket_is(parts: list[str], data: st.DataObject) -> None:
    parts.insert(data.draw(st.integers(0, len(parts))), data.draw(strategies.brackets) + "猫")
    text = "".join(parts)
    with pytest.raises(InputError) as error:
        parse(text)
    place = re.match("([0-9]+) 文字目の「(.)」", error.value.ja)
    assert place is not None
    assert text[int(place[1]) - 1] == place[2]


def parsed(text: str) -> Prompt:
    """Parse, or try another example."""
    try:
        return parse(text)
    except InputError:
        assume(False)
        raise


def squeezed(runs: tuple[Run | Named | Break, ...]) -> list[tuple[str, float]]:
    """Runs as letters and weights: separators may be written otherwise."""
    written: list[tuple[str, float]] = []
    for run in runs:
        assert not isinstance(run, Named)  # nothing is looked for by name here
        written.append(
            ("BREAK", 1.0) if isinstance(run, Break) else (re.sub("[ ,、]", "", run.text), run.weight)
        )
    joined: list[tuple[str, float]] = []
    for text, weight in (w for w in written if w[0]):
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + text, weight)
        else:
            joined.append((text, weight))
    return joined


# Prompt editing, alternation, AND.


@given(strategies.composed_prompts, strategies.passes)
@settings(max_examples=300)
def test_nothing_of_a_prompt_that_changes_is_lost(text: str, passes: list[int]) -> None:
    """Each of its words is in a variant, or told as unused; or all of it is refused."""
    try:
        found = schedule(parse(text), passes)
    except InputError:
        return
    said = "".join([*(prompt.source for prompt in found.prompts), *found.unused])
    for word in re.findall("[a-z猫犬]+", text):
        assert word in said
    for conjunct in found.conjuncts:
        ends = [end for end, _ in conjunct.entries]
        assert ends == sorted(set(ends))
        assert ends[-1] == max(sum(passes), 1)


@given(strategies.texts | strategies.bracket_soup | strategies.prompts)
@settings(max_examples=400)
def test_any_text_has_a_schedule_or_is_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        parsed = parse(text)
        found = schedule(parsed, [20, 8])
        for prompt in found.prompts:
            assert not {"[", "AND"} & set(marks(prompt))
        if not re.search(r"[|｜]|[:：].*[\]］]|AND|ＡＮＤ", unicodedata.normalize("NFKC", text), re.DOTALL):
            assert found.plain
            assert found.prompts[0] is parsed
