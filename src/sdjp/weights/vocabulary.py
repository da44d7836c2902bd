"""The tokenizer that belongs to a checkpoint, and the files it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from sdjp.config import BertConfig, CLIPTextConfig, TextConfig
from sdjp.errors import WeightsError
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from sdjp.text.tokenizers.wordpiece import WordPieceTokenizer
from sdjp.weights import added_tokens
from sdjp.weights.added_tokens import ADDED
from sdjp.weights.files.faults import FILE, Fault, Invalid
from sdjp.weights.files.json_file import read_object

Note = tuple[str, str]
Kind = Literal["clip", "bert", "t5", "xlm_roberta"]
FOLDER: Final = "tokenizer"
MERGES: Final = "merges.txt"
T5: Final = "spiece.model"
XLM_ROBERTA: Final = "sentencepiece.bpe.model"
SETTINGS: Final = ("tokenizer_config.json", "special_tokens_map.json")
FILES: Final = tuple(dict.fromkeys((MERGES, T5, XLM_ROBERTA, *SETTINGS, *added_tokens.FILES)))
"""Files of a folder ``tokenizer`` that sdjp reads."""
NAMES: Final[Mapping[Kind, str]] = {"clip": MERGES, "bert": "vocab.txt", "t5": T5, "xlm_roberta": XLM_ROBERTA}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tokenizer, not yet read.

    Attributes:
        kind: CLIP's byte pairs, BERT's word pieces, or sentencepiece as T5 or XLM-R uses it.
        path: Its table; None for the one of the original CLIP or BERT, which sdjp has.
        added: Tokens that it was given in training, wherever their ids are.
    """

    kind: Kind
    path: Path | None = None
    added: Mapping[str, int] = field(default_factory=dict)

    @property
    def merges(self) -> Path | None:
        """The byte-pair table, where the model has one of its own."""
        return self.path if self.kind == "clip" else None

    def tokenizer(self, text: TextConfig) -> Tokenizer:
        """Read the table and build the tokenizer.

        Raises:
            WeightsError: If it cannot be read, or is larger than the table of the text encoder.
        """
        tokenizer = self._make()
        if tokenizer.vocab_size > text.vocab_size:
            name = self.path or NAMES[self.kind]
            raise WeightsError(
                "weights.vocabulary",
                ja=f"語彙 {name}（{tokenizer.vocab_size:,} 語）は、テキストエンコーダーの語彙"
                f"（{text.vocab_size:,} 語）より大きく、組み合わせられません。"
                "同じモデルのファイルを指定してください。",
                en=f"the vocabulary {name} ({tokenizer.vocab_size:,} entries) is larger "
                f"than that of the text encoder ({text.vocab_size:,}): they do not belong together. "
                "Give files of one model.",
            )
        return tokenizer

    def tokens(self, tokenizer: Tokenizer, text: TextConfig) -> dict[str, int]:
        """Return the tokens added in training that have rows in the table of the text encoder."""
        if self.kind != "clip":
            return {}
        return added_tokens.usable(self.added, range(tokenizer.vocab_size, text.vocab_size))

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
        Fault: If there is none.
    """
    if text.kind == "bert":
        return _bert(text)
    added = added_tokens.read_added(path.parent / ADDED, path.with_suffix(f".{ADDED}"))
    if _is_clip(text, added):
        return Vocabulary(kind="clip", added=added)
    for candidate in (path.with_suffix(f".{MERGES}"), path.parent / MERGES):
        if candidate.is_file():
            return Vocabulary(kind="clip", path=candidate, added=added)
    raise _missing(text, (MERGES,))


def in_folder(folder: Path, text: TextConfig) -> Vocabulary:
    """Find the tokenizer of a diffusers folder.

    Raises:
        Fault: If there is none.
    """
    kinds: tuple[Kind, ...] = ("xlm_roberta",)
    added = added_tokens.read_added(*(folder / FOLDER / name for name in added_tokens.FILES))
    if text.kind == "clip":
        if _is_clip(text, added):
            return Vocabulary(kind="clip", added=added)
        kinds = ("clip", "t5")
    for kind in kinds:
        path = folder / FOLDER / NAMES[kind]
        if path.is_file():
            return Vocabulary(kind=kind, path=path, added=added)
    raise _missing(text, [f"{FOLDER}/{NAMES[kind]}" for kind in kinds])


def _is_clip(text: TextConfig, added: Mapping[str, int]) -> bool:
    """Whether the table is that of CLIP, and what was added stands behind it."""
    own = CLIPTextConfig().vocab_size
    return text.vocab_size == own or (text.vocab_size > own and own in added.values())


def _bert(text: TextConfig) -> Vocabulary:
    own = BertConfig().vocab_size
    if text.vocab_size == own:
        return Vocabulary(kind="bert")
    raise Fault(
        "weights.tokenizer",
        ja=f"{FILE} の BERT の語彙は {text.vocab_size:,} 語ですが、sdjp にあるのは bert-base-uncased の"
        f" {own:,} 語だけです。LAION-400M のモデルの、元のファイルを指定してください。",
        en=f"the vocabulary of BERT in {FILE} has {text.vocab_size:,} entries; sdjp has only that of "
        f"bert-base-uncased ({own:,}). Give the original file of the model of LAION-400M.",
    )


def _missing(text: TextConfig, names: Sequence[str]) -> Fault:
    return Fault(
        "weights.tokenizer",
        ja=f"{FILE} は CLIP と違う語彙（{text.vocab_size:,} 語）で作られていますが、その語彙がありません。"
        f"{' か '.join(names)} を重みと同じ場所に置いてください。",
        en=f"{FILE} was made with a vocabulary of its own ({text.vocab_size:,} entries), which is not there. "
        f"Put {' or '.join(names)} beside the weights.",
    )


def unused_tokens(vocabulary: Vocabulary, tokenizer: Tokenizer, text: TextConfig) -> tuple[Note, ...]:
    """Say which tokens a tokenizer was given in training and sdjp does not use.

    Returns:
        A note in Japanese and in English; none if there are no such tokens.
    """
    used = vocabulary.tokens(tokenizer, text)
    names = [name for name, i in vocabulary.added.items() if i >= tokenizer.vocab_size and name not in used]
    if not names:
        return ()
    listed = " ".join(names[:10]) + (" …" if len(names) > 10 else "")
    return (
        (
            f"学習で足された語（{listed}）は使いません。プロンプトでは、ふつうの文字として読みます。"
            "textual inversion のファイルがあれば、embeddings_dir で使えます。",
            f"the tokens added in training ({listed}) are not used; in a prompt they are ordinary letters. "
            "With a file of textual inversion they can be used through embeddings_dir.",
        ),
    )


def _special(folder: Path) -> dict[str, str]:
    """The special tokens that the settings of a tokenizer name."""
    tokens: dict[str, str] = {}
    for name in SETTINGS:
        path = folder / name
        if path.is_file():
            tokens |= _tokens(path)
    return tokens


def _tokens(path: Path) -> dict[str, str]:
    try:
        settings = read_object(path)
    except Invalid as error:
        raise WeightsError(
            "tokenizer.settings",
            ja=f"トークナイザーの設定 {path} を読めません（{error.ja}）。"
            "モデルのファイルが全部そろっているか確かめてください。",
            en=f"cannot read the settings of the tokenizer, {path} ({error.en}). "
            "Check that all files of the model are there.",
        ) from error
    tokens = {key: settings.get(key) for key in ("eos_token", "pad_token")}
    texts = {key: t.get("content") if isinstance(t, dict) else t for key, t in tokens.items()}
    return {key: text for key, text in texts.items() if isinstance(text, str)}
