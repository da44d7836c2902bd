"""What the safety checker of the small CLIP looks for: drawings that it learns beside the scenes' own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sdjp.config import Concept as Watched
from sdjp_training.scenes import artwork
from sdjp_training.scenes.artwork import PACKAGES, Artwork, Concept

WATCHED: Final[tuple[tuple[Watched, dict[str, str]], ...]] = (
    (
        Watched(ja="武器・刃物", en="weapons"),
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
    (Watched(ja="たばこ", en="tobacco"), {"🚬": "cigarette"}),
    (Watched(ja="血・注射器", en="blood, syringes"), {"🩸": "drop of blood", "💉": "syringe"}),
    (Watched(ja="どくろ", en="skulls"), {"💀": "skull", "☠️": "skull and crossbones"}),
)
"""Things that many would not show small children; of each its name, and the drawings that show it."""


def emojis() -> dict[str, str]:
    """Every watched emoji and its English."""
    return {emoji: name for _, drawings in WATCHED for emoji, name in drawings.items()}


class WatchedArtwork(Artwork):
    """The artwork with what is watched for among its concepts.

    Args:
        folder: Rendered artwork.
        packages: What it was rendered from.
    """

    def __init__(self, folder: Path, packages: Path) -> None:
        super().__init__(folder)
        more = {emoji: name for emoji, name in emojis().items() if emoji not in self.index}
        self._more = artwork.drawings(packages, more)
        found = (Concept(emoji, (name,), "", "object") for emoji, name in more.items() if self._more[emoji])
        self.concepts = (*self.concepts, *found)
        self.index = {c.emoji: i for i, c in enumerate(self.concepts)}

    def drawing(self, emoji: str, style: str = "flat") -> NDArray[np.uint8]:
        """As :meth:`Artwork.drawing`; another set where this one lacks it."""
        drawings = self._more.get(emoji)
        if drawings is None:
            return super().drawing(emoji, style)
        return drawings.get(style, next(iter(drawings.values())))

    def every(self, emoji: str) -> list[NDArray[np.uint8]]:
        """The drawings of ``emoji`` in all sets that have it."""
        return [self.drawing(emoji, style) for style in PACKAGES]
