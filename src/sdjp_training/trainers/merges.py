"""A smaller byte-pair table of CLIP's, for a small model."""

from __future__ import annotations

from collections.abc import Iterable

from sdjp.text.tokenizers.clip import ClipTokenizer


def subset(full: ClipTokenizer, words: Iterable[str], first: int) -> ClipTokenizer:
    """Return a tokenizer with the ``first`` merges and those that ``words`` need, in the same order.

    Each of ``words`` gives the same tokens (not ids) as before: every merge that the full table applies to it
    is kept, so the best pair stays the best at each step, and a smaller table adds no others.
    """
    merges = full.merges
    rank_of = {left + right: rank for rank, (left, right) in enumerate(merges)}
    kept = set(range(min(first, len(merges))))
    todo = [token for text in words for token in full.tokens(full.encode(text))]
    while todo:
        rank = rank_of.get(todo.pop())
        if rank is not None and rank not in kept:
            kept.add(rank)
            todo += merges[rank]
    return ClipTokenizer.from_merges([merges[rank] for rank in sorted(kept)])
