"""Beam search over a Marian network, as transformers has it with ``length_penalty`` 1.

Axes: B sentences, K beams, L pieces of the source, M pieces written, V pieces of the other language.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdjp.text.translate.marian_layers import Array, hide
from sdjp.text.translate.marian_network import Ids, Marian

_NEVER: Final = -1e9


def beam_search(
    network: Marian,
    *,
    input_ids: Ids,
    attention_mask: NDArray[np.int64] | NDArray[np.bool_],
    max_new_tokens: int,
    num_beams: int,
    no_repeat_ngram_size: int = 0,
    min_new_tokens: int = 0,
) -> Ids:
    """Write the likeliest translations that the search finds.

    Args:
        network: What tells the likely pieces.
        input_ids: Ids of the sources (B, L) int64, padded.
        attention_mask: 1 where they are not padding.
        max_new_tokens: Pieces to write at most, the end included.
        num_beams: K; 1 is greedy.
        no_repeat_ngram_size: So many pieces in a row do not come twice; 0 for any.
        min_new_tokens: No end before so many.

    Returns:
        Ids (B, 1 + M) int64: the start, what was written, its end and padding.
    """
    with np.errstate(invalid="ignore"):  # what broken weights write is looked at by the caller
        sentences = _search(
            network,
            input_ids,
            attention_mask.astype(bool),
            longest=max_new_tokens,
            shortest=min_new_tokens,
            repeated=no_repeat_ngram_size,
            sentences=[_Sentence(num_beams) for _ in input_ids],
        )
    best = [sentence.best() for sentence in sentences]
    longest = max(map(len, best))
    config = network.config
    start, end, pad = config.decoder_start_token_id, config.eos_token_id, config.pad_token_id
    return np.array([[start, *ids, end, *[pad] * (longest - len(ids))] for ids in best], np.int64)


class _Step(NamedTuple):
    """One more piece: the score of the text with it, the beam whose text it was, and the piece."""

    score: float
    beam: int
    piece: int


class _Sentence:
    """The search for one sentence.

    Attributes:
        texts: What each of its beams has written.
        open: Whether something better than what is finished may still come.
    """

    def __init__(self, beams: int) -> None:
        self.texts: list[list[int]] = [[] for _ in range(beams)]
        self.open = True
        self._finished: list[tuple[float, list[int]]] = []

    def advance(self, candidates: Sequence[_Step], end: int) -> list[_Step]:
        """Take the 2 K best steps, the best first; return those that were gone, one for each beam."""
        beams, length = len(self.texts), len(self.texts[0]) + 1
        alive: list[_Step] = []
        for rank, step in enumerate(candidates):
            if step.piece == end:
                if rank < beams and self.open:
                    self._finished.append((step.score / length, self.texts[step.beam]))
            elif len(alive) < beams:
                alive.append(step)
        alive += [_Step(_NEVER, 0, end)] * (beams - len(alive))
        self._finished = sorted(self._finished, key=lambda one: -one[0])[:beams]
        if len(self._finished) == beams and self._finished[-1][0] >= alive[0].score / length:
            self.open = False
        self.texts = [[*self.texts[step.beam], step.piece] for step in alive]
        return alive

    def best(self) -> list[int]:
        """What was written, without its end."""
        return max(self._finished, key=lambda one: one[0])[1] if self._finished else self.texts[0]


def _search(
    network: Marian,
    ids: Ids,
    mask: NDArray[np.bool_],
    *,
    longest: int,
    shortest: int,
    repeated: int,
    sentences: list[_Sentence],
) -> list[_Sentence]:
    """Let the sentences advance until none is open; arguments as those of :func:`beam_search`."""
    start, end = network.config.decoder_start_token_id, network.config.eos_token_id
    rows, beams = len(ids), len(sentences[0].texts)
    memory, hidden = network.memory(network.encode(ids, mask)), hide(mask)
    written = network.nothing_written(rows * beams)
    last = np.full(rows * beams, start)
    scores = np.full((rows, beams), _NEVER, np.float32)
    scores[:, 0] = 0.0  # at first all beams of a sentence are the same
    for place in range(longest):
        if place == longest - 1:  # the end, whatever comes
            total = np.full((rows * beams, end + 1), -math.inf, np.float32)
            total[:, end] = scores.reshape(-1)
        else:
            states = network.decode(last, written, memory, hidden)
            total = _with_next(network.logits(states), scores.reshape(-1))
            if place < shortest:
                total[:, end] = -math.inf
            for i, text in enumerate(text for sentence in sentences for text in sentence.texts):
                total[i, _repeating([start, *text], repeated)] = -math.inf
        steps = [
            sentence.advance(candidates, end)
            for sentence, candidates in zip(sentences, _best(total, beams), strict=True)
        ]
        if not any(sentence.open for sentence in sentences):
            break
        order = [i * beams + step.beam for i, row in enumerate(steps) for step in row]
        last = np.array([step.piece for row in steps for step in row])
        scores = np.array([[step.score for step in row] for row in steps], np.float32)
        if order != list(range(rows * beams)):
            written = [keys_and_values[order] for keys_and_values in written]
    return sentences


def _with_next(logits: Array, scores: Array) -> Array:
    """The log-probabilities of texts with each piece behind them, in the place of ``logits``.

    Args:
        logits: Of the next piece (R, V).
        scores: Log-probabilities of the texts so far (R,).
    """
    most = np.maximum.reduce(logits, axis=1, keepdims=True)
    shares = logits - most
    np.exp(shares, out=shares)
    most += np.log(np.add.reduce(shares, axis=1, keepdims=True))
    logits += scores[:, None] - most
    return logits


def _best(total: Array, beams: int) -> list[list[_Step]]:
    """The 2 K best steps of each sentence, the best first; ``total`` (B K, V) is written over.

    So few are found by looking for the greatest again and again, much faster than by sorting.
    """
    pieces = total.shape[1]
    total = total.reshape(-1, beams * pieces)
    rows = np.arange(len(total))
    found: list[list[_Step]] = [[] for _ in rows]
    for _ in range(2 * beams):
        greatest = total.argmax(axis=1)
        for steps, score, place in zip(found, total[rows, greatest].tolist(), greatest.tolist(), strict=True):
            steps.append(_Step(score, *divmod(place, pieces)))
        total[rows, greatest] = -math.inf
    return found


def _repeating(text: list[int], size: int) -> list[int]:
    """Pieces after which the last ``size`` pieces would stand in ``text`` twice; none if ``size`` is 0."""
    if not size or len(text) < size:
        return []
    before = text[len(text) - size + 1 :]
    return [text[i + size - 1] for i in range(len(text) - size + 1) if text[i : i + size - 1] == before]
