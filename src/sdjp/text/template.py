"""A template of a dynamic prompt as a small frozen tree: text, choices and wildcards; see ``dynamic.py``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sdjp.errors import InputError

MAX_DEPTH: Final = 50
"""Choices and wildcards inside each other."""
JOINER: Final = ", "

_NAME: Final = r"[_＿]{2}(?P<{0}>(?:(?![_＿]{2})[\w＿/.*-])+)[_＿]{2}"
_TOKEN: Final = re.compile(
    rf"""
      (?P<escape>[\\＼][\\＼()\[\]{{}}|（）［］｛｝｜]|[¥￥][{{}}｛｝])
    | [\\＼](?P<literal>{_NAME.replace("{0}", "escaped")})
    | (?P<wildcard>{_NAME.replace("{0}", "name")})
    | (?P<open>[{{｛])
    | (?P<close>[}}｝])
    | (?P<bar>[|｜])
    | (?P<square>[\[［])
    | (?P<unsquare>[\]］])
    | (?P<text>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COUNT: Final = re.compile(
    r"\s*(?P<low>\d+)?(?P<dash>[-－−ー〜～~](?P<high>\d+)?)?[$＄]{2}(?:(?P<joiner>[^$＄{}｛｝|｜]*)[$＄]{2})?"
)
WEIGHT: Final = re.compile(r"\s*(?P<weight>\d+(?:[.．]\d+)?|[.．]\d+)\s*[:：]{2}")


@dataclass(frozen=True)
class Option:
    """An option of a choice: its parts, and its weight."""

    parts: tuple[Node, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Choice:
    """Braces.

    Attributes:
        source: As they are written.
        options: What there is to choose from.
        low: How many at least.
        high: How many at most; None for all.
        joiner: What goes between them.
    """

    source: str
    options: tuple[Option, ...]
    low: int = 1
    high: int | None = 1
    joiner: str = JOINER


@dataclass(frozen=True)
class Wildcard:
    """``__name__``."""

    name: str


Node: TypeAlias = "str | Choice | Wildcard"
"""Text as it stands, or what is chosen from."""


def parse_template(text: str) -> tuple[Node, ...]:
    """Read a template.

    Raises:
        InputError: If choices are nested deeper than ``MAX_DEPTH``.
    """
    tokens = list(_TOKEN.finditer(text))
    return _parts(text, tokens, _partners(tokens), 0, len(tokens))


def _partners(tokens: Sequence[re.Match[str]]) -> dict[int, int]:
    """The bracket that closes each one that is opened, by their numbers."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    braces = 0  # of those that are open
    for i, token in enumerate(tokens):
        kind = token.lastgroup
        if kind in ("open", "square"):
            opened.append(i)
            braces += kind == "open"
        elif kind == "close" and braces > 0:
            while tokens[opened[-1]].lastgroup == "square":  # it had no partner
                opened.pop()
            partners[opened.pop()] = i
            braces -= 1
        elif kind == "unsquare" and opened and tokens[opened[-1]].lastgroup == "square":
            partners[opened.pop()] = i
    ends: list[int] = []
    for i in sorted(k for k in partners if tokens[k].lastgroup == "open"):
        while ends and ends[-1] < i:
            ends.pop()
        ends.append(partners[i])
        if len(ends) > MAX_DEPTH:
            raise too_deep()
    return partners


def _parts(
    text: str, tokens: Sequence[re.Match[str]], partners: dict[int, int], first: int, last: int
) -> tuple[Node, ...]:
    parts: list[Node] = []
    i = first
    while i < last:
        token = tokens[i]
        if token.lastgroup == "open" and i in partners:
            parts.append(_choice(text, tokens, partners, i))
            i = partners[i]
        elif token["wildcard"] is not None:
            parts.append(Wildcard(token["name"]))
        else:
            parts.append(token[0] if token["literal"] is None else token["literal"])
        i += 1
    return tuple(parts)


def _choice(text: str, tokens: Sequence[re.Match[str]], partners: dict[int, int], start: int) -> Choice:
    end = partners[start]
    bars = [start]
    i = start + 1
    while i < end:
        if tokens[i].lastgroup == "bar":
            bars.append(i)
        i = partners.get(i, i) + 1  # what is in brackets of its own has its own bars
    source = text[tokens[start].start() : tokens[end].end()]
    counted = _COUNT.match(text, tokens[start].end(), tokens[end].start())
    if (
        counted is not None
        and counted["low"] is None
        and (counted["dash"] is None or counted["high"] is None)
    ):
        counted = None
    options = []
    for n, bar in enumerate(bars):
        stop = bars[n + 1] if n + 1 < len(bars) else end
        begin = tokens[bar].end() if n or counted is None else counted.end()
        weighted = WEIGHT.match(text, begin, tokens[stop].start())
        begin = begin if weighted is None else weighted.end()
        inside = next((k for k in range(bar + 1, stop) if tokens[k].start() >= begin), stop)
        parts = _stripped(_parts(text, tokens, partners, inside, stop))
        options.append(Option(parts, 1.0 if weighted is None else number(weighted["weight"])))
    if counted is None:
        return Choice(source, tuple(options))
    low = 1 if counted["low"] is None else int(counted["low"])
    high = low if counted["dash"] is None else None if counted["high"] is None else int(counted["high"])
    return Choice(
        source, tuple(options), low, high, JOINER if counted["joiner"] is None else counted["joiner"]
    )


def number(text: str) -> float:
    """The weight that digits of any width write."""
    return float(unicodedata.normalize("NFKC", text))


def _stripped(parts: Sequence[Node]) -> tuple[Node, ...]:
    """Without the spaces at both ends."""
    first, last = 0, len(parts)
    while first < last and _blank(parts[first]):
        first += 1
    while last > first and _blank(parts[last - 1]):
        last -= 1
    return tuple(parts[first:last])


def _blank(part: Node) -> bool:
    return isinstance(part, str) and part.isspace()


def too_deep() -> InputError:
    """Return the error for what is nested too deep."""
    return InputError(
        "dynamic.deep",
        ja=f"選択やワイルドカードの入れ子が {MAX_DEPTH} 段を超えています。浅くしてください。",
        en=f"choices or wildcards are nested more than {MAX_DEPTH} deep. Nest fewer.",
    )
