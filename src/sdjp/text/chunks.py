"""Token ids in chunks of 77: 75 tokens of the prompt between start and end, each token with its weight.

(Where there is no start token, as in T5's vocabularies, there are 76 of the prompt.)

Long prompts are cut as AUTOMATIC1111's web UI cuts them: after 75 tokens, or after a comma if one stands
among the last 20 of them, so that no phrase is torn in two; BREAK ends a chunk early. (CompVis' code keeps
the first 75 tokens and drops the rest: that is ``max_chunks=1``.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sdjp.errors import InputError
from sdjp.text.names import Names
from sdjp.text.tokenizers.base import Tokenizer

MAX_LENGTH: Final = 77
"""Ids in a chunk, start and end included: what every text encoder here was trained with."""

Token = tuple[int, float]
"""Id and weight. Ids of names (``names.py``) in a row are the vectors of one of them, and stay together."""


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """A prompt as a text encoder reads it.

    Attributes:
        ids: N chunks of ids, all of the same length: start, tokens, end, padding. N is at least 1.
        weights: The same shape; 1.0 for start, end and padding.
        tokens: Tokens of the prompt that are in ``ids``, without start, end and padding.
        truncated: The text that ``max_chunks`` cut off, as the tokenizer reads it; ``""`` if nothing was.
    """

    ids: list[list[int]]
    weights: list[list[float]]
    tokens: int
    truncated: str = ""


def chunk(
    runs: Iterable[tuple[str | Sequence[int], float] | object],
    tokenizer: Tokenizer,
    *,
    names: Names | None = None,
    chunk_length: int | None = None,
    comma_backtrack: int = 20,
    max_chunks: int | None = None,
) -> Chunks:
    """Cut weighted text into chunks.

    Args:
        runs: ``(text, weight)`` in the order of the prompt, or ``(ids, weight)`` for a name; anything that is
            no tuple is a BREAK.
        tokenizer: That of the model that will read the ids.
        names: Whose ids stay together, and to tell what was cut.
        chunk_length: Tokens of the prompt in one chunk; what start and end leave of 77, if None.
        comma_backtrack: How far before the end of a full chunk a comma may stand to be the place of the cut;
            0 cuts after exactly ``chunk_length`` tokens.
        max_chunks: Keep at most so many. The last of them is filled to the brim, and what does not fit is
            told in ``truncated``.

    Raises:
        InputError: If ``chunk_length`` or ``max_chunks`` is less than 1.
    """
    for name, value in (("chunk_length", chunk_length), ("max_chunks", max_chunks)):
        if value is not None and value < 1:
            raise InputError(
                "chunks.size",
                ja=f"{name} は 1 以上にしてください（{value} が指定されました）。",
                en=f"{name} must be 1 or more, not {value}.",
            )
    before = [] if tokenizer.start_id is None else [tokenizer.start_id]
    if chunk_length is None:
        chunk_length = MAX_LENGTH - len(before) - 1
    pieces: list[list[Token]] = []
    dropped: list[Token] = []
    for section in _sections(runs, tokenizer):
        room = None if max_chunks is None else max_chunks - len(pieces)
        cut, rest = _cut(section, chunk_length, comma_backtrack, tokenizer.commas, room, names)
        pieces += cut
        dropped += rest
    return Chunks(
        ids=[[*before, *(i for i, _ in p), *_end(p, tokenizer, chunk_length)] for p in pieces],
        weights=[
            [*(1.0 for _ in before), *(w for _, w in p), *[1.0] * (chunk_length + 1 - len(p))] for p in pieces
        ],
        tokens=sum(map(len, pieces)),
        truncated=_spelt([i for i, _ in dropped], tokenizer, names),
    )


def _sections(
    runs: Iterable[tuple[str | Sequence[int], float] | object], tokenizer: Tokenizer
) -> list[list[Token]]:
    """Tokens between BREAKs; one at the end of a prompt opens no chunk, any other does, even an empty one."""
    sections: list[list[Token]] = [[]]
    for run in runs:
        if isinstance(run, tuple):
            text, weight = run
            ids = tokenizer.encode(text) if isinstance(text, str) else text
            sections[-1] += [(i, weight) for i in ids]
        else:
            sections.append([])
    if len(sections) > 1 and not sections[-1]:
        sections.pop()
    return sections


def _cut(
    section: list[Token],
    length: int,
    backtrack: int,
    commas: frozenset[int],
    room: int | None,
    names: Names | None,
) -> tuple[list[list[Token]], list[Token]]:
    """Cut one section into at most ``room`` pieces of ``length`` tokens; return them and what is left."""
    pieces: list[list[Token]] = []
    start = 0
    while room is None or len(pieces) < room:
        end = start + length
        if end < len(section) and len(pieces) + 1 != room and section[end][0] not in commas:
            near = range(end - 1, max(start, end - backtrack) - 1, -1)
            end = next((i for i in near if section[i][0] in commas), end - 1) + 1
        whole = end  # before a name that would be torn, unless it is longer than a chunk
        while start < whole < len(section) and _of_one_name(section[whole - 1][0], section[whole][0], names):
            whole -= 1
        end = whole if whole > start else end
        pieces.append(section[start:end])
        start = end
        if start >= len(section):
            break
    return pieces, section[start:]


def _of_one_name(one: int, next: int, names: Names | None) -> bool:
    return names is not None and abs(one - next) == 1 and names.owns(one) and names.owns(next)


def _end(piece: Sequence[Token], tokenizer: Tokenizer, length: int) -> list[int]:
    return [tokenizer.end_id, *[tokenizer.pad_id] * (length - len(piece))]


def _spelt(ids: Sequence[int], tokenizer: Tokenizer, names: Names | None) -> str:
    """The text that ids stand for; a name is told once however many vectors it has."""
    words: list[str] = []
    for is_name, group in groupby(ids, key=lambda i: names is not None and names.owns(i)):
        if is_name and names is not None:
            words += [name for name, _ in groupby(names.name_of(i) for i in group)]
        else:
            words.append(tokenizer.decode(group))
    return " ".join(words)
