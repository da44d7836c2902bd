"""A smaller byte-pair table cuts its words as the full one does."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp_training.trainers.merges import subset

FULL = ClipTokenizer.from_assets()
WORDS = st.text(string.ascii_letters + " '-é馬パ7", min_size=1, max_size=20)


@settings(max_examples=25, deadline=None)
@given(words=st.lists(WORDS, max_size=5), first=st.integers(0, 400))
def test_a_subset_cuts_its_words_as_the_full_table_does(words: list[str], first: int) -> None:
    small = subset(FULL, words, first)
    assert small.vocab_size == 512 + len(small.merges) + 2
    assert small.merges[:first] == FULL.merges[:first]
    for word in words:
        assert small.tokens(small.encode(word)) == FULL.tokens(FULL.encode(word))
        assert small.decode(small.encode(word)) == FULL.decode(FULL.encode(word))
    ClipTokenizer.from_merges(small.merges)  # closed: refused otherwise


def test_a_subset_still_reads_everything() -> None:
    small = subset(FULL, [], 0)
    assert small.vocab_size == 514
    assert small.decode(small.encode("An astronaut 馬 🐱")) == "an astronaut 馬 🐱"
