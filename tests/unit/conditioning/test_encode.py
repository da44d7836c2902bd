"""Weights and long prompts on the embeddings, as users of AUTOMATIC1111's web UI expect them."""

from __future__ import annotations

import pytest
import torch

from sdjp.conditioning.encode import emphasise, encode
from sdjp.config import TINY
from sdjp.models import CLIPText
from sdjp.text import prompt as syntax
from sdjp.text.chunks import Chunks, chunk
from sdjp.text.tokenizers.clip import ClipTokenizer
from tests.narrow import clip_text


@pytest.fixture(scope="module")
def model() -> CLIPText:
    torch.manual_seed(0)
    return CLIPText.from_config(clip_text(TINY.text)).eval().requires_grad_(False)


def chunks(text: str) -> Chunks:
    return chunk(syntax.weighted_runs(syntax.parse(text)), ClipTokenizer.from_assets())


EMPTY = chunks("")


def test_weights_of_one_change_nothing_at_all() -> None:
    states = torch.randn(2, 5, 3)
    assert emphasise(states, torch.ones(2, 5)) is states


def test_each_state_is_multiplied_and_the_mean_of_the_chunk_kept() -> None:
    states = torch.rand(2, 4, 3) + 0.5
    weights = torch.tensor([[1.0, 2.0, 1.0, 0.5], [1.0, 1.0, 1.0, 1.0]])
    out = emphasise(states, weights)
    torch.testing.assert_close(out.mean(dim=(1, 2)), states.mean(dim=(1, 2)))
    factor = out[0, 0] / states[0, 0]
    torch.testing.assert_close(out[0], states[0] * weights[0, :, None] * factor.mean())
    assert torch.equal(out[1], states[1])  # a chunk without weights stays as it is, to the bit


def test_a_mean_of_zero_does_not_blow_up() -> None:
    states = torch.tensor([[[1.0, -1.0], [1.0, -1.0]]])
    out = emphasise(states, torch.tensor([[1.0, 2.0]]))
    assert torch.isfinite(out).all()


def test_a_prompt_alone_is_what_the_text_encoder_gives(model: CLIPText) -> None:
    one = chunks("an astronaut riding a horse")
    assert torch.equal(encode(model, [one], EMPTY), model(torch.tensor(one.ids)))


def test_long_prompts_are_encoded_chunk_by_chunk_and_laid_end_to_end(model: CLIPText) -> None:
    long = chunks("a red car, " * 40)
    assert len(long.ids) > 1
    states = encode(model, [long], EMPTY)
    assert states.shape == (1, 77 * len(long.ids), TINY.text.width)
    torch.testing.assert_close(states[0].unflatten(0, (-1, 77)), model(torch.tensor(long.ids)))


def test_short_prompts_are_filled_up_with_the_empty_one(model: CLIPText) -> None:
    long, short = chunks("a red car, " * 40), chunks("a cat")
    states = encode(model, [short, long], EMPTY)
    torch.testing.assert_close(states[0, :77], model(torch.tensor(short.ids))[0])
    torch.testing.assert_close(states[0, 77:154], model(torch.tensor(EMPTY.ids))[0])


def test_break_begins_a_new_chunk(model: CLIPText) -> None:
    parted = chunks("a cat BREAK a dog")
    apart = [chunks("a cat").ids[0], chunks("a dog").ids[0]]
    assert parted.ids == apart


def test_a_weight_touches_only_its_own_words_before_the_mean_is_restored(model: CLIPText) -> None:
    plain, heavy = (encode(model, [chunks(t)], EMPTY)[0] for t in ("a red car", "a (red:1.5) car"))
    ratio = (heavy / plain).nan_to_num(1.0).median(dim=1).values
    others = torch.cat([ratio[:2], ratio[3:]])
    torch.testing.assert_close(others, others[:1].expand_as(others), rtol=1e-4, atol=1e-4)
    assert float(ratio[2] / ratio[0]) == pytest.approx(1.5, rel=1e-4)
