"""The axis legend, and the records that travel between the parts.

Shapes in comments and docstrings use one set of letters::

    B batch    C channels    H W pixels    h w latent cells    L tokens    D width    K heads

Every record is frozen and turns into plain JSON data with ``to_json()``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sdjp import markup
from sdjp.errors import Language, get_language

GUESSED = frozenset(["glossary", "guess"])
"""Ways to translate a word that are right more often than not, and that nobody has looked through."""

Status = Literal["done", "skipped", "off", "unavailable", "failed"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One stretch of a prompt and what became of it.

    Attributes:
        source: The stretch, normalized.
        english: What it became; ``""`` where it only carries grammar.
        how: What produced it: ``"lexicon"``, ``"copied"``, ``"romaji"`` …; ``"request"`` where it asks for a
            picture and says nothing of it.
    """

    source: str
    english: str
    how: str


@dataclass(frozen=True, kw_only=True)
class PromptInfo:
    """The way a prompt took from the keyboard to the tokens.

    Attributes:
        source: What was typed.
        normalized: The same after normalization.
        english: What the text encoder read.
        tokens: Tokens of the whole English prompt, without start and end.
        truncated: The text that found no room; ``""`` if all of it did.
        parts: How each part was translated, in order.
        unknown: What was not understood (it is still in ``english``, spelt out or copied).
        chunks: Chunks of tokens that were encoded.
        loras: LoRAs that it is drawn with, each with its weight.
        embeddings: Names in it that stand for vectors of their own (textual inversion).
        ignored: Tags in it that ask for nothing sdjp has.
        neighbours: English words that the model has never seen, each with what stands for it in ``english``;
            with ``""`` where nothing does, and the word is still there.
        foreign: What is in Chinese or Korean, each with its language (``"zh"``, ``"ko"``); it is copied.
        read: What an adapter made of it, as far as that can be said in English words; ``""`` without one.
        variants: What it is at which steps, if it is not the same at all of them, or if AND joins several.
            Everything above is that of all variants together: ``tokens`` and ``chunks`` of the longest one,
            ``normalized`` and ``english`` with the steps written as in prompts.
        unused: What of it stands at no step of this run.
    """

    source: str
    normalized: str
    english: str
    tokens: int
    truncated: str = ""
    parts: tuple[Part, ...] = ()
    unknown: tuple[str, ...] = ()
    chunks: int = 1
    loras: tuple[tuple[str, float], ...] = ()
    embeddings: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    read: str = ""
    variants: tuple[Variant, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def guesses(self) -> tuple[Part, ...]:
        """What was guessed at: the first sense of a dictionary for everything (``"glossary"``), or a word put
        together of what is known of its parts (``"guess"``).
        """
        return tuple(part for part in self.parts if part.how in GUESSED and part.english)

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """What its writer should know: what may not be drawn as it was meant, in Japanese and in English."""
        near = [f"{word} → {instead}" for word, instead in self.neighbours if instead]
        alone = [word for word, instead in self.neighbours if not instead]
        guesses = [f"{part.source.strip()} → {part.english}" for part in self.guesses]
        lists = (
            ("わからなかった語", "not understood", self.unknown),
            ("自信のない訳", "guessed at", guesses),
            (
                "訳せない言語の部分",
                "in a language that is not translated",
                [text for text, _ in self.foreign],
            ),
            ("このモデルが知らないため、近いもので描いた語", "unknown to this model, drawn as", near),
            (
                "このモデルが知らない語（絵に表れないことがあります）",
                "unknown to this model, may not show",
                alone,
            ),
            ("効果のないタグ", "tags that do nothing", self.ignored),
            ("このステップ数では使われない部分", "not used with these steps", self.unused),
            ("入りきらなかった部分", "cut", [self.truncated] if self.truncated else []),
        )
        return tuple((f"{ja}: {'、'.join(of)}", f"{en}: {', '.join(of)}") for ja, en, of in lists if of)

    def _repr_html_(self) -> str:
        """For notebooks: the prompt, its English, what is to be known of it, and each part."""
        tokens = markup.said(f"トークン: {self.tokens} 個", f"tokens: {self.tokens}")
        parts = [
            (
                markup.words(part.source, "ja"),
                markup.words(part.english or "—", "en"),
                markup.words(part.how, "en"),
            )
            for part in self.parts
        ]
        head = (markup.said("部分", "part"), markup.said("英語", "English"), markup.said("訳し方", "by"))
        texts = markup.lines([*self.told(), tokens])
        return f'<div style="{markup.SMALL}">{texts}{markup.table(head, parts) if parts else ""}</div>'

    def told(self) -> list[str]:
        """The prompt, what was drawn of it, and the notes, as pieces of HTML."""
        read = [f"<strong>{markup.words(self.source, 'ja')}</strong>"]
        read += [markup.words(self.english, "en")] if self.english != self.source else []
        read += (
            [markup.said(f"アダプターの解釈: {self.read}", f"read by the adapter as: {self.read}")]
            if self.read
            else []
        )
        return read + [f"⚠ {markup.said(ja, en)}" for ja, en in self.notes]

    def to_json(self) -> dict[str, Any]:
        """Return what ``sdjp explain --json`` prints."""
        return {
            "source": self.source,
            "normalized": self.normalized,
            "english": self.english,
            "tokens": self.tokens,
            "truncated": self.truncated != "",
            "truncated_text": self.truncated,
            "parts": [dataclasses.asdict(part) for part in self.parts],
            "unknown": list(self.unknown),
            "loras": dict(self.loras),
            "embeddings": list(self.embeddings),
            "ignored": list(self.ignored),
            "neighbours": dict(self.neighbours),
            "guesses": [dataclasses.asdict(part) for part in self.guesses],
            "foreign": [{"text": text, "language": language} for text, language in self.foreign],
            "read": self.read,
            "variants": [variant.to_json() for variant in self.variants],
            "unused": list(self.unused),
        }


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a prompt is at some of its steps: by prompt editing, alternation or ``AND``.

    Attributes:
        steps: Ranges of steps, the first and the last of each; they are counted from 1, on through the run
            over an enlarged picture.
        conjunct: Which of those that ``AND`` joins, from 1.
        weight: The weight of that one.
        prompt: The way it took.
    """

    steps: tuple[tuple[int, int], ...]
    conjunct: int = 1
    weight: float = 1.0
    prompt: PromptInfo

    def to_json(self) -> dict[str, Any]:
        """Return the variant as plain JSON data."""
        return {
            "steps": [list(steps) for steps in self.steps],
            "conjunct": self.conjunct,
            "weight": self.weight,
            **self.prompt.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """The work of one post-processor on one picture.

    Attributes:
        name: The name of the post-processor.
        status: ``"done"``; ``"skipped"`` (this picture cannot take it); ``"off"`` (switched off);
            ``"unavailable"`` (what it needs is not there); ``"failed"`` (an error; the picture is as it was).
        ja: The same in a Japanese sentence.
        en: And in an English one.
        data: Figures, as JSON data.
    """

    name: str
    status: Status
    ja: str
    en: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def notable(self) -> bool:
        """Whether its user should see it: something was found, went wrong, or has no effect."""
        return (
            self.data.get("flagged") is True
            or self.status in ("failed", "skipped")
            or self.data.get("action", "none") != "none"
            or bool(self.data.get("unused"))
            or self.name == "negative_prompt"
        )

    def message(self, language: Language | None = None) -> str:
        """Return the sentence in ``language``, or in the one that errors use."""
        return self.en if (language or get_language()) == "en" else self.ja

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The circumstances of a run, beside its options: to draw its pictures again exactly.

    Attributes:
        version: The version of sdjp.
        device: Such as ``"cpu"`` or ``"cuda:0"``.
        dtype: Dtype of the networks, such as ``"float32"``.
        ema: Whether averaged weights of a full checkpoint were taken.
        translator: The registry name of the translator.
        engine: The registry name of the engine.
        memory: What was done for less memory, as ``from_pretrained`` takes it.
        vae: The name of the autoencoder that stood in place of the model's; None: it had its own.
        license: The licence of the model, as far as that is known without reading it whole.
    """

    version: str
    device: str
    dtype: str
    ema: bool
    translator: str
    engine: str = "eager"
    memory: str = "normal"
    vae: str | None = None
    license: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds spent in each stage."""

    load: float = 0.0
    encode: float = 0.0
    sample: float = 0.0
    decode: float = 0.0
    postprocess: float = 0.0

    @property
    def total(self) -> float:
        """All stages together."""
        return self.load + self.encode + self.sample + self.decode + self.postprocess

    def __add__(self, other: Timings) -> Timings:
        return Timings(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(self)}
        )

    def to_json(self) -> dict[str, float]:
        """Return the seconds by stage, ``total`` included."""
        return {**dataclasses.asdict(self), "total": self.total}
