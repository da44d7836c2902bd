"""Emphasis for states that do not belong to words."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdjp.conditioning import emphasis
from sdjp.conditioning.encode import encode
from sdjp.models import Adapter
from sdjp.text.chunks import Chunks
from tests.encoder_folders import ADAPTER

END, PAD = 0, 2
EMPTY = Chunks(ids=[[END] + [PAD] * 9], weights=[[1.0] * 10], tokens=0)


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    torch.manual_seed(0)
    config = dataclasses.replace(ADAPTER, own=dataclasses.replace(ADAPTER.own, width=16))
    return Adapter.from_config(config).eval().requires_grad_(False)


def chunks(ids: list[int], weights: list[float]) -> Chunks:
    rest = 9 - len(ids)
    return Chunks(
        ids=[[*ids, END, *[PAD] * rest]], weights=[[*weights, *[1.0] * (rest + 1)]], tokens=len(ids)
    )


def test_stretches_are_taken_out_one_by_one() -> None:
    taken = emphasis.without((5, 6, 7, 8, END, PAD), [1.3, 1.3, 1.0, 0.5, 1.0, 1.0], pad_id=PAD)
    assert taken == [(1.3, (7, 8, END, PAD, PAD, PAD)), (0.5, (5, 6, 7, END, PAD, PAD))]


def test_a_weight_of_one_is_no_emphasis_at_all(adapter: Adapter) -> None:
    plain = encode(adapter, [chunks([5, 6, 7], [1.0, 1.0, 1.0])], EMPTY)
    assert torch.equal(plain[0], adapter(torch.tensor([[5, 6, 7, END] + [PAD] * 6]))[0])


def test_a_weight_of_nought_is_as_if_it_were_not_there(adapter: Adapter) -> None:
    states = encode(adapter, [chunks([5, 6, 7], [1.0, 0.0, 1.0]), chunks([5, 7], [1.0, 1.0])], EMPTY)
    torch.testing.assert_close(states[0], states[1], atol=1e-5, rtol=1e-4)


@given(weight=st.floats(-2, 3))
def test_what_a_stretch_changes_counts_as_often_as_its_weight_says(adapter: Adapter, weight: float) -> None:
    prompts = [chunks([5, 6, 7], [1.0, w, 1.0]) for w in (0.0, 1.0, weight)]
    without, plain, weighted = encode(adapter, prompts, EMPTY)
    torch.testing.assert_close(weighted - without, weight * (plain - without), atol=1e-4, rtol=1e-3)


def test_a_short_prompt_is_filled_up_beside_a_long_one(adapter: Adapter) -> None:
    long = Chunks(ids=[EMPTY.ids[0], [5, END] + [PAD] * 8], weights=[[1.0] * 10, [1.5] + [1.0] * 9], tokens=1)
    states = encode(adapter, [chunks([5], [1.0]), long], EMPTY)
    assert states.shape == (2, 2 * 77, 16)
    assert torch.equal(states[0, 77:], states[1, :77])
