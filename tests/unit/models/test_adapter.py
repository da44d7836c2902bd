"""The adapter's network: what it sees, what it writes, and what it gives for nothing."""

from __future__ import annotations

import pytest
import torch

from sdjp.models import Adapter, make_text_encoder
from tests.encoder_folders import ADAPTER

END, PAD = 0, ADAPTER.pad_id


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    torch.manual_seed(0)
    made = make_text_encoder(ADAPTER)
    assert isinstance(made, Adapter)
    return made.eval().requires_grad_(False)


def test_as_many_states_as_the_model_s_own_encoder_gives(adapter: Adapter) -> None:
    assert adapter(torch.tensor([[5, 6, END], [7, END, PAD]])).shape == (2, 77, 24)


def test_padding_changes_nothing(adapter: Adapter) -> None:
    short = torch.tensor([[5, 6, 7, END]])
    long = torch.nn.functional.pad(short, (0, 73), value=PAD)
    torch.testing.assert_close(adapter(long), adapter(short), atol=1e-5, rtol=1e-4)


def test_the_empty_prompt_has_the_states_of_the_empty_english(adapter: Adapter) -> None:
    english = torch.tensor([[38] + [39] * 76])
    assert torch.equal(adapter(torch.tensor([[END] + [PAD] * 76])), adapter.own(english))


def test_what_is_certain_is_read_as_if_it_were_written_in_english(adapter: Adapter) -> None:
    words = torch.tensor([[7, 3, 39]])
    logits = torch.nn.functional.one_hot(words, 40) * 1000.0
    english = torch.tensor([[38, 7, 3] + [39] * 74])
    torch.testing.assert_close(adapter.own(adapter.shares(logits)), adapter.own(english))


def test_shares_are_shares_and_nothing_comes_behind_an_end(adapter: Adapter) -> None:
    logits = torch.randn(2, 9, 40) * 3
    logits[:, 4, 39] = 1000
    shares = adapter.shares(logits)
    assert shares.shape == (2, 77, 40)
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(2, 77))
    assert (shares[:, 5:].argmax(dim=-1) == 39).all()
    torch.testing.assert_close(shares[:, 5:, 39], torch.ones(2, 72))
    assert (shares[:, 0].argmax(dim=-1) == 38).all()


def test_the_likeliest_tokens_are_those_of_the_largest_shares(adapter: Adapter) -> None:
    ids = torch.tensor([[5, 9, 2, 0], [7, 2, 0, 0]])
    likeliest = adapter.likeliest(ids)
    scores = adapter.token(adapter.written(ids, adapter.token_position.num_embeddings))
    assert torch.equal(likeliest, adapter.shares(scores).argmax(dim=-1))
    assert likeliest.shape == (2, adapter.own(likeliest).shape[1])


def test_the_first_tokens_do_not_depend_on_how_many_are_written(adapter: Adapter) -> None:
    ids = torch.tensor([[5, 6, END]])
    some, every = adapter.written(ids, 4), adapter.written(ids, 75)
    assert some.shape == (1, 4, 32)
    torch.testing.assert_close(every[:, :4], some, atol=1e-5, rtol=1e-4)


def test_the_order_of_pieces_matters(adapter: Adapter) -> None:
    a, b = adapter(torch.tensor([[5, 6, END], [6, 5, END]]))
    assert (a - b).abs().max() > 1e-3


def test_every_state_but_that_of_the_start_may_change_with_every_piece(adapter: Adapter) -> None:
    a, b = adapter(torch.tensor([[5, 6, 7, END], [5, 6, 8, END]]))
    assert bool(((a - b).abs().amax(dim=1)[1:] > 0).all())
