"""The translator that needs no model: longest match over tables, then a small grammar.

``grammar/segment.py`` splits a text into words with their English, ``grammar/phrases.py`` finds what belongs
together, ``grammar/generate.py`` says it in English. What no table knows is spelt out and listed as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sdjp.lru import TEXTS, Lru, by_length
from sdjp.text.script import has_letters, is_japanese
from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.base import Piece, Translation
from sdjp.text.translate.grammar.generate import generate
from sdjp.text.translate.grammar.phrases import parse
from sdjp.text.translate.grammar.romaji import hiragana, romaji
from sdjp.text.translate.grammar.segment import segment
from sdjp.text.translate.grammar.stretches import stretches
from sdjp.text.translate.guards import refuse_surrogates


class LexiconTranslator:
    """Japanese to English by tables and a small grammar; threads may share the object.

    Texts that were translated lately are remembered.

    Args:
        user_lexicon: The user's own words, which win over everything: a TSV file
            ``ja<TAB>en[<TAB>category]``, or a mapping.

    Raises:
        InputError: If the user's table cannot be read.
    """

    def __init__(self, *, user_lexicon: Path | Mapping[str, str] | None = None) -> None:
        self._user = tables.user_table(user_lexicon)
        self._known = Lru[str, Translation](TEXTS, by_length)

    @property
    def name(self) -> str:
        """The registry name."""
        return "lexicon"

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate each text; a text without Japanese is returned as it is.

        Raises:
            TranslationError: If there is a lone surrogate in a text.
        """
        refuse_surrogates(texts)
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Translation:
        if not is_japanese(text):
            pieces = (Piece(source=text, english=text, how="copied"),) if has_letters(text) else ()
            return Translation(source=text, english=text, translator=self.name, pieces=pieces)
        known = self._known.get(text)
        if known is None:
            known = self._translated(text)
            self._known.put(text, known)
        return known

    def _translated(self, text: str) -> Translation:
        records = [self._stretch(stretch) for stretch in stretches(text)]
        if len(records) == 1:
            return records[0]
        return Translation(
            source=text,
            english=" ".join(record.english.strip() for record in records),
            translator=self.name,
            pieces=tuple(piece for record in records for piece in record.pieces),
            unknown=tuple(dict.fromkeys(word for record in records for word in record.unknown)),
        )

    def _stretch(self, text: str) -> Translation:
        words = segment(text, self._user)
        english = generate(parse(words))
        # Whatever the grammar had no place for is said all the same.
        lost = [
            w.use(w.english)
            for w in words
            if w.rendered is None and w.kind not in {"punct"} and "{" not in w.english
        ]
        english = " ".join(filter(None, [english, *lost]))
        unknown = [w.source.strip() for w in words if w.how == "romaji"]
        if not english and has_letters(text):  # nothing but grammar: いた, をんた
            english = romaji(hiragana(text.strip())) or text
            unknown = [text.strip()]
        return Translation(
            source=text,
            english=english or text,
            translator=self.name,
            pieces=tuple(Piece(source=w.source, english=w.rendered_or(""), how=w.how) for w in words),
            unknown=tuple(dict.fromkeys(unknown)),
        )
