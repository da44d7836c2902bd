"""The two vocabularies of the translator, and the pairs as numbers on disk.

One unigram model for each language (Kudo 2018, arXiv 1804.10959), with bytes for what no piece holds. Pieces
of Japanese never cross the borders of words that MeCab finds; only the training of the vocabulary needs it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sdjp_training.translator.model import END, PAD, UNKNOWN

SOURCE_PIECES: Final = 8000
TARGET_PIECES: Final = 6000
MOST: Final = 160
"""Pieces of a sentence, the end included; what is longer is left out."""
_BORDER: Final = "\t"
_INSIDE: Final = re.compile("(?<=[ぁ-ゖー])\t(?=[ぁ-ゖー])")
_LINES: Final = 400_000


@dataclass(frozen=True)
class Tokens:
    """Token ids of one table, one sentence after the other, ends included.

    Attributes:
        source: Ids of the Japanese, uint16.
        source_start: Where each sentence starts, and the end of the last (N + 1).
        target: Ids of the English.
        target_start: The same for them.
    """

    source: NDArray[np.uint16]
    source_start: NDArray[np.int64]
    target: NDArray[np.uint16]
    target_start: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source_start) - 1

    def save(self, path: Path) -> None:
        """Write to ``path``, in one step."""
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, **self.__dict__)
        temporary.replace(path)

    @staticmethod
    def load(path: Path) -> Tokens:
        """Read what :meth:`save` wrote."""
        with np.load(path) as arrays:
            return Tokens(**{name: arrays[name] for name in arrays.files})

    @staticmethod
    def join(tables: list[Tokens]) -> Tokens:
        """All tables as one."""
        return Tokens(
            np.concatenate([t.source for t in tables]),
            _starts([np.diff(t.source_start) for t in tables]),
            np.concatenate([t.target for t in tables]),
            _starts([np.diff(t.target_start) for t in tables]),
        )


class Pieces:
    """Both vocabularies.

    Args:
        source: A sentencepiece model of Japanese.
        target: One of English.
    """

    def __init__(self, source: bytes, target: bytes) -> None:
        import sentencepiece

        self.source: Any = sentencepiece.SentencePieceProcessor(model_proto=source)
        self.target: Any = sentencepiece.SentencePieceProcessor(model_proto=target)

    def encode(self, pairs: list[tuple[str, str]], longest: int | None = MOST) -> Tokens:
        """Turn pairs into numbers; what is longer than ``longest`` is left out."""
        rows = zip(
            self.source.encode([ja for ja, _ in pairs]),
            self.target.encode([english for _, english in pairs]),
            strict=True,
        )
        kept = [
            (ja, en)
            for ja, en in rows
            if longest is None or 0 < min(len(ja), len(en)) < longest > max(len(ja), len(en))
        ]
        return Tokens(*_packed([ja for ja, _ in kept]), *_packed([english for _, english in kept]))


def vocabularies(folder: Path, pairs: list[tuple[str, str]], *, source: int, target: int) -> Pieces:
    """Read ``folder/{source,target}.spm``; where there are none yet, learn them from ``pairs``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "source.spm", folder / "target.spm"
    if not paths[0].exists():
        paths[0].write_bytes(learn_japanese((ja for ja, _ in pairs), source))
    if not paths[1].exists():
        paths[1].write_bytes(_learn((english for _, english in pairs), target, japanese=False))
    return Pieces(paths[0].read_bytes(), paths[1].read_bytes())


def learn_japanese(lines: Iterable[str], size: int) -> bytes:
    """Learn a vocabulary of Japanese of at most ``size`` pieces."""
    return _learn(_words(lines), size, japanese=True)


def _learn(lines: Iterator[str], size: int, *, japanese: bool) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        byte_fallback=True,
        split_digits=True,
        character_coverage=0.9995,
        normalization_rule_name="identity",  # the product's normalizer has been there
        add_dummy_prefix=not japanese,
        pretokenization_delimiter=_BORDER if japanese else "",
        max_sentencepiece_length=8 if japanese else 16,
        input_sentence_size=_LINES,
        shuffle_input_sentence=True,
        eos_id=END,
        unk_id=UNKNOWN,
        pad_id=PAD,
        bos_id=-1,
        pad_piece="<pad>",
        num_threads=2,
        minloglevel=1,
    )
    return model.getvalue()


def _words(lines: Iterable[str]) -> Iterator[str]:
    """Put a mark between the words of every line; hiragana stay together, as endings of verbs do."""
    import fugashi
    import unidic_lite

    tagger: Any = fugashi.GenericTagger(f'-Owakati -d "{unidic_lite.DICDIR}" -r /dev/null')
    for line in lines:
        marked = (tagger.parse(part).strip().replace(" ", _BORDER) for part in line.split(" "))
        yield _INSIDE.sub("", " ".join(marked))


def _packed(rows: list[list[int]]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    flat = np.fromiter((i for row in rows for i in (*row, END)), dtype=np.uint16)
    return flat, _starts([np.array([len(row) + 1 for row in rows], dtype=np.int64)])


def _starts(lengths: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
