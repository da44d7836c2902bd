"""Names in prompts that stand for vectors of their own (textual inversion), whatever language they are in.

A name is a word of the prompt, in any case: no letter or digit touches it. Japanese has no spaces, so a name
that ends in a Japanese character ends before a particle, too: 花子 is a name in 「花子の絵」 and none in
「花子さん」. ``<name>`` is the same as the name alone. One with such brackets of its own may touch anything.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sdjp.text.normalize import normalize
from sdjp.text.tree import Name, Node, Prompt, Separator, Tag, Text, Weighted, flatten

PARTICLES: Final = "のとをでにはがもやへ"
_ASCII_EDGE: Final = (r"(?<![A-Za-z0-9_])(?<![A-Za-z0-9_]-)", r"(?![A-Za-z0-9_])(?!-[A-Za-z0-9_])")
_JAPANESE_EDGE: Final = (rf"(?:(?<!\w)|(?<=[{PARTICLES}]))", rf"(?:(?!\w)|(?=[{PARTICLES}]))")


class Names:
    """Names to look for, and the ids of the vectors that each stands for.

    The ids are negative, so that they are beyond every vocabulary: -1, -2 … Two names never share one, and
    one id between them is left out, so that ids in a row belong to one name. Names that are tokens of the
    vocabulary have the ids that they have there.
    """

    def __init__(
        self, lengths: Mapping[str, int], tokens: Mapping[str, tuple[int, ...]] | None = None
    ) -> None:
        """Take the names and how many vectors each has; and those that are tokens, with their ids."""
        self.tokens = {} if tokens is None else dict(tokens)
        self._lengths = dict(lengths)
        self._ids: dict[str, tuple[int, ...]] = {}
        self._name: dict[str, str] = {}
        first = -1
        for name, count in lengths.items():
            self._ids[name] = tuple(range(first, first - count, -1))
            first -= count + 1
        self._ids = {**self.tokens, **self._ids}
        self._owned = {i for ids in self._ids.values() for i in ids}
        for name in (*lengths, *self.tokens):
            if key(name):
                self._name.setdefault(key(name), name)
        self._pattern = _pattern(self._name)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, name: str) -> tuple[int, ...]:
        """Return the ids that ``name`` stands for."""
        return self._ids[name]

    def name_of(self, id: int) -> str:
        """Return the name that an id belongs to."""
        return next(name for name, ids in self._ids.items() if id in ids)

    def owns(self, id: int) -> bool:
        """Whether an id belongs to a name."""
        return id in self._owned

    def beside(self, others: Names) -> Names:
        """These names, and the tokens of ``others``."""
        return Names(self._lengths, others.tokens)

    def mark(self, prompt: Prompt) -> Prompt:
        """Cut the names out of the text: each becomes a node of its own, which is not translated."""
        return dataclasses.replace(prompt, nodes=self._marked(prompt.nodes)) if self._name else prompt

    def _marked(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        marked: list[Node] = []
        for node in nodes:
            if isinstance(node, Text):
                marked += self._cut(node.text)
            elif isinstance(node, Weighted):
                marked.append(dataclasses.replace(node, children=self._marked(node.children)))
            elif isinstance(node, Tag) and key(node.raw) in self._name:  # <cat:toy>
                marked.append(Name(self._name[key(node.raw)]))
            else:
                marked.append(node)
        return tuple(marked)

    def _cut(self, text: str) -> list[Node]:
        pieces: list[Node] = []
        start = 0
        for match in self._pattern.finditer(text):
            typed = match["name"]
            name = typed if typed in self._ids else self._name.get(key(typed))
            if name is not None:
                pieces += [*_plain(text[start : match.start()]), Name(name)]
                start = match.end()
        return [*pieces, *_plain(text[start:])]


def named(prompt: Prompt) -> tuple[str, ...]:
    """Return the names in a prompt that was marked, each once, in order."""
    return tuple(dict.fromkeys(node.text for node, _ in flatten(prompt.nodes) if isinstance(node, Name)))


def key(name: str) -> str:
    """Return what two spellings of one name have in common: width, case, how dakuten are written."""
    return normalize(name).casefold()


def _plain(text: str) -> list[Node]:
    inside = text.strip(" ")
    if not inside:
        return [Separator(" ")] if text else []
    before, after = text.startswith(" "), text.endswith(" ")
    return [*[Separator(" ")] * before, Text(inside), *[Separator(" ")] * after]


def _pattern(keys: Iterable[str]) -> re.Pattern[str]:
    """Longer names first: one may begin with another."""
    forms = []
    for name in sorted(keys, key=len, reverse=True):
        before, after = (
            ("", "") if c in "<>" else _ASCII_EDGE if c.isascii() else _JAPANESE_EDGE
            for c in (name[0], name[-1])
        )
        forms.append(f"{before[0]}{re.escape(name)}{after[1]}")
    return re.compile(rf"(?P<open><)?(?P<name>{'|'.join(forms)})(?(open)>)", re.IGNORECASE)
