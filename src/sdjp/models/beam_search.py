"""Beam search over a Marian network, as transformers has it with ``length_penalty`` 1.

Axes: B sentences, K beams, L pieces of the source, M pieces written, V pieces of the other language.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from sdjp.models.marian import KeysAndValues, Marian

_NEVER: Final = -1e9


def beam_search(
    network: Marian,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    max_new_tokens: int,
    num_beams: int,
    no_repeat_ngram_size: int = 0,
    min_new_tokens: int = 0,
) -> Tensor:
    """Write the likeliest translations that the search finds.

    Args:
        network: What tells the likely pieces.
        input_ids: Ids of the sources (B, L), padded.
        attention_mask: 1 where they are not padding.
        max_new_tokens: Pieces to write at most, the end included.
        num_beams: K; 1 is greedy.
        no_repeat_ngram_size: So many pieces in a row do not come twice; 0 for any.
        min_new_tokens: No end before so many.

    Returns:
        Ids (B, 1 + M): the start, what was written, its end and padding.
    """
    start, end = network.config.decoder_start_token_id, network.config.eos_token_id
    mask = attention_mask.bool()
    rows, beams = len(input_ids), num_beams
    memory = network.memory(network.encode(input_ids, mask))
    written: list[KeysAndValues] = [(mask.new_empty(0), mask.new_empty(0))] * len(memory)
    device = input_ids.device
    texts: list[list[int]] = [[] for _ in range(rows * beams)]
    scores = torch.full((rows, beams), _NEVER, device=device)
    scores[:, 0] = 0.0  # at first all beams of a sentence are the same
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(rows)]
    open_rows = set(range(rows))
    last = torch.full((rows * beams,), start, device=device)
    for place in range(max_new_tokens):
        log_probs = network.log_probs(network.decode(last, place, written, memory, mask))  # (B K, V)
        if place == max_new_tokens - 1:  # the end, whatever comes
            log_probs = torch.full_like(log_probs, -math.inf)
            log_probs[:, end] = 0.0
        elif place < min_new_tokens:
            log_probs[:, end] = -math.inf
        if no_repeat_ngram_size:
            for i, text in enumerate(texts):
                log_probs[i, _repeating([start, *text], no_repeat_ngram_size)] = -math.inf
        total = (log_probs.reshape(rows, beams, -1) + scores[:, :, None]).flatten(1)  # (B, K V)
        top = total.topk(2 * beams, dim=1)
        pieces = log_probs.shape[1]
        survivors: list[tuple[int, int, float]] = []  # row of the beam, piece, score
        for row in range(rows):
            alive: list[tuple[int, int, float]] = []
            candidates = zip(top.values[row].tolist(), top.indices[row].tolist(), strict=True)
            for rank, (score, index) in enumerate(candidates):
                beam, piece = row * beams + index // pieces, index % pieces
                if piece == end:
                    if rank < beams and row in open_rows:
                        finished[row].append((score / (place + 1), texts[beam]))
                elif len(alive) < beams:
                    alive.append((beam, piece, score))
            alive += [(row * beams, end, _NEVER)] * (beams - len(alive))
            survivors += alive
            finished[row] = sorted(finished[row], key=lambda one: -one[0])[:beams]
            if len(finished[row]) == beams and finished[row][-1][0] >= alive[0][2] / (place + 1):
                open_rows.discard(row)
        if not open_rows:
            break
        order = torch.tensor([beam for beam, _, _ in survivors], device=device)
        texts = [[*texts[beam], piece] for beam, piece, _ in survivors]
        last = torch.tensor([piece for _, piece, _ in survivors], device=device)
        scores = torch.tensor([score for _, _, score in survivors], device=device).reshape(rows, beams)
        if beams > 1:
            written = [(k[order], v[order]) for k, v in written]
    best = [
        max(finished[row], key=lambda one: one[0])[1] if finished[row] else texts[row * beams]
        for row in range(rows)
    ]
    longest = max(map(len, best))
    pad = network.config.pad_token_id
    return torch.tensor([[start, *ids, end, *[pad] * (longest - len(ids))] for ids in best])


def _repeating(text: list[int], size: int) -> list[int]:
    """Pieces after which the last ``size`` pieces would stand in ``text`` twice."""
    if len(text) < size:
        return []
    before = text[len(text) - size + 1 :]
    return [text[i + size - 1] for i in range(len(text) - size + 1) if text[i : i + size - 1] == before]
