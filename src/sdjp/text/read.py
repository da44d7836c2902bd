"""The way of a prompt: parse, normalize, translate the text leaves, count and chunk the tokens.

This is the whole path from what a user typed to what a text encoder reads, with a record of every step. It
runs without torch, so that ``sdjp explain`` answers at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sdjp.choices import TranslateMode
from sdjp.errors import InputError
from sdjp.records import Part, PromptInfo
from sdjp.text import prompt as syntax
from sdjp.text.chunks import Chunks, chunk
from sdjp.text.clauses import Clause, in_english
from sdjp.text.composition import compose
from sdjp.text.names import Names, named
from sdjp.text.neighbours import Words
from sdjp.text.script import foreign_language, has_letters, is_japanese
from sdjp.text.tags import lora_weights, other_tags
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.translate.base import Piece, PromptTranslator, Translation, Translator
from sdjp.text.translate.frames import Asked, unframed
from sdjp.text.translate.passthrough import PassthroughTranslator
from sdjp.text.tree import Named


@dataclass(frozen=True, kw_only=True)
class ReadPrompt:
    """A prompt, read.

    Attributes:
        info: What became of it, for the user.
        chunks: Token ids and weights, for the text encoder.
        tags: Angle tags such as ``<lora:name:0.8>``, as they were typed.
    """

    info: PromptInfo
    chunks: Chunks
    tags: tuple[str, ...]


def check_prompt(text: str, *, allow_empty: bool = False, drawn: bool = True) -> syntax.Prompt:
    """Parse a prompt, and refuse what is none.

    Args:
        text: What was typed.
        allow_empty: Let a prompt without words pass: an empty negative prompt is fine.
        drawn: Whether it is for sdjp to draw; other programs have their own idea of editing and AND.

    Raises:
        InputError: If ``text`` is not a string, or has no letter, digit or emoji in it, or if a tag, prompt
            editing or ``AND`` in it means nothing.
    """
    if not isinstance(text, str):
        raise InputError(
            "prompt.type",
            ja=f"プロンプトは文字列で指定してください（{type(text).__name__} が渡されました）。",
            en=f"a prompt must be a string, not {type(text).__name__}.",
        )
    parsed = syntax.parse(text)
    if drawn:
        compose(text)
    lora_weights(syntax.tags(parsed))
    if not allow_empty and not any(has_letters(leaf) for leaf in syntax.text_leaves(parsed)):
        raise InputError(
            "prompt.empty",
            ja="プロンプトに文字がありません。描きたいものを言葉で書いてください（例: 馬に乗る宇宙飛行士）。",
            en="the prompt has no words in it. Say what to draw, for example: an astronaut riding a horse.",
        )
    return parsed


def read(
    prompts: Sequence[str | syntax.Prompt],
    *,
    translator: Translator,
    tokenizer: Tokenizer,
    translate: TranslateMode = "auto",
    max_chunks: int | None = None,
    names: Names | None = None,
    words: Words | None = None,
    as_typed: bool = False,
) -> list[ReadPrompt]:
    """Read prompts; the leaves of all of them are translated as one batch.

    Args:
        prompts: What the user typed, parsed or not.
        translator: Turns Japanese leaves into English.
        tokenizer: That of the model that will draw.
        translate: ``"auto"`` translates the leaves with Japanese in them, ``"always"`` all, ``"never"`` none.
        max_chunks: Chunks of 75 tokens to keep; what is cut is told in ``info.truncated``.
        names: Names that are not translated and stand for vectors of their own.
        words: The words that the model knows, if it is known for knowing few.
        as_typed: Normalize no text, whatever the translator.

    Raises:
        InputError: If a prompt, or a tag in it, cannot be read.
        TranslationError: If a leaf cannot be translated.
    """
    names = Names({}) if names is None else names
    results = []
    as_typed |= isinstance(translator, PassthroughTranslator) and translator.as_typed
    parsed = [names.mark(_parsed(prompt, as_typed=as_typed)) for prompt in prompts]
    for tree, (english, group, records) in zip(
        parsed, _translated(parsed, translator, translate, as_typed=as_typed), strict=True
    ):
        english, neighbours = _nearest(english, words)
        runs = _runs(english, names)
        chunks = chunk(runs, tokenizer, names=names, max_chunks=max_chunks)
        written = (run[0] for run in runs if isinstance(run, tuple))
        lost = [word for part in written if isinstance(part, str) for word in tokenizer.lost(part)]
        tags = syntax.tags(tree)
        parts, unknown = _account(group, records)
        info = PromptInfo(
            source=tree.source,
            normalized=str(tree),
            english=str(english),
            tokens=chunks.tokens,
            truncated=chunks.truncated,
            parts=parts,
            unknown=tuple(dict.fromkeys([*unknown, *lost])),
            chunks=len(chunks.ids),
            loras=tuple(lora_weights(tags).items()),
            embeddings=named(tree),
            ignored=other_tags(tags),
            neighbours=neighbours,
            foreign=tuple((leaf, language) for leaf in group if (language := foreign_language(leaf))),
        )
        results.append(ReadPrompt(info=info, chunks=chunks, tags=tags))
    return results


def to_english(
    prompts: Sequence[str | syntax.Prompt],
    *,
    translator: Translator,
    translate: TranslateMode = "auto",
    names: Names | None = None,
) -> list[str]:
    """Return what :func:`read` would give a text encoder, as text; brackets and tags stay.

    Raises:
        InputError: If a prompt cannot be parsed.
        TranslationError: If a leaf cannot be translated.
    """
    names = Names({}) if names is None else names
    parsed = [names.mark(_parsed(prompt)) for prompt in prompts]
    return [str(english) for english, _, _ in _translated(parsed, translator, translate)]


def _parsed(prompt: str | syntax.Prompt, *, as_typed: bool = False) -> syntax.Prompt:
    if isinstance(prompt, str):
        return syntax.parse(prompt, as_typed=as_typed)
    return syntax.parse(prompt.source, as_typed=True) if as_typed and prompt.source else prompt


def _translated(
    parsed: Sequence[syntax.Prompt],
    translator: Translator,
    translate: TranslateMode,
    *,
    as_typed: bool = False,
) -> Iterator[tuple[syntax.Prompt, tuple[str, ...], list[Translation | None]]]:
    """Translate the leaves of all prompts as one batch: each in English, its leaves, what became of them."""
    as_typed |= isinstance(translator, PassthroughTranslator) and translator.as_typed
    clauses: list[Sequence[Clause]] = [()] * len(parsed)
    if translate != "never" and not isinstance(translator, PassthroughTranslator):
        joined = [in_english(tree, translator.translate) for tree in parsed]
        parsed, clauses = [tree for tree, _ in joined], [found for _, found in joined]
    leaves = [syntax.text_leaves(tree) for tree in parsed]
    asked = [_asked(group, translator, translate) for group in leaves]
    said_already = [{i for clause in found for i in range(*clause.leaves)} for found in clauses]
    wanted = [
        list(
            dict.fromkeys(
                of.content for i, of in enumerate(group) if i not in done and _wants(of.content, translate)
            )
        )
        for group, done in zip(asked, said_already, strict=True)
    ]
    translated = _records(wanted, translator)
    for tree, group, contents, of_one, found in zip(parsed, leaves, asked, translated, clauses, strict=True):
        records = [_record(leaf, of, of_one) for leaf, of in zip(group, contents, strict=True)]
        for clause in found:
            first, end = clause.leaves
            records[first:end] = [
                replace(clause.record, english=leaf, source=clause.record.source if i == 0 else "",
                        pieces=clause.record.pieces if i == 0 else ())
                for i, leaf in enumerate(group[first:end])
            ]  # fmt: skip
        said = [leaf if r is None else r.english for leaf, r in zip(group, records, strict=True)]
        if not as_typed:  # what stays Japanese gets the commas that text encoders know
            said = [re.sub("、 ?", ", ", text) for text in said]
        english = syntax.map_text(tree, said)
        yield english, group, records


def _asked(leaves: Sequence[str], translator: Translator, translate: TranslateMode) -> list[Asked]:
    """The leaves of one prompt without the words that ask for a picture, if they are to be translated."""
    reads_itself = isinstance(translator, PassthroughTranslator)
    if translate == "never" or reads_itself or not any(map(is_japanese, leaves)):
        return [Asked(leaf) for leaf in leaves]
    return unframed(leaves)


def _record(leaf: str, asked: Asked, translated: Mapping[str, Translation]) -> Translation | None:
    """What became of a leaf: of what is asked for, and of the words that ask; None if it stays as it is."""
    record = translated.get(asked.content)
    if not asked.frame:
        return record
    if record is None:
        copied = (Piece(source=asked.content, english=asked.content, how="copied"),) if asked.content else ()
        record = Translation(source=leaf, english=asked.content, translator="", pieces=copied)
    pieces = record.pieces
    if not pieces and asked.content:
        pieces = (Piece(source=asked.content, english=record.english, how=record.translator),)
    said = (Piece(source=words, english="", how="request") for words in asked.frame)
    return replace(record, source=leaf, pieces=(*pieces, *said))


def _records(wanted: Sequence[Sequence[str]], translator: Translator) -> list[dict[str, Translation]]:
    """The translations of the leaves of each prompt."""
    if not any(wanted):
        return [{} for _ in wanted]
    if isinstance(translator, PromptTranslator):
        groups = translator.translate_prompts(wanted)
        return [dict(zip(*pair, strict=True)) for pair in zip(wanted, groups, strict=True)]
    unique = list(dict.fromkeys(leaf for of_one in wanted for leaf in of_one))
    translated = dict(zip(unique, translator.translate(unique), strict=True))
    return [{leaf: translated[leaf] for leaf in of_one} for of_one in wanted]


def _nearest(prompt: syntax.Prompt, words: Words | None) -> tuple[syntax.Prompt, tuple[tuple[str, str], ...]]:
    """The prompt with what the model knows that is nearest to words it does not know, and those words."""
    if words is None:
        return prompt, ()
    leaves = [words.nearest(leaf) for leaf in syntax.text_leaves(prompt)]
    neighbours = dict.fromkeys(pair for _, of_leaf in leaves for pair in of_leaf)
    if not neighbours:
        return prompt, ()
    return syntax.map_text(prompt, [text for text, _ in leaves]), tuple(neighbours)


def _runs(prompt: syntax.Prompt, names: Names) -> list[tuple[str | Sequence[int], float] | object]:
    """The prompt for the tokenizer, names as the ids of their vectors."""
    return [
        (names.ids(run.name), run.weight) if isinstance(run, Named) else run
        for run in syntax.weighted_runs(prompt)
    ]


def _wants(leaf: str, translate: TranslateMode) -> bool:
    if translate == "never" or not has_letters(leaf) or foreign_language(leaf):
        return False
    return translate == "always" or is_japanese(leaf)


def _account(
    leaves: Sequence[str], records: Sequence[Translation | None]
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    parts: list[Part] = []
    unknown: list[str] = []
    for leaf, record in zip(leaves, records, strict=True):
        if record is not None and not record.source and not record.pieces:
            continue  # of a clause that was told at its first leaf
        if record is None:
            if leaf.strip():
                parts.append(Part(source=leaf, english=leaf, how="copied"))
            unknown += [leaf] if foreign_language(leaf) else []
            continue
        pieces = record.pieces or (Piece(source=leaf, english=record.english, how=record.translator),)
        parts += [Part(source=p.source, english=p.english, how=p.how) for p in pieces]
        unknown += record.unknown
    return tuple(parts), tuple(dict.fromkeys(unknown))
