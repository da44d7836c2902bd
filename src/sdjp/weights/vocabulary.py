"""Which tokenizer belongs to a checkpoint, and the files it is made from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sdjp.config import BertConfig, CLIPTextConfig, TextConfig
from sdjp.errors import WeightsError
from sdjp.text.sentencepiece import SentencePieceTokenizer
from sdjp.text.tokenizer import ClipTokenizer
from sdjp.text.tokens import Tokenizer
from sdjp.text.wordpiece import WordPieceTokenizer

Kind = Literal["clip", "bert", "t5", "xlm_roberta"]
FOLDER: Final = "tokenizer"
MERGES: Final = "merges.txt"
T5: Final = "spiece.model"
XLM_ROBERTA: Final = "sentencepiece.bpe.model"
SETTINGS: Final = ("tokenizer_config.json", "special_tokens_map.json")
FILES: Final = (MERGES, T5, XLM_ROBERTA, *SETTINGS)
"""What a folder ``tokenizer`` may have that sdjp reads."""
NAMES: Final = {"clip": MERGES, "bert": "vocab.txt", "t5": T5, "xlm_roberta": XLM_ROBERTA}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tokenizer, not yet read.

    Attributes:
        kind: CLIP's byte pairs, BERT's word pieces, or sentencepiece as T5 or XLM-R uses it.
        path: Its table; None for the one of the original CLIP or BERT, which sdjp has.
    """

    kind: Kind
    path: Path | None = None

    @property
    def merges(self) -> Path | None:
        """The byte-pair table, where the model has one of its own."""
        return self.path if self.kind == "clip" else None

    def tokenizer(self, text: TextConfig) -> Tokenizer:
        """Read it.

        Raises:
            WeightsError: If it cannot be read, or is larger than the table of the text encoder.
        """
        made = self._make()
        if made.vocab_size > text.vocab_size:
            raise WeightsError(
                "weights.vocabulary",
                ja=f"語彙 {self.path or NAMES[self.kind]}（{made.vocab_size:,} 語）は、テキストエンコーダーの"
                f"語彙（{text.vocab_size:,} 語）より大きく、組み合わせられません。"
                "同じモデルのファイルを指定してください。",
                en=f"the vocabulary {self.path or NAMES[self.kind]} ({made.vocab_size:,} entries) is larger "
                f"than that of the text encoder ({text.vocab_size:,}): they do not belong together. "
                "Give files of one model.",
            )
        return made

    def _make(self) -> Tokenizer:
        if self.kind == "bert":
            return WordPieceTokenizer.from_assets()
        if self.path is None:
            return ClipTokenizer.from_assets()
        if self.kind == "clip":
            return ClipTokenizer.from_merges_file(self.path)
        if self.kind == "t5":
            return SentencePieceTokenizer.t5(self.path, _special(self.path.parent))
        return SentencePieceTokenizer.xlm_roberta(self.path)


def beside_file(path: Path, text: TextConfig) -> Vocabulary:
    """Find the tokenizer of a file with the original names.

    Raises:
        WeightsError: If there is none.
    """
    if text.kind == "bert" and text.vocab_size == BertConfig().vocab_size:
        return Vocabulary(kind="bert")
    if text.kind != "clip":
        raise _missing(path, text, "clip")
    return _clip(path, text, [path.with_suffix(".merges.txt"), path.parent / MERGES])


def in_folder(folder: Path, text: TextConfig) -> Vocabulary:
    """Find the tokenizer of a diffusers folder.

    Raises:
        WeightsError: If there is none.
    """
    own = folder / FOLDER
    if text.kind == "clip" and (own / T5).is_file() and text.vocab_size != CLIPTextConfig().vocab_size:
        return Vocabulary(kind="t5", path=own / T5)
    if text.kind == "xlm_roberta" and (own / XLM_ROBERTA).is_file():
        return Vocabulary(kind="xlm_roberta", path=own / XLM_ROBERTA)
    if text.kind != "clip":
        raise _missing(folder, text, text.kind)
    return _clip(folder, text, [own / MERGES])


def _clip(path: Path, text: TextConfig, candidates: Iterable[Path]) -> Vocabulary:
    if text.vocab_size == CLIPTextConfig().vocab_size:
        return Vocabulary(kind="clip")
    for candidate in candidates:
        if candidate.is_file():
            return Vocabulary(kind="clip", path=candidate)
    raise _missing(path, text, "clip")


def _missing(path: Path, text: TextConfig, kind: Kind) -> WeightsError:
    ja, en = (
        "バイトペア表 merges.txt を重みと同じ場所に",
        "Put its byte-pair table, merges.txt, beside the weights",
    )
    if kind == "xlm_roberta":
        ja = f"sentencepiece の {FOLDER}/{XLM_ROBERTA} をフォルダーに"
        en = f"Put its sentencepiece model into the folder, as {FOLDER}/{XLM_ROBERTA}"
    return WeightsError(
        "weights.tokenizer",
        ja=f"{path} は CLIP と違う語彙（{text.vocab_size:,} 語）で作られていますが、その語彙がありません。"
        f"{ja}置いてください。",
        en=f"{path} was made with a vocabulary of its own ({text.vocab_size:,} entries), which is not there. "
        f"{en}.",
    )


def _special(folder: Path) -> dict[str, str]:
    """The special tokens that the settings of a tokenizer name."""
    found: dict[str, str] = {}
    for name in SETTINGS:
        path = folder / name
        if path.is_file():
            found.update(_tokens(path))
    return found


def _tokens(path: Path) -> dict[str, str]:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        values = {key: data.get(key) for key in ("eos_token", "pad_token")}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise WeightsError(
            "tokenizer.settings",
            ja=f"トークナイザーの設定 {path} を読めません（{error}）。"
            "モデルのファイルが全部そろっているか確かめてください。",
            en=f"cannot read the settings of the tokenizer, {path} ({error}). "
            "Check that all files of the model are there.",
        ) from error
    texts = {key: v.get("content") if isinstance(v, dict) else v for key, v in values.items()}
    return {key: text for key, text in texts.items() if isinstance(text, str)}
