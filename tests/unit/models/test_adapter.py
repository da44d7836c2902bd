"""The adapter's network: what it sees, and what it gives for nothing."""

from __future__ import annotations

import pytest
import torch

from sdjp.config import AdapterConfig
from sdjp.models import Adapter, make_text_encoder

CONFIG = AdapterConfig(
    vocab_size=50, width=32, heads=2, mlp_width=64, read_layers=2, write_layers=1, projection=24
)
END, PAD = 0, CONFIG.pad_id


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    torch.manual_seed(0)
    made = make_text_encoder(CONFIG)
    assert isinstance(made, Adapter)
    made.empty.normal_()
    return made.eval().requires_grad_(False)


def test_as_many_states_as_the_other_encoder_gives(adapter: Adapter) -> None:
    assert adapter(torch.tensor([[5, 6, END], [7, END, PAD]])).shape == (2, 77, 24)


def test_padding_changes_nothing(adapter: Adapter) -> None:
    short = torch.tensor([[5, 6, 7, END]])
    long = torch.nn.functional.pad(short, (0, 73), value=PAD)
    torch.testing.assert_close(adapter(long), adapter(short), atol=1e-5, rtol=1e-4)


def test_the_empty_prompt_has_the_states_it_was_given(adapter: Adapter) -> None:
    assert torch.equal(adapter(torch.tensor([[END] + [PAD] * 76]))[0], adapter.empty)


def test_the_order_of_pieces_matters(adapter: Adapter) -> None:
    a, b = adapter(torch.tensor([[5, 6, END], [6, 5, END]]))
    assert (a - b).abs().max() > 1e-3


def test_every_state_may_change_with_every_piece(adapter: Adapter) -> None:
    a, b = adapter(torch.tensor([[5, 6, 7, END], [5, 6, 8, END]]))
    assert bool(((a - b).abs().amax(dim=1) > 0).all())
