"""The lexicon and a Marian model together.

The lexicon is exact about what prompts are made of (things, clothes, colours, counts, styles), and about
Japanese culture; the model is better at what people say and tell. Which of the two a text is, ``gate.py``
says for the small model that ships.

A model of the user's own is asked about sentences and unknown words, and is believed if every thing that the
lexicon is sure of is still there.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from sdjp.errors import TranslationError
from sdjp.text.script import is_japanese
from sdjp.text.translate import lexicon_table
from sdjp.text.translate.base import Translation
from sdjp.text.translate.gate import is_told
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp.text.translate.marian import CUT, MarianTranslator, joined

EMBEDDED: Final = Path(str(files("sdjp"))) / "assets" / "translator"
"""The model that ships."""
MOST_ASKED: Final = 2_000
"""Characters of a prompt that the model is asked about, from its beginning: ten chunks of the text encoder,
and a few seconds of the model. What comes behind is the lexicon's, as the record of its pieces tells."""
_SEEN: Final = frozenset(
    ["animal", "body", "clothes", "color", "food", "material", "part", "person", "place", "proper", "thing"]
)
"""Categories of words that say what is in a picture."""
_NAME: Final = re.compile("[ァ-ヺー]{2}")
_SENTENCE: Final = re.compile(
    r"(?:です|ます|でした|ました|ません|ましょう|だろう|なさい|たい|ない|た|だ)(?:[かよねわぞさ]|の|のか|けど)*[。.!！?？]*$"
    r"|(?:です|ます|でした|ました|ません|[だよ])[かよねぞ][。.!！?？]*$|[?？]$"  # what is said, asked, wished
    r"|(?:たら|だら|れば|なら|のに|から|けれど)[。.!！?？]*$"  # if, although, because
    r"|(?:私|僕|俺|彼|彼女|あなた|君|我々)(?:ら|たち|達)?[はがをにのも]"  # persons
    r"|(?<![にで])は[^、,]+[うくぐすつぬぶむるいだた][。.!！?？]*$"  # a topic, and what is said of it
)
_WORD: Final = re.compile(r"[a-z]{3,}")
_SMALL: Final = frozenset(
    [
        *("the", "and", "with", "from", "into", "onto", "that", "this", "who", "which", "its", "his", "her"),
        *("are", "was", "were", "been", "being", "for", "not", "you", "she", "him", "they", "them", "our"),
        *("your", "their", "has", "have", "had", "does", "did", "doing", "one", "two", "out", "off", "over"),
        "thing",
    ]
)


def is_sentence(text: str) -> bool:
    """Whether a normalized text is one: it ends as they do, or has a person or a topic in it.

    What prompts say of a scene in the present (猫が寝ている) is not meant: the lexicon knows that.
    """
    return _SENTENCE.search(text) is not None


class CombinedTranslator:
    """The lexicon for what it knows, a model for sentences and unknown words.

    Threads may share the object. The model is read by the first text that needs it.

    Args:
        model: The folder of a Marian model, with its weights in one file; left out, the one that ships.
        user_lexicon: As for :class:`LexiconTranslator`; a text with one of its words is the lexicon's.
        **options: For :class:`MarianTranslator`.

    Raises:
        InputError: If an argument is not possible.
        WeightsError: If the folder lacks files of a Marian model.
    """

    name = "combined"

    def __init__(
        self,
        model: str | os.PathLike[str] = EMBEDDED,
        *,
        user_lexicon: Path | Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._lexicon = LexiconTranslator(user_lexicon=user_lexicon)
        self._model = MarianTranslator(model, plain=True, **options)
        self._ships = Path(model) == EMBEDDED

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate all ``texts``, each a prompt by itself; what is for the model as one batch."""
        return [record for (record,) in self.translate_prompts([[text] for text in texts])]

    def translate_prompts(self, prompts: Sequence[Sequence[str]]) -> list[list[Translation]]:
        """Translate the texts of prompts; the model is asked ``MOST_ASKED`` characters of each prompt."""
        texts = list(dict.fromkeys(text for prompt in prompts for text in prompt))
        whole = dict(zip(texts, self._lexicon.translate(texts), strict=True))
        rows = {text: CUT.split(text) for text in texts}
        if self._ships:  # most prompts have nothing to ask about, and are not read a second time in parts
            asks = self._told_parts(whole, rows)
            known = self._in_parts(row for row in rows.values() if not asks.isdisjoint(row))
        else:
            known = self._in_parts(rows.values())
            asks = self._parts_to_ask(known)
        allowed = [
            _first(part for t in prompt for part in rows[t][::2] if part in asks) for prompt in prompts
        ]
        asked = list(dict.fromkeys(part for of_one in allowed for part in of_one))
        said = dict(zip(asked, self._said(asked), strict=True)) if asked else {}
        better = {part: r for part, r in said.items() if r is not None and self._believes(known[part], r)}
        if self._ships:  # it only guesses at what no table knows
            better = {part: dataclasses.replace(r, unknown=known[part].unknown) for part, r in better.items()}

        def put_together(text: str, of_one: Iterable[str]) -> Translation:
            taken = {part: better[part] for part in of_one if part in better and part in rows[text]}
            if not taken:
                return dataclasses.replace(whole[text], translator=self.name)
            return joined(text, rows[text], {**known, **taken}, translator=self.name)

        return [
            [put_together(text, of_one) for text in prompt]
            for prompt, of_one in zip(prompts, allowed, strict=True)
        ]

    def _in_parts(self, rows: Iterable[Sequence[str]]) -> dict[str, Translation]:
        """What the lexicon says of each Japanese part by itself."""
        parts = list(dict.fromkeys(part for row in rows for part in row[::2] if is_japanese(part)))
        return dict(zip(parts, self._lexicon.translate(parts), strict=True))

    def _told_parts(self, whole: Mapping[str, Translation], rows: Mapping[str, list[str]]) -> set[str]:
        """The parts of texts that say or tell something; none with a user's word, a name or a text to be
        written in the picture.
        """
        told = (text for text, record in whole.items() if is_told(text) and not _is_the_lexicons(record))
        return {part for text in told for part in rows[text][::2] if is_japanese(part)}

    def _parts_to_ask(self, known: Mapping[str, Translation]) -> set[str]:
        """The parts that a model of the user's is asked about: sentences, and what has an unknown word."""
        return {
            part
            for part, record in known.items()
            if (record.unknown or is_sentence(part)) and not any(p.how == "user" for p in record.pieces)
        }

    def _believes(self, known: Translation, said: Translation) -> bool:
        return self._ships or _kept(known, said)

    def _said(self, texts: list[str]) -> list[Translation | None]:
        """The translations of the model; None where it has none."""
        try:
            return list(self._model.translate(texts))
        except TranslationError:
            if len(texts) == 1:
                return [None]
        return [said for text in texts for said in self._said([text])]


def _is_the_lexicons(record: Translation) -> bool:
    """Whether something in a text is for the lexicon alone."""
    if any(_NAME.search(word) for word in record.unknown):
        return True
    return any(p.how == "user" or (p.how == "copied" and is_japanese(p.source)) for p in record.pieces)


def _first(parts: Iterable[str]) -> list[str]:
    """The first of the parts, each once, as many as fit into ``MOST_ASKED`` characters."""
    unique = list(dict.fromkeys(parts))
    lengths = itertools.accumulate(map(len, unique))
    return [part for part, length in zip(unique, lengths, strict=True) if length <= MOST_ASKED]


def _kept(known: Translation, said: Translation) -> bool:
    """Whether all things that the lexicon is sure of are in what the model says."""
    found = _stems(said.english)
    own = lexicon_table.own()
    for piece in known.pieces:
        entries = own.get(piece.source.strip(), ()) if piece.how == "lexicon" else ()
        if entries and entries[0].category in _SEEN and not _says(found, piece.english):
            return False
    return True


def _says(found: set[str], thing: str) -> bool:
    """Whether a thing is among the words ``found``: by its noun, or by most of its words."""
    words = _WORD.findall(thing.lower())
    wanted = _stems(thing)
    return not wanted or bool(_stems(words[-1]) & found) or len(wanted & found) > len(wanted) / 2


def _stems(english: str) -> set[str]:
    return {word[:5].rstrip("s") for word in _WORD.findall(english.lower()) if word not in _SMALL}
