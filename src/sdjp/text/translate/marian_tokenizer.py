"""The two vocabularies of a Marian model, as transformers' ``MarianTokenizer`` uses them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PlainTokenizer:
    """The two vocabularies of a folder, as ``MarianTokenizer`` uses them.

    Args:
        folder: With ``source.spm``, ``target.spm``, ``vocab.json``, and ``target_vocab.json`` if any.
        pad_token_id: Id of the padding.
    """

    def __init__(self, folder: Path, *, pad_token_id: int) -> None:
        import sentencepiece

        def processor(name: str) -> Any:
            return sentencepiece.SentencePieceProcessor(model_proto=(folder / name).read_bytes())

        def table(name: str) -> dict[str, int]:
            ids: dict[str, int] = json.loads((folder / name).read_text(encoding="utf-8"))
            return ids

        self._source, self._target = processor("source.spm"), processor("target.spm")
        self._ids = table("vocab.json")
        both = folder / "target_vocab.json"
        self._pieces = {i: piece for piece, i in (table(both.name) if both.is_file() else self._ids).items()}
        self._pad = pad_token_id
        self._end = self._ids["</s>"]
        self.unk_token_id = self._ids["<unk>"]

    def __call__(self, texts: Sequence[str]) -> dict[str, list[list[int]]]:
        """Return ``input_ids`` of each text, its end included."""
        found = [[*self.convert_tokens_to_ids(self.tokenize(text)), self._end] for text in texts]
        return {"input_ids": found}

    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of a source."""
        pieces: list[str] = self._source.encode(text, out_type=str)
        return pieces

    def convert_tokens_to_ids(self, pieces: Sequence[str]) -> list[int]:
        """Return the ids of pieces of a source."""
        return [self._ids.get(piece, self.unk_token_id) for piece in pieces]

    def pad(self, batch: Mapping[str, Sequence[Sequence[int]]], **_: object) -> dict[str, NDArray[np.int64]]:
        """Make rectangles of rows: ``input_ids`` and ``attention_mask``, (B, L)."""
        import numpy as np

        rows = batch["input_ids"]
        longest = max(map(len, rows))
        ids = [[*row, *[self._pad] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return {"input_ids": np.array(ids, np.int64), "attention_mask": np.array(mask, np.int64)}

    def batch_decode(self, rows: Sequence[Sequence[int]], **_: object) -> list[str]:
        """Return the English of ids; the start, the end and padding are left out."""
        special = (self._pad, self._end)
        return [
            self._target.decode_pieces(
                [self._pieces.get(i, "<unk>") for i in row if i not in special]
            ).strip()
            for row in rows
        ]
