"""Neural translation with a Marian model (Junczys-Dowmunt et al. 2018, arXiv 1804.00344), by transformers.

Such models are trained on single sentences of prose, and prompts are not prose. So a text is cut at commas
and sentence ends, parts without Japanese are copied, and every output is checked: one that is empty, runs to
the length limit, goes round in a loop or still holds Japanese is made again under other rules, and refused if
that does not help. Latin words, numbers and emoji that got lost are put behind the translation.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sdjp.errors import InputError, TranslationError
from sdjp.lru import TEXTS, Lru
from sdjp.text.script import is_japanese
from sdjp.text.translate.base import Piece, Translation
from sdjp.text.translate.guards import acceptable, lost, refuse_surrogates, tidy
from sdjp.text.translate.marian_files import check_hub, check_model, load_model

if TYPE_CHECKING:
    import torch

DTYPES: Final = ("float32", "float16", "bfloat16")

# Where a text is cut: commas (not those inside numbers), sentence ends, and white space at either end.
CUT: Final = re.compile(
    r"""(\s*(?:(?<!\d),|,(?!\d))\s*|(?<=[。！？!?])(?![。！？!?)"'])\s*|(?<=\.)\s+|^\s+|\s+$)"""
)
# English takes about as many pieces as the Japanese; three times as many are a loop.
_LENGTH_RATIO: Final = 3.0
_LENGTH_FLOOR: Final = 32
# Source pieces in one call of the model, padding and beams included: what bounds its memory.
_BATCH_PIECES: Final = 4096

Ids = Mapping[str, list[int]]
"""Sentences and the ids of their pieces."""


class _Known(NamedTuple):
    english: str
    unread: tuple[str, ...]


def _size(key: tuple[str, int], known: _Known) -> int:
    return 64 + len(key[0]) + len(known.english)


class MarianTranslator:
    """Translates with any Marian model from Japanese to English.

    The model is loaded by the first text with Japanese in it; threads may share the object. Sentences that
    were translated lately are remembered. ``unknown`` of a result holds what the model's vocabulary lacks; of
    Japanese (rare kanji) nothing is left in ``english``.

    Args:
        model: A folder (never looked up on the network), or, as a string, the id of a model on the Hugging
            Face hub, which transformers downloads unless HF_HUB_OFFLINE is set.
        device: Where transformers run the model.
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``, for transformers.
        num_beams: Beams of the search; 1 is greedy.
        batch_size: Sentences in one call of the model, at most; long ones are fewer.
        plain: Run the model by sdjp's own code, which is there at once, in place of transformers: on the CPU,
            in float32. For folders with one file of weights; what it writes is the same.

    Raises:
        InputError: If ``model`` is neither a folder nor a hub id, or another argument is not possible.
        WeightsError: If the folder lacks files of a Marian model.
    """

    name = "marian"

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        num_beams: int = 4,
        batch_size: int = 64,
        plain: bool = False,
    ) -> None:
        for option, value in (("num_beams", num_beams), ("batch_size", batch_size)):
            if value < 1:
                raise InputError(
                    f"marian.{option}",
                    ja=f"{option} は 1 以上にしてください（{value} が指定されました）。",
                    en=f"{option} must be 1 or more, not {value}.",
                )
        if dtype not in DTYPES:
            raise InputError(
                "marian.dtype",
                ja=f"dtype {dtype!r} は使えません。{'、'.join(DTYPES)} のどれかを指定してください。",
                en=f"dtype {dtype!r} is not possible. Use one of {', '.join(DTYPES)}.",
            )
        if plain and (str(device) != "cpu" or dtype != "float32"):
            raise InputError(
                "marian.plain",
                ja="sdjp のコードで動かす翻訳モデルは、CPU で、float32 で計算します。device と dtype は、"
                "translator='marian:フォルダー' のときに指定してください。",
                en="a translation model run by sdjp's own code computes on the CPU, in float32. Give device "
                "and dtype with translator='marian:FOLDER'.",
            )
        self.model = os.fspath(model)
        self.local = check_model(model)
        self.device = device
        self.dtype = dtype
        self.num_beams = num_beams
        self.batch_size = batch_size
        self.plain = plain
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._known = Lru[tuple[str, int], _Known](TEXTS, _size)

    def __getstate__(self) -> dict[str, Any]:
        """A copy loads the model when it needs it."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_loaded")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what :meth:`__getstate__` gave."""
        self.__dict__.update(state, _lock=threading.Lock(), _loaded=None)

    def check_source(self) -> None:
        """See that the hub has the model, or that it is here: long before it is loaded.

        Raises:
            WeightsError: If it is neither there nor here.
            MissingDependencyError: If huggingface_hub is not installed.
        """
        if not self.local and self._loaded is None:
            check_hub(self.model)

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate all ``texts`` as one batch; see :class:`~sdjp.text.translate.base.Translator`.

        Raises:
            TranslationError: If a sentence is longer than the model takes, has a lone surrogate in it, or
                nothing usable comes out.
            WeightsError: If the model cannot be loaded (the first time).
            MissingDependencyError: If transformers or sentencepiece is not installed.
        """
        refuse_surrogates(texts)
        parts = [CUT.split(text) for text in texts]
        wanted = dict.fromkeys(part for row in parts for part in row[::2] if is_japanese(part))
        english = self._translate_all(list(wanted)) if wanted else {}
        return [self._record(text, row, english) for text, row in zip(texts, parts, strict=True)]

    def _record(self, text: str, row: list[str], english: Mapping[str, _Known]) -> Translation:
        """Put the parts of one text (part, separator, part …) together again."""
        parts = {part: self._part(part, english[part]) for part in row[::2] if part in english}
        made = joined(text, row, parts, translator=self.name)
        return made if parts else dataclasses.replace(made, english=text)

    def _part(self, part: str, known: _Known) -> Translation:
        missing = lost(part, known.english)
        copied = (Piece(source=word, english=word, how="copied") for word in missing)
        return Translation(
            source=part,
            english=", ".join([known.english, *missing]),
            translator=self.name,
            pieces=(Piece(source=part, english=known.english, how=self.name), *copied),
            unknown=known.unread,
        )

    def _translate_all(self, sentences: list[str]) -> dict[str, _Known]:
        """Translate what is not known yet, again and again under other rules while it is not acceptable."""
        found = {s: self._known.get((s, self.num_beams)) for s in sentences}
        done = {sentence: known for sentence, known in found.items() if known is not None}
        ids = self._ids([sentence for sentence in sentences if sentence not in done])
        for rules in (
            {"num_beams": self.num_beams},
            {"num_beams": self.num_beams, "no_repeat_ngram_size": 3, "min_new_tokens": 2},
            {"num_beams": 1, "no_repeat_ngram_size": 2, "min_new_tokens": 2},
        ):
            todo = {sentence: of for sentence, of in ids.items() if sentence not in done}
            for batch in self._batches(todo, rules["num_beams"]):
                for sentence, english in zip(batch, self._generate(batch, rules), strict=True):
                    if english is not None and acceptable(sentence, english):
                        done[sentence] = _Known(english, self._unread(sentence))
                        self._known.put((sentence, self.num_beams), done[sentence])
        failed = [sentence for sentence in sentences if sentence not in done]
        if failed:
            raise TranslationError(
                "marian.output",
                ja=f"翻訳モデル {self.model} から使える英語が得られませんでした: {' / '.join(failed)}。"
                "言い回しを変えるか、その部分を英語で書くか、translator='lexicon' を使ってください。",
                en=f"the model {self.model} gave no usable English for: {' / '.join(failed)}. "
                "Put it in other words or in English, or use translator='lexicon'.",
            )
        return done

    def _ids(self, sentences: list[str]) -> Ids:
        """The ids of each sentence; those that are too long are refused before any is translated."""
        if not sentences:
            return {}
        model, tokenizer = self._load()
        with self._lock:  # its tokenizer keeps state between calls
            ids: list[list[int]] = tokenizer(sentences)["input_ids"]
        limit = int(model.config.max_position_embeddings)
        for sentence, of in zip(sentences, ids, strict=True):
            if len(of) > limit:
                begin = sentence[:40]
                raise TranslationError(
                    "marian.length",
                    ja=f"文が長すぎて翻訳できません（{len(of)} トークン、上限は {limit}）: 「{begin}…」。"
                    "句点「。」やカンマで短く区切ってください。",
                    en=f"a sentence is too long to translate ({len(of)} tokens, at most {limit}): {begin}… "
                    "Split it with full stops or commas.",
                )
        return dict(zip(sentences, ids, strict=True))

    def _batches(self, ids: Ids, num_beams: int) -> Iterator[Ids]:
        """Sentences of like length together, so that little is padded and none waits for a long one."""
        batch: dict[str, list[int]] = {}
        for sentence in sorted(ids, key=lambda sentence: len(ids[sentence])):
            pieces = (len(batch) + 1) * len(ids[sentence]) * num_beams
            if batch and (len(batch) == self.batch_size or pieces > _BATCH_PIECES):
                yield batch
                batch = {}
            batch[sentence] = ids[sentence]
        if batch:
            yield batch

    def _generate(self, batch: Ids, rules: dict[str, Any]) -> list[str | None]:
        """Run the model once; None where it was still writing when the length limit came."""
        model, tokenizer = self._load()
        limit = int(model.config.max_position_embeddings)
        rooms = [
            min(max(_LENGTH_FLOOR, math.ceil(len(of) * _LENGTH_RATIO)), limit - 1) for of in batch.values()
        ]
        written = self._write(list(batch.values()), max_new_tokens=max(rooms), **rules)
        rows = [row[1:] for row in written]
        end = int(model.config.eos_token_id)
        # A row that ends in the very last place was ended by force. The place is that of the sentence, not
        # of the longest one beside it.
        complete = [end in row and row.index(end) < room - 1 for row, room in zip(rows, rooms, strict=True)]
        with self._lock:
            texts = tokenizer.batch_decode(rows, skip_special_tokens=True, use_source_tokenizer=False)
        return [
            tidy(source, text) if whole else None
            for text, source, whole in zip(texts, batch, complete, strict=True)
        ]

    def _write(self, ids: list[list[int]], **rules: int) -> list[list[int]]:
        """What the model writes for a batch of sources, the start and padding included."""
        model, tokenizer = self._load()
        rows: list[list[int]]
        if self.plain:
            rows = model.generate(**tokenizer.pad({"input_ids": ids}), **rules).tolist()
            return rows
        import torch

        with self._lock:
            inputs = tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            rows = model.generate(**inputs, do_sample=False, use_cache=True, **rules).tolist()
        return rows

    def _unread(self, sentence: str) -> tuple[str, ...]:
        """Stretches that the model's vocabulary lacks, so that it never saw them."""
        _, tokenizer = self._load()
        with self._lock:
            tokens = tokenizer.tokenize(sentence)
            ids = tokenizer.convert_tokens_to_ids(tokens)
        unread = (t.strip("▁ ") for t, i in zip(tokens, ids, strict=True) if i == tokenizer.unk_token_id)
        return tuple(token for token in unread if token)

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = load_model(self.model, self.local, self.device, self.dtype, plain=self.plain)
            return self._loaded


def joined(text: str, row: list[str], parts: Mapping[str, Translation], *, translator: str) -> Translation:
    """Put the parts of one text (part, separator, part …) together again; what is not in ``parts`` is copied.

    Args:
        text: What :data:`CUT` has split.
        row: What came of it.
        parts: Translations of parts.
        translator: Whose record it is.
    """
    english = ""
    pieces: list[Piece] = []
    unknown: list[str] = []
    for i, part in enumerate(row):
        if i % 2:  # nothing stands between Japanese sentences
            english += part or (" " if row[i + 1] else "")
        elif part in parts:
            english += parts[part].english
            pieces += parts[part].pieces
            unknown += parts[part].unknown
        else:
            english += part
            pieces += [Piece(source=part, english=part, how="copied")] if part else []
    return Translation(
        source=text,
        english=english,
        translator=translator,
        pieces=tuple(pieces),
        unknown=tuple(dict.fromkeys(unknown)),
    )
