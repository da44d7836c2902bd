"""The translator that needs no model: longest match over tables, then the word order of English.

``grammar/segment.py`` splits a text into words with their English; here they are put together: modifiers before の,
positions, counters, relative clauses and styles. What no table knows is spelt out and listed as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sdjp.text.script import has_letters, is_japanese
from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.base import Piece, Translation
from sdjp.text.translate.grammar import english
from sdjp.text.translate.grammar.segment import segment
from sdjp.text.translate.grammar.words import Word

# Particle to preposition, where neither the verb nor the noun knows better.
PREPOSITIONS: Final = {
    "で": "in",
    "に": "in",
    "から": "from",
    "へ": "to",
    "まで": "to",
    "と": "with",
    "より": "than",
}
LEADING: Final = frozenset(["color", "material", "style", "adj"])
ARTICLES: Final = re.compile(r"(?:a|an|the|one|two|three|four|five|six|seven|eight|nine|ten|some|many|no) ")


@dataclass
class Phrase:
    """A noun phrase in the making.

    Attributes:
        head: The noun.
        before: Adjectives and the like.
        after: What follows: "on a desk", "with blue eyes", "riding a horse".
        count: The number word, or "".
    """

    head: Word
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    count: str = ""

    def english(self, *, article: bool = True) -> str:
        """Put the phrase together."""
        head, features = self.head.english, self.head.features
        many = self.count not in ("", "one") or "many" in features
        core = " ".join([*self.before, english.plural(head) if many else head])
        if self.count:
            core = f"{self.count} {core}"
        elif article and not many and head and not ARTICLES.match(core) and not self._bare():
            core = f"the {core}" if "the" in features else f"{english.article(core)} {core}"
        return " ".join([core, *self.after])

    def _bare(self) -> bool:
        return (
            bool({"mass", "bare", "pl"} & set(self.head.features))
            and not ("the" in self.head.features and not self.before)
        ) or self.head.category in ("proper", "artist", "name", "tag", "color", "emoji", "latin", "quoted")


class LexiconTranslator:
    """Japanese to English by tables and a small grammar.

    Args:
        user_lexicon: The user's own words, which win over everything: a TSV file
            ``ja<TAB>en[<TAB>category]``, or a mapping.

    Raises:
        InputError: If the user's table cannot be read.
    """

    def __init__(self, *, user_lexicon: Path | Mapping[str, str] | None = None) -> None:
        self._user = tables.user_table(user_lexicon)

    @property
    def name(self) -> str:
        """The registry name."""
        return "lexicon"

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate each text; a text without Japanese is returned as it is."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Translation:
        if not is_japanese(text):
            pieces = (Piece(source=text, english=text, how="copied"),) if has_letters(text) else ()
            return Translation(source=text, english=text, translator=self.name, pieces=pieces)
        words = segment(text, self._user)
        english_text = compose(words)
        return Translation(
            source=text,
            english=english_text or " ".join(w.english for w in words if w.english) or text,
            translator=self.name,
            pieces=tuple(Piece(source=w.source, english=_plain(w.english), how=w.how) for w in words),
            unknown=tuple(w.source.strip() for w in words if w.how == "romaji"),
        )


def _plain(text: str) -> str:
    return re.sub(r"\{\w*\}", "", text).strip()


def compose(words: Sequence[Word]) -> str:
    """Put the English of ``words`` into English order."""
    return _Composer(words).run()


class _Composer:
    """One pass from left to right: Japanese modifiers come first, so they wait for the noun they belong to."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = [w for w in words if w.source.strip()]
        self.before: list[str] = []  # adjectives that wait for a noun
        self.after: list[str] = []  # phrases and clauses that wait for a noun
        self.count = ""
        self.phrase: Phrase | None = None  # the noun phrase just finished
        self.arguments: list[str] = []  # of the verb to come
        self.subject = ""
        self.out: list[str] = []

    def run(self) -> str:
        if len(self.words) == 1 and self.words[0].kind == "noun":
            word = self.words[0]  # a tag: no article
            return english.plural(word.english) if "many" in word.features else word.english
        for i, word in enumerate(self.words):
            following = self.words[i + 1] if i + 1 < len(self.words) else None
            self._take(word, following)
        self._finish()
        text = re.sub(r"\s+", " ", " ".join(part for part in self.out if part)).strip()
        return re.sub(r" ([,.!?])", r"\1", text)

    def _take(self, word: Word, following: Word | None) -> None:
        match word.kind:
            case "noun":
                self._noun(word)
            case "adj":
                self._adjective(word)
            case "adv":
                if following is not None and following.kind == "noun":
                    self.before.append(word.english)
                else:
                    self.arguments.append(word.english)
            case "number":
                if self.phrase is not None and following is None:
                    self.phrase.count = word.english
                else:
                    self.count = word.english
            case "suffix":
                self._suffix(word)
            case "particle":
                self._particle(word.source.strip(), following)
            case "verb":
                self._verb(word, following)
            case "position" | "relator":
                self._relator(word, following)
            case "conjunction":
                self._finish()
                self.out.append(word.english or "and")
            case "punct":
                self._finish()
                mark = {"。": ".", "、": ","}.get(word.source.strip(), word.source.strip())
                self.out.append(mark)
            case "prefix":
                self.before.append(word.english)
            case "request" | "copula" | "auxiliary":
                pass
            case _:
                if word.english:
                    self.before.append(word.english)

    def _noun(self, word: Word) -> None:
        if self.phrase is not None and word.source.strip() in ("風", "調"):
            self.after.append(f"in {self.phrase.head.english.removesuffix(' print')} style")
            self.phrase = None
            return
        if self.phrase is not None:  # two nouns side by side: a compound
            self.before = [*self.phrase.before, self.phrase.head.english, *self.before]
            self.after = [*self.phrase.after, *self.after]
            self.count = self.count or self.phrase.count
        self.phrase = Phrase(word, self.before, self.after, self.count)
        self.before, self.after, self.count = [], [], ""

    def _adjective(self, word: Word) -> None:
        self._relative_subject()
        self.before.append(word.english)

    def _suffix(self, word: Word) -> None:
        if self.phrase is None:
            return
        if "plural" in word.features:
            self.phrase.head.features = {**self.phrase.head.features, "many": ""}
        elif "honorific" not in word.features and word.english:
            head = self.phrase.head
            joined = Word(
                source=head.source,
                kind="noun",
                english=f"{head.english} {word.english}",
                category=word.features.get("", "thing"),
            )
            self.phrase.head = joined

    def _particle(self, particle: str, following: Word | None) -> None:
        phrase = self.phrase
        if phrase is None:
            return
        if particle in ("の", "な", "ノ"):
            if following is None or following.kind in ("position", "relator"):
                return
            self.phrase = None
            self._modifier(phrase, following)
        elif particle in ("と", "や", "か", "とか"):
            if following is not None and following.kind == "verb":
                self.arguments.append("with " + phrase.english())
            else:
                self.out.append(phrase.english() + (" or" if particle == "か" else " and"))
            self.phrase = None
        elif particle in ("が", "は", "も"):
            self.subject, self.phrase = phrase.english(), None
        elif particle == "を":
            self.arguments.insert(0, phrase.english())
            self.phrase = None
        else:
            # The verb may know the preposition; until then the particle waits in braces.
            prep = phrase.head.features.get("prep", PREPOSITIONS.get(particle, "in"))
            self.arguments.append(f"{{{particle}|{prep}}}{phrase.english()}")
            self.phrase = None

    def _modifier(self, phrase: Phrase, following: Word) -> None:
        """What ``phrase`` の becomes before the noun that follows."""
        head = phrase.head
        if head.category in LEADING or head.category == "latin":
            self.before += [*phrase.before, head.english]
        elif head.category == "medium" and following.kind == "noun":
            self.out.append(phrase.english() + " of")
        elif head.category == "weather" and "adj" in head.features and not phrase.before:
            self.before.append(head.features["adj"])
        elif head.category in ("body", "clothes", "part"):
            self.after.append("with " + phrase.english())
        elif head.category == "time":
            self.after.append(
                f"{head.features.get('prep', 'at')} {phrase.english(article='the' in head.features)}"
            )
        elif head.category in ("place", "nature", "proper", "name", "weather") and following.category not in (
            "place",
        ):
            self.after.append(f"{head.features.get('prep', 'in')} {phrase.english()}")
        elif following.category in ("medium", "group", "part", "place") or phrase.before or phrase.after or phrase.count:
            self.after.append("of " + phrase.english())
        else:
            self.before.append(head.english)

    def _relator(self, word: Word, following: Word | None) -> None:
        phrase, self.phrase = self.phrase, None
        inner = phrase.english() if phrase is not None else ""
        if phrase is not None and "{s}" in word.english:
            bare = phrase.head.english
            inner = bare if phrase._bare() else english.plural(bare)
        text = (
            re.sub(r"\{\w*\}", inner or "it", word.english)
            if "{" in word.english
            else f"{word.english} {inner}".strip()
        )
        if phrase is None:
            text = re.sub(r" ?\bit\b", "", text) if inner == "" else text
        if following is None or following.kind == "punct":
            self.out.append(text)
        else:
            self.after.append(text)

    def _verb(self, word: Word, following: Word | None) -> None:
        if following is not None and following.kind == "particle":  # a noun that MeCab took for a verb (いぬ)
            self._noun(word)
            return
        modifies = following is not None and following.kind in ("noun", "adj", "number", "prefix", "adv")
        arguments = [*self._resolved(word), *self.after]
        self.arguments, self.after = [], []
        if word.form.passive or (word.form.resultative and "vt" in word.features):
            verb = english.participle(word.english)
        else:
            verb = english.gerund(word.english)
        if word.form.negative:
            verb = "not " + verb
        clause = " ".join([verb, *arguments])
        if self.subject and not modifies:
            be = (
                "are"
                if re.match(
                    r"(?:two|three|four|five|many|some) |.*(?:s|children|people|men|women)$",
                    self.subject.split(" in ")[0],
                )
                else "is"
            )
            text = f"{self.subject} {be} {clause}"
            self.out.append(text[:1].upper() + text[1:] if following is not None else text)
            self.subject = ""
        elif modifies:
            if self.subject:
                self.after.append(f"with {self.subject} {clause}")
                self.subject = ""
            elif arguments:
                self.after.append(clause)
            else:
                self.before.append(clause)
        else:
            self.out.append(clause)

    def _resolved(self, word: Word) -> list[str]:
        """Arguments with the preposition that this verb wants."""
        result = []
        for argument in self.arguments:
            match = re.match(r"\{(\w+)\|([\w ]+)\}(.*)", argument)
            if match is None:
                result.append(argument)
                continue
            particle, prep, phrase = match.groups()
            wanted = word.features.get(particle)
            chosen = prep if wanted in (None, "loc") else wanted
            result.append(f"{chosen} {phrase}".strip())
        return result

    def _relative_subject(self) -> None:
        """A subject before an adjective (目が青い猫) is a part of what comes: a cat with blue eyes."""
        if self.subject:
            self.after.append("with " + self.subject)
            self.subject = ""

    def _finish(self) -> None:
        """Write out what is still open; nothing is dropped."""
        if self.subject:
            self.out.append(self.subject)
            self.subject = ""
        if self.phrase is not None:
            self.out.append(self.phrase.english())
            self.phrase = None
        nothing = Word(source="", kind="verb")
        rest = [self.count, *self.before, *self._resolved(nothing), *self.after]
        self.out += [part for part in rest if part]
        self.before, self.after, self.arguments, self.count = [], [], [], ""
