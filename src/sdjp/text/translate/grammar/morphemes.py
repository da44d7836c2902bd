"""Morphemes by MeCab and UniDic; Latin runs, numbers and emoji are kept whole."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from sdjp.text.characters import EMOJI_RE
from sdjp.text.translate.grammar.closed import expressions
from sdjp.text.translate.grammar.quotes import written

_LATIN: Final = r"[A-Za-z0-9]*[A-Za-zÀ-ɏ][A-Za-z0-9À-ɏ'’_+&#./%:-]*"
_VERSION: Final = r"[0-9]+(?:\.[0-9]+)*(?![0-9.]*[一-鿿々ァ-ヺつ])"  # Unreal Engine 5で; but cat 3匹
_EMOJI_ONE: Final = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a-\u23ff]"
    "[\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*)"
)
_EMOJI: Final = f"{EMOJI_RE.pattern}|{_EMOJI_ONE}(?:\u200d{_EMOJI_ONE})*"
WHOLE_RE: Final = re.compile(
    f"(?P<emoji>{_EMOJI})|(?:(?P<latin>{_LATIN}(?: +(?:{_LATIN}|{_VERSION}))*)"
    "|(?P<digits>[0-9]+(?:[.,/:][0-9]+)*))(?!\ufe0f?\u20e3)"
)
"""What is never cut: emoji, Latin runs, numbers."""

_FOREIGN: Final = re.compile(r"[A-Za-z][A-Za-z '-]+")

# MeCab's taggers that nobody uses at the moment. A tagger must not be shared between threads, and one for
# each thread would be loaded anew for each request of a server.
_idle: Final[deque[Any]] = deque()


@dataclass(frozen=True, slots=True)
class Morpheme:
    """One morpheme.

    Attributes:
        surface: As it stands in the text.
        space: The white space after it.
        pos: Part of speech, at most three levels; ``("latin",)``, ``("emoji",)`` and ``("digits",)`` are
            ours.
        inflection: UniDic's ``cForm``, such as ``"連体形-一般"``.
        base: Dictionary form, spelt as in the text.
        lemma: Dictionary form in UniDic's standard spelling.
        foreign: The English word a loanword came from, as UniDic has it, or ``""``.
        kana: Reading in katakana, or ``""``.
        source: What stands in the text where ``surface`` is another spelling of it, or ``""``.
    """

    surface: str
    space: str
    pos: tuple[str, ...]
    inflection: str = ""
    base: str = ""
    lemma: str = ""
    foreign: str = ""
    kana: str = ""
    source: str = ""

    @property
    def stretch(self) -> str:
        """The stretch of the text, with the space after it."""
        return (self.source or self.surface) + self.space

    def is_(self, *pos: str) -> bool:
        """Whether the part of speech begins with ``pos``."""
        return self.pos[: len(pos)] == pos


@contextmanager
def _tagger() -> Iterator[Any]:
    """Lend a tagger to one thread; there are as many as were ever used at the same time."""
    try:
        tagger = _idle.pop()
    except IndexError:
        from fugashi import Tagger  # loading the dictionary takes a moment: on first use only

        tagger = Tagger()
    try:
        yield tagger
    finally:
        _idle.append(tagger)


def morphemes(text: str, forced: Collection[str] = ()) -> list[Morpheme]:
    """Split ``text`` into morphemes; the surfaces and spaces concatenate to it.

    Args:
        text: Normalized text that does not begin with white space.
        forced: Strings at whose ends a boundary is put in any case (the user's own words).
    """
    cuts = {0, len(text)}
    for span in WHOLE_RE.finditer(text):
        cuts.update(span.span())
    found = list(_nodes(text))
    for word in forced:
        edges = {start for start, _, _ in found} | {len(text)}
        matches = (match.span() for match in re.finditer(re.escape(word), text))
        wanted = [edge for span in matches if not edges.issuperset(span) for edge in span]
        if wanted:
            cuts.update(wanted)
            found = [
                (offset + start, end + offset, node)
                for offset, part in _parts(text, cuts)
                for start, end, node in _nodes(part)
            ]
    return _merge(text, found)


def _parts(text: str, cuts: set[int]) -> list[tuple[int, str]]:
    edges = sorted(cuts)
    return [(a, text[a:b]) for a, b in itertools.pairwise(edges)]


def _nodes(text: str) -> list[tuple[int, int, Morpheme]]:
    position, found = 0, []
    with _tagger() as tagger:
        for node in tagger(text):
            start = text.index(node.surface, position)
            position = start + len(node.surface)
            # Read at once: the next call of the tagger writes over its nodes.
            found.append((start, position, _from_node(node.surface, node)))
    return found


def _merge(text: str, found: list[tuple[int, int, Morpheme]]) -> list[Morpheme]:
    """Make one morpheme of each Latin run, number and emoji, whatever MeCab made of it; what is left of its
    nodes stays. Every stretch of the text is given to a morpheme.
    """
    spans: list[tuple[int, int, Morpheme]] = []
    wholes = deque(_wholes(text))
    for start, end, node in found:
        start = max(start, spans[-1][1] if spans else 0)
        while wholes and wholes[0][0] < end:
            first, last, kind = wholes.popleft()
            spans += _fragment(text, start, first, node)
            spans.append((first, last, _copied(text[first:last], kind)))
            start = last
        spans += _fragment(text, start, end, node)
    starts = [start for start, _, _ in spans[1:]] + [len(text)]
    return [
        replace(morpheme, space=text[end:following])
        for (_, end, morpheme), following in zip(spans, starts, strict=True)
    ]


def _wholes(text: str) -> Iterator[tuple[int, int, str]]:
    """What stays in one piece, in order, each with its kind."""
    quotes = [(*span, "quoted") for span in written(text)]
    dated = [(*span, "closed") for span in expressions(text)]
    position = 0
    for start, end, kind in [*sorted(quotes + dated), (len(text), len(text), "")]:
        if start < position:
            continue  # a date in a quote
        yield from ((*m.span(), str(m.lastgroup)) for m in WHOLE_RE.finditer(text, position, start))
        if kind:
            yield start, end, kind
        position = end


def _copied(surface: str, kind: str) -> Morpheme:
    return Morpheme(surface, "", (kind,), base=surface, lemma=surface)


def _fragment(text: str, start: int, end: int, node: Morpheme) -> list[tuple[int, int, Morpheme]]:
    """What is left of a node: all of it, or what no Latin run, number or emoji has taken."""
    surface = text[start:end]
    if surface == node.surface:
        return [(start, end, node)]
    inside = surface.strip()
    if not inside:
        return []
    start = text.index(inside, start)
    return [(start, start + len(inside), replace(_copied(inside, ""), pos=node.pos))]


def _from_node(surface: str, node: Any) -> Morpheme:
    feature = node.feature
    lemma, _, foreign = (feature.lemma or surface).partition("-")
    return Morpheme(
        surface=surface,
        space="",
        pos=tuple(p for p in (feature.pos1, feature.pos2, feature.pos3) if p and p != "*"),
        inflection=feature.cForm or "",
        base=feature.orthBase or surface,
        lemma=lemma,
        foreign=foreign if _FOREIGN.fullmatch(foreign) else "",
        kana=feature.kana or "",
    )
