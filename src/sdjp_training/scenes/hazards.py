"""Hazards, which the safety checker looks for: drawings that it learns beside those of the scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sdjp import config
from sdjp_training.scenes import artwork
from sdjp_training.scenes.artwork import PACKAGES, SOLID, Artwork, Concept

HAZARDS: Final[tuple[tuple[config.Concept, dict[str, str]], ...]] = (
    (
        config.Concept(ja="武器・刃物", en="weapons"),
        {
            "🔪": "kitchen knife",
            "🗡️": "dagger",
            "🔫": "gun",
            "💣": "bomb",
            "🪓": "axe",
            "⚔️": "crossed swords",
            "🏹": "bow and arrow",
        },
    ),
    (config.Concept(ja="たばこ", en="tobacco"), {"🚬": "cigarette"}),
    (config.Concept(ja="血・注射器", en="blood, syringes"), {"🩸": "drop of blood", "💉": "syringe"}),
    (config.Concept(ja="どくろ", en="skulls"), {"💀": "skull", "☠️": "skull and crossbones"}),
)
"""Things that many would not show small children; of each its name, and the drawings that show it."""


def emojis() -> dict[str, str]:
    """The emoji of every hazard, and its English."""
    return {emoji: name for _, drawings in HAZARDS for emoji, name in drawings.items()}


class HazardArtwork(Artwork):
    """The artwork with hazards among its concepts.

    Args:
        folder: Rendered artwork.
        packages: The packages that it was rendered from.
    """

    def __init__(self, folder: Path, packages: Path) -> None:
        super().__init__(folder)
        more = {emoji: name for emoji, name in emojis().items() if emoji not in self.index}
        self._more = artwork.drawings(packages, more)
        hazards = (Concept(emoji, (name,), "", "object") for emoji, name in more.items() if self._more[emoji])
        self.concepts = (*self.concepts, *hazards)
        self.index = {c.emoji: i for i, c in enumerate(self.concepts)}

    def drawing(self, emoji: str, style: str = SOLID) -> NDArray[np.uint8]:
        """As :meth:`Artwork.drawing`; another set where this one lacks it."""
        drawings = self._more.get(emoji)
        if drawings is None:
            return super().drawing(emoji, style)
        return drawings.get(style, next(iter(drawings.values())))

    def every(self, emoji: str) -> list[NDArray[np.uint8]]:
        """The drawings of ``emoji`` in all sets that have it."""
        return [self.drawing(emoji, style) for style in PACKAGES]
