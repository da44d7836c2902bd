"""Neural translation with a Marian model (Junczys-Dowmunt et al. 2018, arXiv 1804.00344), by transformers.

Such models are trained on single sentences of prose, and prompts are not prose. So a text is cut at commas
and sentence ends, parts without Japanese are copied, and every output is checked: one that is empty, runs to
the length limit, goes round in a loop or still holds Japanese is made again under other rules, and refused if
that does not help. Latin words, numbers and emoji that got lost are put behind the translation.
"""

from __future__ import annotations

import math
import os
import re
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.errors import InputError, MissingDependencyError, TranslationError, WeightsError
from sdjp.text.script import is_japanese
from sdjp.text.translate.base import Piece, Translation
from sdjp.text.translate.guards import acceptable, lost, tidy

if TYPE_CHECKING:
    import torch

DTYPES: Final = ("float32", "float16", "bfloat16")

_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
_FILES: Final = (
    ("config.json",),
    ("source.spm",),
    ("target.spm",),
    ("vocab.json",),
    (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ),
)
# Commas (not those inside numbers), sentence ends, and white space at either end.
_CUT: Final = re.compile(
    r"""(\s*(?:(?<!\d),|,(?!\d))\s*|(?<=[。！？!?])(?![。！？!?)"'])\s*|(?<=\.)\s+|^\s+|\s+$)"""
)
# English takes about as many pieces as the Japanese; three times as many are a loop.
_LENGTH_RATIO: Final = 3.0
_LENGTH_FLOOR: Final = 32


class MarianTranslator:
    """Translates with any Marian model from Japanese to English.

    The model is loaded by the first text with Japanese in it; threads may share the object. ``unknown`` of a
    result holds what the model's vocabulary lacks; of Japanese (rare kanji) nothing is left in ``english``.

    Args:
        model: A folder (never looked up on the network), or, as a string, the id of a model on the Hugging
            Face hub, which transformers downloads unless HF_HUB_OFFLINE is set.
        device: Where the model runs.
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``.
        num_beams: Beams of the search; 1 is greedy.
        batch_size: Sentences in one call of the model.

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
        batch_size: int = 16,
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
        self.model = os.fspath(model)
        self.local = _check_model(model)
        self.device = device
        self.dtype = dtype
        self.num_beams = num_beams
        self.batch_size = batch_size
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate all ``texts`` as one batch; see :class:`~sdjp.text.translate.base.Translator`.

        Raises:
            TranslationError: If a sentence is longer than the model takes, or nothing usable comes out.
            WeightsError: If the model cannot be loaded (the first time).
            MissingDependencyError: If transformers or sentencepiece is not installed.
        """
        parts = [_CUT.split(text) for text in texts]
        wanted = dict.fromkeys(part for row in parts for part in row[::2] if is_japanese(part))
        english = self._translate_all(list(wanted)) if wanted else {}
        return [self._record(text, row, english) for text, row in zip(texts, parts, strict=True)]

    def _record(self, text: str, row: list[str], english: dict[str, str]) -> Translation:
        """Put the parts of one text (part, separator, part …) together again."""
        pieces: list[Piece] = []
        unknown: list[str] = []
        joined = ""
        for i, part in enumerate(row):
            if i % 2:  # nothing stands between Japanese sentences
                joined += part or (" " if row[i + 1] else "")
            elif part not in english:
                joined += part
                pieces += [Piece(source=part, english=part, how="copied")] if part else []
            else:
                missing = lost(part, english[part])
                joined += ", ".join([english[part], *missing])
                pieces.append(Piece(source=part, english=english[part], how=self.name))
                pieces += [Piece(source=word, english=word, how="copied") for word in missing]
                unknown += self._unread(part)
        return Translation(
            source=text,
            english=text if not any(p in english for p in row) else joined,
            translator=self.name,
            pieces=tuple(pieces),
            unknown=tuple(dict.fromkeys(unknown)),
        )

    def _translate_all(self, sentences: list[str]) -> dict[str, str]:
        """Translate every sentence, again and again under other rules while the output is not acceptable."""
        done: dict[str, str] = {}
        for rules in (
            {"num_beams": self.num_beams},
            {"num_beams": self.num_beams, "no_repeat_ngram_size": 3, "min_new_tokens": 2},
            {"num_beams": 1, "no_repeat_ngram_size": 2, "min_new_tokens": 2},
        ):
            todo = sorted((s for s in sentences if s not in done), key=len)
            for start in range(0, len(todo), self.batch_size):
                batch = todo[start : start + self.batch_size]
                for sentence, english in zip(batch, self._generate(batch, rules), strict=True):
                    if english is not None and acceptable(sentence, english):
                        done[sentence] = english
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

    def _generate(self, batch: list[str], rules: dict[str, Any]) -> list[str | None]:
        """Run the model once; None where it was still writing when the length limit came."""
        import torch

        model, tokenizer = self._load()
        with self._lock:  # its tokenizer keeps state between calls
            inputs = tokenizer(batch, return_tensors="pt", padding=True)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        longest, limit = max(lengths), int(model.config.max_position_embeddings)
        if longest > limit:
            begin = batch[lengths.index(longest)][:40]
            raise TranslationError(
                "marian.length",
                ja=f"文が長すぎて翻訳できません（{longest} トークン、上限は {limit}）: 「{begin}…」。"
                "句点「。」やカンマで短く区切ってください。",
                en=f"a sentence is too long to translate ({longest} tokens, at most {limit}): {begin}… "
                "Split it with full stops or commas.",
            )
        room = min(max(_LENGTH_FLOOR, math.ceil(longest * _LENGTH_RATIO)), limit - 1)
        with torch.inference_mode():
            output = model.generate(**inputs.to(self.device), max_new_tokens=room, do_sample=False, **rules)
        end = int(model.config.eos_token_id)
        rows = output[:, 1:].tolist()
        # A row that ends in the very last place was ended by force.
        complete = [end in row and row.index(end) < room - 1 for row in rows]
        with self._lock:
            texts = tokenizer.batch_decode(rows, skip_special_tokens=True, use_source_tokenizer=False)
        return [
            tidy(source, text) if whole else None
            for text, source, whole in zip(texts, batch, complete, strict=True)
        ]

    def _unread(self, sentence: str) -> list[str]:
        """Stretches that the model's vocabulary lacks, so that it never saw them."""
        _, tokenizer = self._load()
        with self._lock:
            tokens = tokenizer.tokenize(sentence)
            ids = tokenizer.convert_tokens_to_ids(tokens)
        unread = [t.strip("▁ ") for t, i in zip(tokens, ids, strict=True) if i == tokenizer.unk_token_id]
        return [token for token in unread if token]

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.model, self.local, self.device, self.dtype)
            return self._loaded


def _check_model(model: str | os.PathLike[str]) -> bool:
    """Whether ``model`` is a folder (True) or a hub id (False); refuse anything else before any work."""
    folder = Path(model)
    if not os.fspath(model) or not folder.is_dir():
        if isinstance(model, str) and _HUB_ID.fullmatch(model) and not model.startswith("."):
            return False
        raise InputError(
            "marian.model",
            ja=f"翻訳モデル {model} が見つかりません。Marian モデルのフォルダーか、"
            "ハブのID（例: staka/fugumt-ja-en）を指定してください。",
            en=f"there is no translation model {model}. Give the folder of a Marian model or a hub id "
            "(for example staka/fugumt-ja-en).",
        )
    missing = [" / ".join(names) for names in _FILES if not any((folder / name).is_file() for name in names)]
    if missing:
        raise WeightsError(
            "marian.files",
            ja=f"{folder} は Marian モデルのフォルダーではありません。足りないファイル: {'、'.join(missing)}",
            en=f"{folder} is not the folder of a Marian model. Missing files: {', '.join(missing)}",
        )
    return True


def _load(model: str, local: bool, device: str | torch.device, dtype: str) -> tuple[Any, Any]:
    try:
        import torch
        from transformers import MarianMTModel, MarianTokenizer

        with warnings.catch_warnings():  # about sacremoses: the texts are normalized already
            warnings.simplefilter("ignore")
            tokenizer = MarianTokenizer.from_pretrained(model, local_files_only=local)
        network: Any = MarianMTModel.from_pretrained(model, local_files_only=local)
    except ImportError as error:
        raise MissingDependencyError(
            "marian.import",
            ja=f"marian 翻訳には transformers と sentencepiece が必要です: {error}",
            en=f"the marian translator needs transformers and sentencepiece: {error}",
        ) from error
    except Exception as error:  # transformers, safetensors, json and sentencepiece each have their own
        raise WeightsError(
            "marian.load",
            ja=f"翻訳モデル {model} を読み込めません: {error}",
            en=f"cannot load the translation model {model}: {error}",
        ) from error
    network.to(getattr(torch, dtype)).to(device)
    return network.eval().requires_grad_(False), tokenizer
