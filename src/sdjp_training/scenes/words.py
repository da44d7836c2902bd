"""Write the table of words of the embedded model: those of its captions, and neighbours of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sdjp_training.scenes import captions
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.tables import rows

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_HEAD: Final = """# Words that the embedded model has seen in captions; then words that it has not seen, each
# with a tab and what it knows that is nearest. Made by `python -m sdjp_training words` (CC0).
"""


def neighbours() -> Iterator[tuple[str, str]]:
    """Yield each word or phrase and what is nearest to it."""
    for instead, words in rows("neighbours.tsv"):
        for word in words.split(","):
            yield word.strip().lower(), instead


def known(artwork: Artwork) -> set[str]:
    """The words of captions, in lower case."""
    said = captions.vocabulary(artwork)
    return {word.lower() for text in said for word in _WORD.findall(text)}


def write(path: Path, artwork: Artwork) -> None:
    """Write the table; of the artwork, its list of concepts is enough."""
    words = known(artwork)
    lines = [*sorted(words), *(f"{word}\t{instead}" for word, instead in sorted(dict(neighbours()).items()))]
    path.write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")
