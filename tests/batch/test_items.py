"""Items are read as they were written, whatever is in a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjp.batch.item import Item, Planned, Refused, read_items, write_items
from sdjp.errors import InputError
from sdjp.options import GenerationOptions

# Line endings of text that are none of JSON Lines: they stand in prompts that were pasted.
TEXTS = st.text(st.characters() | st.sampled_from("\u2028\u2029\x85\x0b\x0c\x1c\n\r\ud83d"), min_size=1)


@st.composite
def planned(draw: st.DrawFn) -> Planned:
    number = draw(st.integers(0, 10**9))
    key = draw(st.none() | TEXTS)
    if draw(st.booleans()):
        error = {"code": "x", "ja": draw(TEXTS), "en": "no"}
        return Refused(number=number, row=number + 1, key=key, text=draw(TEXTS), error=error)
    options = GenerationOptions(
        prompt=draw(TEXTS),
        negative_prompt=draw(st.none() | TEXTS),
        seed=draw(st.integers(0, 2**64 - 1)),
        guidance_interval=draw(st.none() | st.just((0.0, 0.6))),
        loras=draw(st.none() | st.just({"a": 0.5})),
    )
    return Item.of(
        options, fingerprint="f", number=number, row=number + 1, copy=draw(st.integers(0, 9)), key=key
    )


@given(st.lists(planned(), max_size=5))
def test_items_are_read_as_they_were_written(items: list[Planned]) -> None:
    assert read_items(write_items(items)) == items


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"number": 1}\n', b"\xff\n"])
def test_what_is_no_file_of_items_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="items"):
        read_items(data)
