"""Stretches of a long text, so that the grammar never sees more than it can take.

Phrases hang together within a sentence or so; the grammar goes as deep as they are nested, and some of its
ways of looking grow with the square of the length. No prompt that people write has a text this long between
two commas, and what has one is translated stretch by stretch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sdjp.text.translate.grammar.morphemes import WHOLE_RE

LONGEST: Final = 160
"""Characters of a stretch, if nothing in it is whole (a Latin run, a number, emoji) and longer."""

# Where to cut, the best first: behind a sentence, punctuation or a space, a particle.
_ENDS: Final = tuple(
    map(
        re.compile,
        ("[。！？!?](?![。！？!?])", "[、,.)」』 ]", "[のをにがはでともへや](?![のをにがはでともへや])"),
    )
)


def stretches(text: str) -> Iterator[str]:
    """Cut ``text``, if it is long; together the stretches are ``text`` again."""
    if len(text) <= LONGEST:
        yield text
        return
    whole = [match.span() for match in WHOLE_RE.finditer(text)]
    start = n = 0
    while len(text) - start > LONGEST:
        end = _cut(text, start)
        while n < len(whole) and whole[n][1] <= end:
            n += 1
        if n < len(whole) and whole[n][0] < end:
            end = whole[n][1]
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _cut(text: str, start: int) -> int:
    for end in _ENDS:
        found = [match.end() for match in end.finditer(text, start + LONGEST // 2, start + LONGEST)]
        if found:
            return found[-1]
    return start + LONGEST
