"""LoRA and embeddings by name, whatever is typed: nothing is lost, torn or changed that nobody named."""

from __future__ import annotations

import re

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.addons.patch import with_weights
from sdjp.errors import InputError
from sdjp.options import MAX_LORA_WEIGHT
from sdjp.text.names import Names, key, named
from sdjp.text.prompt import Prompt, parse, tags, text_leaves
from sdjp.text.read import read
from sdjp.text.tags import lora_weights
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights.networks import on_meta
from tests import strategies
from tests.conftest import SMALL

CLIP, PLAIN = ClipTokenizer.from_assets(), make_translator("passthrough")


def parsed(text: str) -> Prompt:
    """The prompt; an empty one where it cannot be read."""
    try:
        return parse(text)
    except InputError:
        return Prompt()


@settings(max_examples=300)
@given(strategies.texts_with_names, strategies.names)
def test_only_names_that_were_typed_are_marked(text: str, names: list[str]) -> None:
    tree = parsed(text)
    marked = Names(dict.fromkeys(names, 1)).mark(tree)
    typed = "".join(key(leaf) for leaf in text_leaves(tree))
    assert all(key(name) in typed for name in named(marked))
    assert (marked == tree) == (not named(marked))


@settings(max_examples=200)
@given(strategies.texts_with_names, st.sampled_from(["a", "B1", "着物", "赤いア"]))
def test_no_leaf_has_the_name_as_a_word(text: str, name: str) -> None:
    for leaf in text_leaves(Names({name: 1}).mark(parsed(text))):
        assert not re.fullmatch(re.escape(name), leaf, re.IGNORECASE)


@settings(max_examples=60)
@given(strategies.prompts_with_names, st.integers(1, 75))
def test_no_name_is_torn_and_none_is_lost(words: list[str], length: int) -> None:
    names = Names({"x": length, "花子": 3})
    text = ", ".join(words)
    [prompt] = read([text], translator=PLAIN, tokenizer=CLIP, names=names)
    found = []
    for ids in prompt.chunks.ids:
        assert len(ids) == 77
        inside = [i for i in ids if i < 0]
        while inside:
            whole = next(names.ids(n) for n in ("x", "花子") if names.ids(n)[0] == inside[0])
            assert tuple(inside[: len(whole)]) == whole
            found.append(names.name_of(inside[0]))
            del inside[: len(whole)]
    assert found == re.findall("x|花子", text)
    assert prompt.info.truncated == ""


@settings(max_examples=300)
@given(strategies.insides_of_tags)
def test_any_tag_is_read_or_refused(inside: str) -> None:
    found = tags(parsed(f"a <lora:{inside}>"))
    try:
        weights = lora_weights(found)
    except InputError:
        weights = {}
    assert all(name and abs(weight) <= MAX_LORA_WEIGHT * len(found) for name, weight in weights.items())


@settings(max_examples=10)
@given(st.data())
def test_a_copy_differs_only_where_it_was_told_to(data: st.DataObject) -> None:
    unet = on_meta(SMALL).unet
    names = [name for name, _ in unet.named_parameters()]
    chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=5))
    new = {name: torch.empty(unet.get_parameter(name).shape, device="meta") for name in chosen}
    twin = with_weights(unet, new)
    assert (twin is unet) == (not chosen)
    for name in names:
        assert (twin.get_parameter(name) is unet.get_parameter(name)) == (name not in chosen)
