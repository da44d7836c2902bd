"""States that are remembered are those that the encoder gives: for these ids, with these weights."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings

from sdjp.conditioning.cache import StateCache
from sdjp.conditioning.encode import encode
from sdjp.config import TINY
from sdjp.models import CLIPText
from sdjp.models.extended_embedding import ExtendedEmbedding
from sdjp.text import prompt as syntax
from sdjp.text.chunks import Chunks, chunk
from sdjp.text.tokenizers.clip import ClipTokenizer
from tests import strategies
from tests.narrow import clip_text

WORDS = ["cat", "a red car", "(moon:1.3)", "[rain]", "BREAK", "snow, " * 30, "8k"]


def make() -> CLIPText:
    torch.manual_seed(0)
    return CLIPText.from_config(clip_text(TINY.text)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def model() -> CLIPText:
    return make()


@pytest.fixture
def calls(model: CLIPText) -> Iterator[list[int]]:
    """How many chunks each call of the encoder had."""
    sizes: list[int] = []
    handle = model.register_forward_hook(lambda module, args, out: sizes.append(len(args[0])))
    yield sizes
    handle.remove()


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def chunks(text: str) -> Chunks:
    return chunk(syntax.weighted_runs(syntax.parse(text)), ClipTokenizer.from_assets())


EMPTY = chunks("")


def test_the_very_same_without_a_call(model: CLIPText, calls: list[int]) -> None:
    memory = StateCache()
    first = encode(model, [chunks("a cat"), chunks("(a dog:1.2)")], EMPTY, memory)
    assert calls == [1, 1]
    assert torch.equal(encode(model, [chunks("a cat"), chunks("(a dog:1.2)")], EMPTY, memory), first)
    assert torch.equal(encode(model, [chunks("(a dog:1.2)")], EMPTY, memory), first[1:])
    assert calls == [1, 1]
    encode(model, [chunks("(a dog:0.7)")], EMPTY, memory)  # the same ids: weights act on the states
    assert calls == [1, 1]


def test_without_a_memory_nothing_is_remembered(model: CLIPText, calls: list[int]) -> None:
    for _ in range(2):
        encode(model, [chunks("a cat"), chunks("a cat")], EMPTY)
    assert calls == [1, 1]  # equal chunks are one, all the same


def test_a_chunk_is_encoded_once_and_as_it_is_alone(model: CLIPText, calls: list[int]) -> None:
    prompts = [chunks(f"cat number {i}") for i in range(9)]
    memory = StateCache()
    states = encode(model, [*prompts, EMPTY, *prompts[::-1]], EMPTY, memory)
    assert calls == [1] * 10
    assert torch.equal(states[:9], torch.cat([encode(model, [prompt], EMPTY) for prompt in prompts]))
    assert torch.equal(states[:9], states[10:].flip(0))


def test_what_was_drawn_before_changes_no_bit(model: CLIPText) -> None:
    prompts = [chunks(f"a dog and {i} cats") for i in range(7)]
    fresh = encode(model, prompts, EMPTY)
    memory = StateCache()
    for i in range(len(prompts)):
        encode(model, prompts[: i + 1], EMPTY, memory)
    assert torch.equal(encode(model, prompts, EMPTY, memory), fresh)
    assert torch.equal(encode(model, prompts[:1], EMPTY, memory), encode(model, prompts[:1], EMPTY))


@settings(max_examples=10)
@given(strategies.prompts_to_encode)
def test_a_batch_is_its_prompts_one_by_one_in_order(model: CLIPText, texts: list[str]) -> None:
    memory = StateCache()
    prompts = [chunks(text) for text in texts]
    together = encode(model, prompts, EMPTY, memory)
    length = max(len(p.ids) for p in prompts)
    assert together.shape == (len(texts), 77 * length, TINY.text.width)
    for states, prompt in zip(together, prompts, strict=True):
        alone = encode(model, [prompt], EMPTY, memory)[0]
        # Sums of another order: float32 keeps some six digits.
        torch.testing.assert_close(states[: len(alone)], alone, rtol=1e-4, atol=1e-5)


def test_what_callers_do_to_states_stays_with_them(model: CLIPText) -> None:
    memory = StateCache()
    first = encode(model, [chunks("a cat")], EMPTY, memory)
    kept = first.clone()
    first.zero_()
    again = encode(model, [chunks("a cat")], EMPTY, memory)
    assert torch.equal(again, kept)
    again.add_(1)
    assert torch.equal(encode(model, [chunks("a cat")], EMPTY, memory), kept)


def test_it_is_bounded_by_bytes(model: CLIPText, calls: list[int]) -> None:
    one = 77 * TINY.text.width * 4
    memory = StateCache(3 * one)
    for i in range(6):
        encode(model, [chunks(f"cat number {i}")], EMPTY, memory)
        assert memory.size <= 3 * one
    assert (len(memory), memory.size) == (3, 3 * one)
    calls.clear()
    encode(model, [chunks("cat number 5")], EMPTY, memory)
    assert calls == []
    encode(model, [chunks("cat number 0")], EMPTY, memory)
    assert calls == [1]
    memory.clear()
    assert memory.size == 0


def written_to(model: CLIPText) -> None:
    model.token_embedding.weight.mul_(1.5)


def loaded(model: CLIPText) -> None:
    model.load_state_dict({k: v.clone() * 1.5 for k, v in model.state_dict().items()}, assign=True)


def replaced(model: CLIPText) -> None:
    weight = next(p for p in model.parameters() if p.dim() == 2)
    weight.data = weight.data * 1.5


def converted(model: CLIPText) -> None:
    model.to(torch.bfloat16)


def there_and_back(model: CLIPText) -> None:
    """The weights are rounded; their addresses may well be the same again."""
    model.to(torch.bfloat16).to(torch.float32)


@pytest.mark.parametrize("change", [written_to, loaded, replaced, converted, there_and_back])
def test_other_weights_share_nothing(change: object) -> None:
    with torch.inference_mode(False), torch.no_grad():
        model, memory = make(), StateCache()
        before = encode(model, [chunks("a cat")], EMPTY, memory)
        change(model)  # type: ignore[operator]
        after = encode(model, [chunks("a cat")], EMPTY, memory)
        assert after.dtype == next(model.parameters()).dtype
        assert torch.equal(after, encode(model, [chunks("a cat")], EMPTY))
        assert not torch.equal(after.float(), before)


def test_another_encoder_shares_nothing(model: CLIPText) -> None:
    memory = StateCache()
    with torch.inference_mode(False):
        other = copy.deepcopy(model)
        torch.nn.init.normal_(other.token_embedding.weight)
    first = encode(model, [chunks("a cat")], EMPTY, memory)
    assert not torch.allclose(encode(other, [chunks("a cat")], EMPTY, memory), first)
    assert torch.equal(encode(model, [chunks("a cat")], EMPTY, memory), first)


def test_autocast_shares_nothing(model: CLIPText) -> None:
    memory = StateCache()
    plain = encode(model, [chunks("a cat")], EMPTY, memory)
    with torch.autocast("cpu", torch.bfloat16):
        cast = encode(model, [chunks("a cat")], EMPTY, memory)
        assert torch.equal(cast, encode(model, [chunks("a cat")], EMPTY))
    assert not torch.equal(cast, plain)
    assert torch.equal(encode(model, [chunks("a cat")], EMPTY, memory), plain)


def test_vectors_of_one_run_are_not_remembered(model: CLIPText) -> None:
    """The id -1 means another name in the next run."""
    memory = StateCache()
    ids = [[*EMPTY.ids[0][:1], -1, *EMPTY.ids[0][2:]]]
    named = Chunks(ids=ids, weights=EMPTY.weights, tokens=1)
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        twin = copy.copy(model)
        table = ExtendedEmbedding(model.token_embedding, torch.randn(1, TINY.text.width))
        twin._modules = {**model._modules, "token_embedding": table}
        results.append(encode(twin, [named], EMPTY, memory))
        assert torch.equal(results[-1], encode(twin, [named], EMPTY))
    assert not torch.equal(*results)
    assert len(memory) == 0


def test_gradients_are_not_remembered() -> None:
    with torch.inference_mode(False):
        model, memory = make().requires_grad_(True), StateCache()
        for _ in range(2):
            encode(model, [chunks("a cat")], EMPTY, memory).sum().backward()
        assert len(memory) == 0


def test_threads_share_it(model: CLIPText) -> None:
    memory = StateCache()
    expected = {i: encode(model, [chunks(f"cat number {i}")], EMPTY) for i in range(6)}
    wrong: list[int] = []

    @torch.inference_mode()
    def work(first: int) -> None:
        for i in range(first, first + 12):
            found = encode(model, [chunks(f"cat number {i % 6}")], EMPTY, memory)
            wrong.extend([] if torch.equal(found, expected[i % 6]) else [i])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(memory) == 6
