"""No translation: for prompts in English, and for models that read Japanese themselves."""

from __future__ import annotations

from collections.abc import Sequence

from sdjp.text.script import split_scripts
from sdjp.text.translate.base import Piece, Translation


class PassthroughTranslator:
    """Gives every text back as it is; Japanese in it is reported as not understood.

    Args:
        reads_japanese: The model reads Japanese itself: nothing is reported.
        as_typed: The text itself goes in, without any normalizing, as the model's own tokenizer expects it.
        name: What records call it; ``"adapter"`` where an adapter reads the Japanese.
    """

    def __init__(
        self, *, reads_japanese: bool = False, as_typed: bool = False, name: str = "passthrough"
    ) -> None:
        self.reads_japanese = reads_japanese
        self.as_typed = as_typed
        self.name = name

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Return one record for each text, ``english`` equal to ``source``."""
        return [
            Translation(
                source=text,
                english=text,
                translator=self.name,
                pieces=(Piece(source=text, english=text, how="copied"),) if text else (),
                unknown=()
                if self.reads_japanese
                else tuple(span.text for span in split_scripts(text) if span.japanese),
            )
            for text in texts
        ]
