"""Brackets of weight in the middle of a clause: 白い(猫:1.5)が(黒い犬:0.7)の隣で眠る.

Translated bracket by bracket, nothing would know what が and の隣で join. So such a clause is translated
whole, and the brackets are put around what became of the words in them. Where that cannot be told, the clause
is left to be translated bracket by bracket.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sdjp.text.prompt import parse
from sdjp.text.script import is_japanese
from sdjp.text.translate.base import Translation
from sdjp.text.translate.frames import unframed
from sdjp.text.tree import Node, Prompt, Text, Weighted, text_leaves, unparse

_HIRAGANA: Final = re.compile("[ぁ-ゖ]+")
_MOST_WAYS: Final = 200
"""Ways to find the words of a bracket in the English that are tried."""


@dataclass(frozen=True)
class Clause:
    """A clause in English, brackets in it.

    Attributes:
        record: The translation of the whole.
        leaves: The index of its first leaf in the prompt, and behind its last.
    """

    record: Translation
    leaves: tuple[int, int]


def in_english(
    prompt: Prompt, translate: Callable[[Sequence[str]], Sequence[Translation]]
) -> tuple[Prompt, list[Clause]]:
    """The prompt with its clauses in English, as far as their brackets can be put back, and those clauses.

    Args:
        prompt: A parsed prompt.
        translate: Translates texts.
    """
    runs = list(_runs(prompt.nodes))
    texts = ["".join(map(_plain, prompt.nodes[start:end])) for start, end in runs]
    asked = [unframed([text])[0] for text in texts]
    found = list(translate([of.content for of in asked])) if runs else []
    nodes: list[Node] = []
    clauses: list[Clause] = []
    position = 0
    for (start, end), text, record in zip(runs, texts, found, strict=True):
        english = _bracketed(prompt.nodes[start:end], record) if text.startswith(record.source) else None
        if english is None:
            continue
        nodes += prompt.nodes[position:start]
        first = len(text_leaves(Prompt(tuple(nodes))))
        nodes += english
        clauses.append(Clause(record, (first, len(text_leaves(Prompt(tuple(nodes)))))))
        position = end
    return dataclasses.replace(prompt, nodes=(*nodes, *prompt.nodes[position:])), clauses


def _runs(nodes: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """Where texts and brackets around one text stand side by side, some of each."""
    for clause, group in itertools.groupby(enumerate(nodes), key=lambda pair: _is_of_clause(pair[1])):
        members = list(group)
        kinds = {type(node) for _, node in members}
        if clause and kinds == {Text, Weighted} and any(is_japanese(_plain(node)) for _, node in members):
            yield members[0][0], members[-1][0] + 1


def _is_of_clause(node: Node) -> bool:
    return isinstance(node, Text) or (isinstance(node, Weighted) and _inside(node) is not None)


def _inside(node: Weighted) -> Text | None:
    """The one text in a bracket, or in the bracket in it."""
    if len(node.children) != 1:
        return None
    (child,) = node.children
    return child if isinstance(child, Text) else _inside(child) if isinstance(child, Weighted) else None


def _plain(node: Node) -> str:
    inside = node if isinstance(node, Text) else _inside(node) if isinstance(node, Weighted) else None
    return inside.text if inside is not None else ""


def _bracketed(nodes: Sequence[Node], record: Translation) -> Sequence[Node] | None:
    """The English with the brackets around what became of their words; None if that cannot be told."""
    spans: list[tuple[int, int, Weighted]] = []
    position = 0
    for node in nodes:
        start, position = position, position + len(_plain(node))
        if isinstance(node, Weighted):
            words = _words_between(record, start, position)
            place = _place(words, record.english) if words else None
            if place is None:
                return None
            spans.append((*place, node))
    spans.sort(key=lambda span: span[:2])
    if any(left[1] > right[0] for left, right in itertools.pairwise(spans)):
        return None
    written, position = "", 0
    for start, end, node in spans:
        written += unparse(Prompt((Text(record.english[position:start]),)))
        written += unparse(Prompt((_with_text(node, record.english[start:end]),)))
        position = end
    return parse(written + unparse(Prompt((Text(record.english[position:]),)))).nodes


def _with_text(node: Weighted, text: str) -> Weighted:
    (child,) = node.children
    new = Text(text) if not isinstance(child, Weighted) else _with_text(child, text)
    return dataclasses.replace(node, children=(new,))


def _words_between(record: Translation, start: int, end: int) -> list[str]:
    """What became of the words from ``start`` to ``end``; [] if one reaches beyond by more than an ending."""
    words, position = [], 0
    for piece in record.pieces:
        first, position = position, position + len(piece.source)
        if position <= start or first >= end:
            continue
        inflected = _HIRAGANA.fullmatch(record.source[end:position]) is not None  # (走って:1.2)いる
        if first < start or (position > end and not inflected):
            return []
        words += [piece.english] if piece.english.strip() else []
    return words


def _place(words: Sequence[str], english: str) -> tuple[int, int] | None:
    """The shortest stretch of ``english`` that has all the words; None if one is not in it."""
    places = [
        [match.span() for match in re.finditer(rf"(?<![\w]){re.escape(word)}(?![\w])", english)]
        for word in words
    ]
    ways = itertools.islice(itertools.product(*places), _MOST_WAYS)
    stretches = [(min(start for start, _ in way), max(end for _, end in way)) for way in ways]
    return min(stretches, key=lambda stretch: stretch[1] - stretch[0], default=None)
