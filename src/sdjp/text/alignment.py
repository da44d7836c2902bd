"""Which tokens came from which word of a prompt.

What the translator says of each part of a prompt (猫: cat) is looked for in the English, as it reached the
text encoder. Where it translated a clause as a whole, the lexicon says what the words in it are; then a word
is found in another form of it, too. What is found nowhere is told, and never taken for something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sdjp.errors import InputError
from sdjp.records import Part
from sdjp.text.names import Names
from sdjp.text.neighbours import Words
from sdjp.text.normalize import normalize
from sdjp.text.read import ReadPrompt
from sdjp.text.script import has_letters, is_japanese
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.translate.grammar import english
from sdjp.text.translate.lexicon import LexiconTranslator

_BY_WORDS: Final = frozenset(
    ["lexicon", "user", "glossary", "guess", "grammar", "counter", "romaji", "copied", "request"]
)
"""How parts were translated that are single words; any other part is a whole clause."""
_JOINTS: Final = re.compile(r"[\s'’-]+")
_ARTICLE: Final = re.compile(r"(?:an?|the)\s+")
_ENDING: Final = re.compile("[ぁ-ゖ]+$")
_SUFFIX: Final = re.compile("(?<=...)(?:ing|ed|es|s)$")

Where = tuple[int, ...]
"""Indexes of units, one after the other."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A word as the text encoder reads it, or a sign; of a model that reads Japanese, a token.

    Attributes:
        text: The word, as the tokenizer spells it.
        places: Where its tokens are among all states of the prompt, 0 … 77 N - 1.
    """

    text: str
    places: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A stretch of a prompt as it was typed, and where what became of it stands.

    Attributes:
        text: The stretch, normalized.
        where: Its places, each of one or more units; none where nothing became of it (a particle).
    """

    text: str
    where: tuple[Where, ...]


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The words of a prompt and their tokens.

    Attributes:
        units: What the text encoder reads, in order.
        sources: What was typed, in order.
    """

    units: tuple[Unit, ...]
    sources: tuple[Source, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What can be asked for, each once: what was typed, then the English."""
        typed = (source.text for source in self.sources if source.where and has_letters(source.text))
        read = (unit.text for unit in self.units if has_letters(unit.text))
        return tuple(dict.fromkeys([*typed, *read]))

    def places(self, word: str) -> tuple[int, ...]:
        """Return where the tokens of a word, or of neighbouring words, are among all states.

        A word that stands several times has all of its tokens. Of a phrase (赤い帽子) those that stand
        nearest together count, so that the red of another thing is not among them.

        Args:
            word: As it was typed, or in English, or in Japanese whose English is in the prompt.

        Raises:
            InputError: If no token came from it.
        """
        if not isinstance(word, str) or not has_letters(word):
            raise self._unknown(word)
        found: list[Where] = []
        for wanted in dict.fromkeys([normalize(word).strip(), word]):
            found = found or self._typed(wanted) or _find(wanted, self.units) or self._translated(wanted)
        if not found:
            raise self._unknown(word)
        units = dict.fromkeys(i for where in found for i in where)
        return tuple(sorted(place for i in units for place in self.units[i].places))

    def _typed(self, wanted: str) -> list[Where]:
        """The places of what was typed: as it stands, or but for an ending (走る for 走っている)."""
        texts = [source.text for source in self.sources]
        for key in (_key, _without_ending):
            found: list[Where] = []
            for first, last in _runs(texts, wanted, key):
                said = [source.where for source in self.sources[first:last] if source.where]
                found += _nearest(said) if len(said) > 1 else [where for places in said for where in places]
            if found:
                return found
        return []

    def _translated(self, wanted: str) -> list[Where]:
        if not is_japanese(wanted):
            return []
        [record] = LexiconTranslator().translate([wanted])
        return [] if record.unknown else _find(_ARTICLE.sub("", record.english), self.units)

    def _unknown(self, word: object) -> InputError:
        ja, en = "、".join(self.words), ", ".join(self.words)
        if isinstance(word, str) and _key(normalize(word)) in {_key(source.text) for source in self.sources}:
            return InputError(
                "attention.silent",
                ja=f"「{word}」は英語のプロンプトに残っていません。調べられる語: {ja}",
                en=f"nothing in the English prompt came from {word!r}. Words that can be asked for: {en}",
            )
        return InputError(
            "attention.word",
            ja=f"「{word}」は、この絵のプロンプトに見つかりません。調べられる語: {ja}",
            en=f"{word!r} is not found in the prompt of this picture. Words that can be asked for: {en}",
        )


def align(prompt: ReadPrompt, tokenizer: Tokenizer, *, names: Names, words: Words | None = None) -> Alignment:
    """Find the tokens of each word of a prompt.

    Args:
        prompt: The prompt, read.
        tokenizer: That which gave it its ids.
        names: Names in it that stand for vectors.
        words: The words that the model knows, if it was read with them.
    """
    units = tuple(_units(prompt, tokenizer, names))
    sources = []
    for part in _by_words(prompt.info.parts):
        said = part.english.strip()
        where = _find(said, units) if said else []
        if said and not where and words is not None:
            where = _find(words.nearest(said)[0], units)
        sources.append(Source(text=part.source.strip(), where=tuple(where)))
    for written, instead in prompt.info.neighbours:
        if instead:
            sources.append(Source(text=written.lower(), where=tuple(_find(instead, units))))
    return Alignment(units=units, sources=tuple(sources))


def _units(prompt: ReadPrompt, tokenizer: Tokenizer, names: Names) -> Iterator[Unit]:
    """The words of a prompt: the tokens between which the tokenizer puts no space."""
    before = 0 if tokenizer.start_id is None else 1
    ids: list[int] = []
    places: list[int] = []
    for number, row in enumerate(prompt.chunks.ids):
        end = len(row)
        while end > before and row[end - 1] in (tokenizer.pad_id, tokenizer.end_id):
            end -= 1
        ids += row[before:end]
        places += range(number * len(row) + before, number * len(row) + end)
    first = 0
    for last in range(1, len(ids) + 1):
        if last == len(ids) or _parted(ids[last - 1], ids[last], tokenizer, names):
            own = names.owns(ids[first])
            text = names.name_of(ids[first]) if own else tokenizer.decode(ids[first:last])
            yield Unit(text=text, places=tuple(places[first:last]))
            first = last


def _parted(left: int, right: int, tokenizer: Tokenizer, names: Names) -> bool:
    """Whether one word ends, and another begins, between two tokens."""
    if names.owns(left) or names.owns(right):
        same = names.owns(left) and names.owns(right) and names.name_of(left) == names.name_of(right)
        return not same
    if tokenizer.japanese:
        return True
    one, other = tokenizer.decode([left]), tokenizer.decode([right])
    return tokenizer.decode([left, right]) == f"{one} {other}"


def _by_words(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts of a prompt, clauses in words as the lexicon knows them."""
    for part in parts:
        if part.how in _BY_WORDS or not is_japanese(part.source):
            yield part
            continue
        [record] = LexiconTranslator().translate([part.source])
        yield from (Part(source=p.source, english=p.english, how=p.how) for p in record.pieces)


def _find(phrase: str, units: Sequence[Unit]) -> list[Where]:
    """Where a phrase stands: as it is; else with its words in other forms; else its words, the nearest."""
    texts = [unit.text for unit in units]
    for key in (_key, _stem):
        found = [tuple(range(*run)) for run in _runs(texts, phrase, key)]
        if found:
            return found
    words = [word for word in phrase.split() if has_letters(word)]
    if len(words) < 2:
        return [(i,) for i, text in enumerate(texts) if words and _forms(text) & _forms(words[0])]
    each = [_find(word, units) for word in words]
    return _nearest(each) if all(each) else []


def _runs(texts: Sequence[str], phrase: str, key: Callable[[str], str]) -> list[tuple[int, int]]:
    """From where to before where neighbouring texts, put together, are a phrase."""
    wanted, found = key(phrase), []
    for first in range(len(texts)):
        for last in range(first + 1, len(texts) + 1):
            joined = key(" ".join(texts[first:last]))
            if wanted and joined == wanted and key(texts[first]) and key(texts[last - 1]):
                found.append((first, last))
            if len(joined) > len(wanted):
                break
    return found


def _nearest(places: Sequence[Sequence[Where]]) -> list[Where]:
    """Each place of the first word with what is nearest to it of the others; of these the closest, all of
    them that are equally close.
    """
    ways = (
        [
            (first, *(min(others, key=lambda where: _apart(first, where)) for others in places[1:]))
            for first in places[0]
        ]
        if places
        else []
    )
    widths = [max(map(max, way)) - min(map(min, way)) for way in ways]
    return [where for way, width in zip(ways, widths, strict=True) if width == min(widths) for where in way]


def _apart(one: Where, other: Where) -> int:
    """How many units two places span together."""
    return max(*one, *other) - min(*one, *other)


def _key(text: str) -> str:
    """What two spellings of a text have in common: no case, no spaces, hyphens or apostrophes."""
    return _JOINTS.sub("", text.casefold())


def _without_ending(japanese: str) -> str:
    """A Japanese word without what inflects it, if anything else is left: 走る and 走っている are 走."""
    text = _key(japanese)
    return _ENDING.sub("", text) or text


def _stem(phrase: str) -> str:
    """English words without the endings of plurals and verbs, put together."""
    return "".join(map(_stem_of_word, _JOINTS.split(phrase.casefold())))


def _stem_of_word(word: str) -> str:
    stem = _SUFFIX.sub("", word)
    if stem != word and len(stem) > 3 and stem[-1] == stem[-2]:
        stem = stem[:-1]  # running, run
    return re.sub("(?<=..)(?:i?e|y)$", "", stem.removesuffix("i") if len(stem) > 3 else stem)


def _forms(word: str) -> set[str]:
    """A word, and what it is as a plural or as a verb: child, children; eat, ate."""
    word = word.casefold()
    verbs = (english.gerund, english.participle, english.past, english.present)
    return {word, english.plural(word), *(form(word) for form in verbs)}
