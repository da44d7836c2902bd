"""Which word drew what: the cross-attention of a picture to the words of its prompt (DAAM, Tang et al. 2022,
arXiv 2210.04885).

Axes: M tokens, h w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdjp.images.heat import heated

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray
    from PIL.Image import Image

    from sdjp.text.alignment import Alignment


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AttentionMap:
    """How much each place of a picture looked to one word; ``numpy.asarray`` gives the values.

    Attributes:
        word: The word that was asked for.
        values: (h, w) float32, one for each latent cell, 0 to 1: the share of its cross-attention that went
            to the tokens of the word, in the mean over heads, layers and steps.
        picture: The picture, RGB.
    """

    word: str
    values: NDArray[np.float32]
    picture: Image

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """For numpy: the values."""
        return np.array(self.values, dtype=dtype, copy=True if copy is None else copy)

    def __repr__(self) -> str:
        """Return one line, without the values."""
        h, w = self.values.shape
        return f"<AttentionMap {self.word!r} {w}x{h}, {self.values.min():.3g} to {self.values.max():.3g}>"

    def overlay(self, *, alpha: float = 0.6) -> Image:
        """The values as heat over the picture: dark is the least of them, bright yellow the greatest.

        The colours tell places apart, not words: they span the values of this word, however small.

        Args:
            alpha: Share of the colours, 0 to 1.

        Raises:
            InputError: If ``alpha`` is out of range.
        """
        return heated(self.picture, self.values, alpha=alpha)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PictureAttention:
    """The attention of one picture to all tokens, and the words that these came from.

    Attributes:
        shares: (M, h, w) float32; 1 over all tokens, start, end and padding included.
        alignment: The words of the prompt.
    """

    shares: NDArray[np.float32]
    alignment: Alignment

    def of(self, word: str, picture: Image) -> AttentionMap:
        """Add up what went to the tokens of a word.

        Args:
            word: As :meth:`sdjp.text.alignment.Alignment.places` takes it.
            picture: The picture.

        Raises:
            InputError: If no token came from it.
        """
        values = self.shares[list(self.alignment.places(word))].sum(axis=0)
        return AttentionMap(word=word, values=values, picture=picture)
