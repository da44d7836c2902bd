"""A parsed prompt as a small frozen tree, and what is asked of it: leaves, weights, tags, its text again."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, NamedTuple, TypeAlias

from sdjp.errors import InputError
from sdjp.text.bracketed import is_face, is_value

_ESCAPABLE: Final = r"\()[]{}|"
_TO_ESCAPE: Final = re.compile(r"[()\[\]{}|]|\\(?=[\\()\[\]{}|])")
_ENDS_IN_NUMBER: Final = re.compile(r": ?[+-]?[0-9.]+ ?\Z")
_END_OF_WORD: Final = re.compile(r"[^\s(\[{|:\"'-]\Z")
_START_OF_WORD: Final = re.compile(r"[\w(\[{]")


@dataclass(frozen=True)
class Text:
    """A leaf: plain text, without escapes, without spaces at its ends."""

    text: str


@dataclass(frozen=True)
class Separator:
    """The separator of two leaves: ``", "``, ``"、"`` or ``" "``."""

    raw: str


@dataclass(frozen=True)
class Verbatim:
    """Syntax that is kept as text: a brace, ``|``, ``AND``, a wildcard, a part of ``[猫:犬:0.5]``."""

    raw: str


@dataclass(frozen=True)
class Name:
    """The name of vectors, which stays as it is: see ``names.py``."""

    text: str


@dataclass(frozen=True)
class Tag:
    """An angle tag, brackets included."""

    raw: str


@dataclass(frozen=True)
class Break:
    """``BREAK``."""


@dataclass(frozen=True)
class Weighted:
    """A bracket and what is in it.

    Attributes:
        children: The nodes inside.
        weight: The factor of this bracket alone.
        form: How it is written: ``"round"`` (…), ``"square"`` […] or ``"number"`` (…:1.2).
    """

    children: tuple[Node, ...]
    weight: float
    form: Literal["round", "square", "number"]


Node: TypeAlias = "Text | Separator | Verbatim | Name | Tag | Break | Weighted"


@dataclass(frozen=True)
class Prompt:
    """A parsed prompt; ``str(prompt)`` writes it out again.

    Attributes:
        nodes: What it is made of.
        source: What was typed; prompts of the same nodes are equal, however they were typed.
    """

    nodes: tuple[Node, ...] = ()
    source: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return unparse(self)


class Run(NamedTuple):
    """Text and its effective weight."""

    text: str
    weight: float


class Named(NamedTuple):
    """A name and its effective weight."""

    name: str
    weight: float


def unparse(prompt: Prompt) -> str:
    r"""Write a prompt out so that :func:`parse` reads the same tree again.

    Example:
        >>> unparse(Prompt((Weighted((Text("a (small) cat"),), 1.25, "number"),)))
        '(a \\(small\\) cat:1.25)'
    """
    return _join(prompt.nodes)


def text_leaves(prompt: Prompt) -> tuple[str, ...]:
    """Return all text that a translator may see, in order.

    Example:
        >>> from sdjp.text.prompt import parse
        >>> text_leaves(parse("(笑顔:1.1)、{赤|青}い帽子、BREAK、__髪型__"))
        ('笑顔', '赤', '青', 'い帽子')
    """
    return _texts(prompt.nodes)


def map_text(prompt: Prompt, leaves: Sequence[str]) -> Prompt:
    """Replace the leaves by their translations, in the order of :func:`text_leaves`.

    Brackets in a translation are text and stay so. 、 becomes ``", "``; where a translation would touch its
    neighbour, a space goes between. An empty string removes its leaf.

    Example:
        >>> from sdjp.text.prompt import parse
        >>> print(map_text(parse("(雲:1.2)で眠る猫、夜"), ["cloud", "a cat asleep", "night (dark)"]))
        (cloud:1.2) a cat asleep, night \\(dark\\)

    Raises:
        InputError: If ``leaves`` are more or fewer than the prompt has.
    """
    count = len(text_leaves(prompt))
    if len(leaves) != count:
        raise InputError(
            "prompt.leaves",
            ja=f"プロンプトの文は {count} 個ですが、{len(leaves)} 個が渡されました。同じ数にしてください。",
            en=f"the prompt has {count} text leaves, not {len(leaves)}. Give one for each.",
        )
    return dataclasses.replace(prompt, nodes=_mapped(prompt.nodes, iter(leaves)))


def weighted_runs(prompt: Prompt) -> tuple[Run | Named | Break, ...]:
    """Return text with its effective weight, for tokenizing: tags left out, neighbours of one weight joined.

    Separators that then separate nothing (next to a BREAK, around a tag) are left out too.

    Example:
        >>> from sdjp.text.prompt import parse
        >>> weighted_runs(parse("((a cat)), <lora:x:1>, a dog BREAK night"))  # doctest: +NORMALIZE_WHITESPACE
        (Run(text='a cat', weight=1.2100000000000002), Run(text=', a dog', weight=1.0), Break(),
         Run(text='night', weight=1.0))
    """
    runs: list[Run | Named | Break] = []
    waiting: Run | None = None
    for node, weight in flatten(prompt.nodes):
        if isinstance(node, Break):
            runs.append(node)
            waiting = None
        elif isinstance(node, Separator):
            if runs and not isinstance(runs[-1], Break) and (waiting is None or waiting.text == " "):
                waiting = Run(node.raw, weight)
        elif not isinstance(node, Tag):
            new = (
                Named(node.text, weight)
                if isinstance(node, Name)
                else Run(node.text if isinstance(node, Text) else node.raw, weight)
            )
            for run in (waiting, new):
                last = runs[-1] if runs else None
                if isinstance(run, Run) and isinstance(last, Run) and last.weight == run.weight:
                    runs[-1] = Run(last.text + run.text, run.weight)
                elif run is not None:
                    runs.append(run)
            waiting = None
    return tuple(runs)


def tags(prompt: Prompt) -> tuple[str, ...]:
    """Return all angle tags as they stand, in order."""
    return tuple(node.raw for node, _ in flatten(prompt.nodes) if isinstance(node, Tag))


def marks(prompt: Prompt) -> tuple[str, ...]:
    """Return the syntax of others that is kept as characters, in order: braces, alternation, ``AND`` …"""
    return tuple(node.raw for node, _ in flatten(prompt.nodes) if isinstance(node, Verbatim))


def flatten(
    nodes: Sequence[Node], weight: float = 1.0
) -> Iterator[tuple[Text | Separator | Verbatim | Name | Tag | Break, float]]:
    """Yield every node that is no bracket, with the product of the weights around it."""
    for node in nodes:
        if isinstance(node, Weighted):
            yield from flatten(node.children, weight * node.weight)
        else:
            yield node, weight


def _join(nodes: Sequence[Node], end: str = "") -> str:
    sources = [*map(_source, nodes), end]
    for i, node in enumerate(nodes):
        # A backslash is itself unless something comes after it that it would escape.
        if isinstance(node, Text) and node.text.endswith("\\") and sources[i + 1][:1] in tuple(_ESCAPABLE):
            sources[i] += "\\"
    return "".join(sources)


def _source(node: Node) -> str:
    if isinstance(node, Text | Name):
        return _TO_ESCAPE.sub(r"\\\g<0>", node.text)
    if isinstance(node, Break):
        return "BREAK"
    if not isinstance(node, Weighted):
        return node.raw
    inside = _join(node.children, ")")[:-1]
    # A translation may end like a weight ("at 12:30") or be a face; then only a weight written out says what
    # is meant.
    written = f"({inside})" if node.form == "round" else f"[{inside}]"
    if node.form != "number" and not _ENDS_IN_NUMBER.search(inside) and not is_face(written):
        return written
    number = f"{Decimal(repr(float(node.weight))).normalize():f}"
    while is_value(inside, number):
        number += "0" if "." in number else ".0"
    return f"({inside}:{number})"


def _texts(nodes: Sequence[Node]) -> tuple[str, ...]:
    return tuple(node.text for node, _ in flatten(nodes) if isinstance(node, Text))


def _mapped(nodes: Sequence[Node], leaves: Iterator[str]) -> tuple[Node, ...]:
    mapped: list[Node] = []
    last_changed = removed = False
    for node in nodes:
        new: Node = node
        if isinstance(node, Text):
            leaf = next(leaves).strip(" ")
            # No escape keeps "<a:b>" from being a tag, but a space does.
            new = Text(leaf if leaf == node.text else re.sub("<(?=[A-Za-z])", "< ", leaf))
        elif isinstance(node, Weighted):
            new = dataclasses.replace(node, children=_mapped(node.children, leaves))
        elif isinstance(node, Separator) and node.raw.startswith("、"):
            new = Separator(", ")
        if new == Text(""):
            removed = True
            continue
        changed = _texts([new]) != _texts([node])
        if (
            (changed or last_changed)
            and mapped
            and _END_OF_WORD.search(_source(mapped[-1]))
            and (isinstance(new, Name) or _START_OF_WORD.match(_source(new)))
        ):
            mapped.append(Separator(" "))
        mapped.append(new)
        last_changed = changed
    return tuple(_without_loose_separators(mapped) if removed else mapped)


def _without_loose_separators(nodes: Sequence[Node]) -> list[Node]:
    """Drop the separators that a removed leaf has left with nothing to separate."""
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, Separator) and (not kept or isinstance(kept[-1], Separator)):
            continue
        kept.append(node)
    return kept[:-1] if kept and isinstance(kept[-1], Separator) else kept
