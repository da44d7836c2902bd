"""What a drawing command does with what it has drawn: tell, save, and keep for the grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sdjp.cli.checks import announce_checks
from sdjp.cli.speech import say

if TYPE_CHECKING:
    from sdjp.result import GenerationResult

GRID: Final = 256
"""Pictures that a grid takes at most."""


class Drawn:
    """The results of one command.

    Attributes:
        count: Pictures so far.
        kept: The results that the grid takes: a file of prompts of any length must not fill the memory.
        told: What of the checks needs no second telling.
    """

    def __init__(self) -> None:
        self.count = 0
        self.kept: list[GenerationResult] = []
        self.told: set[str] = set()

    def take(self, result: GenerationResult, folder: Path | None, *, at_least: int = 0) -> None:
        """Say what the checks found, and save the pictures in ``folder``, if there is one, at once."""
        announce_checks(result, self.told)
        self.count += len(result)
        if self.count <= GRID:
            self.kept.append(result)
        if folder is not None:
            for path in result.save(folder, at_least=at_least):
                say(ja=f"保存しました: {path}", en=f"saved: {path}")

    def save_grid(self, folder: Path, *, columns: int) -> None:
        """Write the pictures that were kept in one, and say so."""
        from sdjp.result import GenerationResult

        together = GenerationResult.merge(self.kept)
        path = together.save_grid(folder, columns=columns)
        say(ja=f"一覧: {path}", en=f"grid: {path}")
        if self.count > len(together):
            say(ja=f"一覧に入れたのは、最初の {len(together)} 枚だけです。",
                en=f"only the first {len(together)} pictures are in the grid.")  # fmt: skip
