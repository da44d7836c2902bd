"""Tokens of models that read Japanese themselves: tables of sentencepiece (Kudo & Richardson 2018).

The table is a unigram model over whole sentences (arXiv 1808.06226), so Japanese needs no spaces in it. What
surrounds the text, and how the ids are counted, is the convention of the tokenizers that the models were
trained with: :meth:`SentencePieceTokenizer.t5` and :meth:`SentencePieceTokenizer.xlm_roberta`;
:meth:`SentencePieceTokenizer.plain` is that of sdjp's own adapters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sdjp.errors import WeightsError, reason

COMMAS: Final = (",", "，", "、", "､")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = "▁"
_XLM_R_SPECIAL: Final = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}


class SentencePieceTokenizer:
    """Text to token ids and back.

    Attributes:
        start_id: Id of the token before every text; None where there is none.
        end_id: Id of the token after it.
        pad_id: Id that fills a chunk up.
        commas: Ids of commas, Japanese ones included.
        japanese: True: the models with these tokens read Japanese as it is.
        vocab_size: Entries, those that only this convention has included.
    """

    japanese = True

    def __init__(
        self,
        processor: Any,
        *,
        start_id: int | None,
        end_id: int,
        pad_id: int,
        unknown_id: int,
        vocab_size: int,
        offset: int = 0,
        lower_case: bool = False,
    ) -> None:
        """Take a ``sentencepiece.SentencePieceProcessor`` and where its ids go.

        Args:
            processor: The table.
            start_id: Id of the token before every text.
            end_id: Id of the token after it.
            pad_id: Id of the padding.
            unknown_id: Id of what the table lacks.
            vocab_size: Entries of the vocabulary of the model.
            offset: What is added to the ids of the table, but for that of what it lacks.
            lower_case: Whether the text is lower-cased.
        """
        self.start_id, self.end_id, self.pad_id = start_id, end_id, pad_id
        self.vocab_size = vocab_size
        self._processor = processor
        self._unknown, self._offset, self._lower_case = unknown_id, offset, lower_case
        found = {self._ours(processor.piece_to_id(space + c)) for c in COMMAS for space in ("", _SPACE)}
        self.commas = frozenset(found - {unknown_id})

    @classmethod
    def t5(cls, path: str | os.PathLike[str], special: Mapping[str, str]) -> SentencePieceTokenizer:
        """Read the ``spiece.model`` of a ``T5Tokenizer``: the text, then ``</s>``, and no start.

        The one model of this kind, rinna's Japanese Stable Diffusion, was trained on lower case: its own
        code sets ``do_lower_case``, whatever its files say.

        Args:
            path: The file.
            special: ``eos_token`` and ``pad_token``, where they are not ``</s>`` and ``<pad>``.

        Raises:
            WeightsError: If the file cannot be read, or lacks one of them.
        """
        processor = _read(path)
        names = {"eos_token": "</s>", "pad_token": "<pad>", **special}
        ids = {key: processor.piece_to_id(names[key]) for key in ("eos_token", "pad_token")}
        lacking = [names[key] for key, i in ids.items() if i == processor.unk_id()]
        if lacking:
            raise WeightsError(
                "tokenizer.special",
                ja=f"語彙 {path} に特殊トークン {', '.join(lacking)} がありません。"
                "tokenizer フォルダーの special_tokens_map.json を確かめてください。",
                en=f"the vocabulary {path} lacks the special tokens {', '.join(lacking)}. "
                "Check special_tokens_map.json in the folder tokenizer.",
            )
        return cls(
            processor,
            start_id=None,
            end_id=ids["eos_token"],
            pad_id=ids["pad_token"],
            unknown_id=processor.unk_id(),
            vocab_size=processor.get_piece_size(),
            lower_case=True,
        )

    @classmethod
    def xlm_roberta(cls, path: str | os.PathLike[str]) -> SentencePieceTokenizer:
        """Read the ``sentencepiece.bpe.model`` of an ``XLMRobertaTokenizer``.

        ``<s>``, ``<pad>``, ``</s>`` and ``<unk>`` are 0 to 3, whatever the table has there; all else is one
        higher than in the table, and ``<mask>`` comes last.

        Raises:
            WeightsError: If the file cannot be read.
        """
        processor = _read(path)
        return cls(
            processor,
            start_id=_XLM_R_SPECIAL["<s>"],
            end_id=_XLM_R_SPECIAL["</s>"],
            pad_id=_XLM_R_SPECIAL["<pad>"],
            unknown_id=_XLM_R_SPECIAL["<unk>"],
            vocab_size=processor.get_piece_size() + 2,
            offset=1,
        )

    @classmethod
    def plain(cls, path: str | os.PathLike[str]) -> SentencePieceTokenizer:
        """Read a table whose ids are the model's: the text, then the table's own end, and no start.

        Raises:
            WeightsError: If the file cannot be read, or has no end or no padding.
        """
        processor = _read(path)
        if min(processor.eos_id(), processor.pad_id()) < 0:
            raise WeightsError(
                "tokenizer.special",
                ja=f"語彙 {path} に、文の終わりか詰め物の記号がありません。"
                "アダプターを学習したときの語彙を指定してください。",
                en=f"the vocabulary {path} has no piece for the end or for padding. "
                "Give the one that the adapter was trained with.",
            )
        return cls(
            processor,
            start_id=None,
            end_id=processor.eos_id(),
            pad_id=processor.pad_id(),
            unknown_id=processor.unk_id(),
            vocab_size=processor.get_piece_size(),
        )

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without start and end."""
        return [self._ours(i) for i in self._processor.encode(self._cased(text))]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that ``ids`` stand for; start, end and padding are left out."""
        special = (self.start_id, self.end_id, self.pad_id)
        unknown = self._processor.unk_id()
        theirs = [unknown if i == self._unknown else i - self._offset for i in ids if i not in special]
        text: str = self._processor.decode(theirs)
        return text.strip()

    def lost(self, text: str) -> list[str]:
        """Return the parts of ``text`` that the table has nothing for."""
        pieces = self._processor.encode(self._cased(text), out_type=str)  # as spelt, where there is no id
        unknown = self._processor.unk_id()
        return [p.strip(_SPACE) for p in pieces if self._processor.piece_to_id(p) == unknown]

    def _ours(self, i: int) -> int:
        return self._unknown if i == self._processor.unk_id() else i + self._offset

    def _cased(self, text: str) -> str:
        readable = _SURROGATE.sub("\ufffd", text)  # sentencepiece takes UTF-8 alone
        return readable.lower() if self._lower_case else readable


def _read(path: str | os.PathLike[str]) -> Any:
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_proto=Path(path).read_bytes())
    except (OSError, RuntimeError) as error:
        broken = ("sentencepiece の形式ではありません", "it is no sentencepiece model")
        ja, en = reason(error) if isinstance(error, OSError) else broken
        raise WeightsError(
            "tokenizer.file",
            ja=f"語彙 {path} を読み込めません（{ja}）。ファイルを入手し直してください。",
            en=f"cannot read the vocabulary {path} ({en}). Get the file again.",
        ) from error
