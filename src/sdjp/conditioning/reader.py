"""The reader of one model: what its prompts become before the text encoder sees them.

Drawing, ``Pipeline.explain`` and ``sdjp explain`` ask the same reader, so that what is told is what is drawn.
Loads no torch, so that ``sdjp explain`` answers at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sdjp.choices import TranslateMode
from sdjp.errors import InputError
from sdjp.text.names import Names
from sdjp.text.neighbours import FILE as WORDS
from sdjp.text.neighbours import Words
from sdjp.text.prompt import Prompt
from sdjp.text.read import ReadPrompt, read
from sdjp.text.schedule import schedule
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate.base import Translator
from sdjp.text.variants import ReadSchedule, read_schedules

if TYPE_CHECKING:
    from sdjp.models import TextEncoder
    from sdjp.text.alignment import Alignment


@dataclass(frozen=True, kw_only=True, eq=False)
class Reader:
    """Reads prompts for one model.

    Attributes:
        tokenizer: Gives the text encoder its ids.
        translator: Turns Japanese into English.
        words: The words that the model knows, if it is known for knowing few.
        written: The tokenizer of the text encoder behind an adapter; None without one.
        names: Names that stand for vectors of their own, in this run; those that are tokens of the model in
            every run.
    """

    tokenizer: Tokenizer
    translator: Translator
    words: Words | None = None
    written: Tokenizer | None = None
    names: Names = field(default_factory=lambda: Names({}))

    @classmethod
    def of_embedded(cls, translator: Translator) -> Reader:
        """The reader of the embedded model, without loading it: its tables lie in the package."""
        folder = Path(str(files("sdjp"))) / "assets" / "mini"
        return cls(
            tokenizer=ClipTokenizer.from_merges_file(folder / "merges.txt"),
            translator=translator,
            words=Words.read(folder / WORDS),
        )

    def read(
        self,
        prompts: Sequence[Prompt],
        *,
        translate: TranslateMode = "auto",
        text_encoder: TextEncoder | None = None,
    ) -> list[ReadPrompt]:
        """Read prompts that are the same at every step; their leaves are translated as one batch.

        Args:
            prompts: The prompts, parsed.
            translate: As in ``Pipeline.generate``.
            text_encoder: The text encoder, to tell what an adapter makes of them.

        Raises:
            TranslationError: If a leaf cannot be translated.
        """
        result = read(
            prompts,
            translator=self.translator,
            tokenizer=self.tokenizer,
            translate=translate,
            names=self.names,
            words=self.words,
            # An adapter learnt from normalized text; models of Japanese from text as people write it.
            as_typed=translate == "never" and self.tokenizer.japanese and self.written is None,
        )
        if self.written is None or text_encoder is None:
            return result
        from sdjp.conditioning.adapter import likeliest_words

        words = likeliest_words(text_encoder, [prompt.chunks for prompt in result], self.written)
        return [
            dataclasses.replace(prompt, info=dataclasses.replace(prompt.info, read=text))
            for prompt, text in zip(result, words, strict=True)
        ]

    def read_schedules(
        self,
        prompts: Sequence[Prompt],
        passes: Sequence[int],
        *,
        translate: TranslateMode = "auto",
        text_encoder: TextEncoder | None = None,
    ) -> list[ReadSchedule]:
        """Read prompts as they are at each step; all leaves of all of it are translated as one batch.

        Args:
            prompts: The prompts, parsed.
            passes: The steps of the run; then those of the run over the enlarged picture, if there is one.
            translate: As in ``Pipeline.generate``.
            text_encoder: The text encoder, to tell what an adapter makes of them.

        Raises:
            InputError: If prompt editing or AND in a prompt means nothing.
            TranslationError: If a leaf cannot be translated.
        """
        return read_schedules(
            prompts,
            [schedule(prompt, passes) for prompt in prompts],
            lambda batch: self.read(batch, translate=translate, text_encoder=text_encoder),
        )

    def align(self, prompt: ReadPrompt) -> Alignment:
        """Find the tokens of each word of a prompt that was read here.

        Raises:
            InputError: If an adapter read it: of its states none belongs to a word.
        """
        from sdjp.text.alignment import align

        self.check_words()
        return align(prompt, self.tokenizer, names=self.names, words=self.words)

    def check_words(self) -> None:
        """Refuse to tell what came from which word where no state belongs to one.

        Raises:
            InputError: If an adapter reads the prompts.
        """
        if self.written is not None:
            raise InputError(
                "attention.adapter",
                ja="アダプターが日本語を読むモデルでは、状態が語ごとに分かれていないので、どの語がどこを"
                "描いたか（attention）を記録できません。translator='auto' で読み込んでください。",
                en="where an adapter reads the Japanese, no state belongs to a word, and which word drew "
                "what (attention) cannot be recorded. Load the model with translator='auto'.",
            )
