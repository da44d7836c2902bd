"""What holds for every dynamic prompt: nothing outside its choices is lost or made up, and it ends."""

from __future__ import annotations

import contextlib
import re

from hypothesis import given
from hypothesis import strategies as st

from sdjp.errors import InputError
from sdjp.text.dynamic import expand, is_dynamic

SEEDS = st.integers(0, 2**63)
plain = st.text(
    st.characters(exclude_characters="{}｛｝|｜_＿\\＼¥￥[]［］$＄", exclude_categories=["Cs"]), max_size=8
)
signs = st.text("{}|[]_\\$:-12 ａ猫｛｝｜＿", max_size=40)


@given(plain, st.lists(st.text("abc猫犬", min_size=1, max_size=3), min_size=1, max_size=4), plain, SEEDS)
def test_only_an_option_stands_for_a_choice(before: str, options: list[str], after: str, seed: int) -> None:
    text = expand(f"{before}{{{'|'.join(options)}}}{after}", seed=seed)
    assert text.startswith(before)
    assert text.endswith(after)
    assert text[len(before) : len(text) - len(after)] in options


@given(plain, SEEDS)
def test_text_without_choices_is_left_alone(text: str, seed: int) -> None:
    assert not is_dynamic(text)
    assert expand(text, seed=seed) == text


@given(signs, SEEDS)
def test_any_signs_end_in_a_text_of_their_characters_or_an_error(text: str, seed: int) -> None:
    found = None
    with contextlib.suppress(InputError):
        found = expand(text, seed=seed)
    if found is None:
        return
    assert expand(text, seed=seed) == found
    assert set(found) <= set(text) | {",", " "}
    if not is_dynamic(text):
        assert found == text
    outside = re.split(r"[{｛].*[}｝]", text, maxsplit=1, flags=re.DOTALL)[0]
    if not re.search(r"[{｛\\_＿]", outside):
        assert found.startswith(outside)
