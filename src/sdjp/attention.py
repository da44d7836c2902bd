"""Which word drew what: the cross-attention of a picture to the words of its prompt (DAAM, Tang et al. 2022,
arXiv 2210.04885).

Axes: M tokens, h w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sdjp import markup
from sdjp.choices import Among
from sdjp.errors import InputError, get_language
from sdjp.images import encode
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
        values: (h, w) float32, one for each latent cell, about 0 to 1: the share of its cross-attention that
            went to the tokens of the word, in the mean over heads, layers and steps.
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

    def _repr_html_(self) -> str:
        """For notebooks: the heat over the picture, and the word."""
        ja = f"「{self.word}」を描いたところ（値は {self.values.min():.2g}〜{self.values.max():.2g}）"
        en = f'where "{self.word}" was drawn (values {self.values.min():.2g} to {self.values.max():.2g})'
        alt = en if get_language() == "en" else ja
        shown = markup.picture(encode(self.overlay()), alt=alt, width=self.picture.width)
        return markup.figure(shown, markup.said(ja, en), width=max(self.picture.width, 160))

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
        shares: (M, h, w) float32; over all tokens, start, end and padding included, 1 or a little more: what
            bicubic resizing has below 0 is cut off.
        alignment: The words of the prompt.
        among: Of what the values of a map are shares, where nobody says.
        rollout: (M, M) float32: how much of each state comes from each token; None where that is not known.
    """

    shares: NDArray[np.float32]
    alignment: Alignment
    among: Among = "all"
    rollout: NDArray[np.float32] | None = None

    def of(self, word: str, picture: Image, *, among: Among | None = None) -> AttentionMap:
        """Add up what went to the tokens of a word.

        Args:
            word: As :meth:`sdjp.text.alignment.Alignment.places` takes it.
            picture: The picture.
            among: ``"all"`` tokens; those of the ``"words"`` of the prompt, whose shares then add up to 1; or
                ``"rollout"``: all tokens, but what a state was made of counts instead of the state.

        Raises:
            InputError: If no token came from it, or ``among`` is something else, or not to be had.
        """
        among = self.among if among is None else among
        if among not in get_args(Among):
            raise InputError(
                "attention.among",
                ja=f"among に {among!r} は使えません。'all'（全部のトークンに対する割合）、"
                "'words'（プロンプトの語に対する割合）、'rollout'（テキストエンコーダーの中までたどった割合）"
                "のどれかを指定してください。",
                en=f"among cannot be {among!r}: use 'all' (shares of all tokens), 'words' (of those of the "
                "prompt) or 'rollout' (followed back through the text encoder).",
            )
        tokens = list(self.alignment.places(word))
        values: NDArray[np.float32] = self.shares[tokens].sum(axis=0)
        if among == "words":
            places = [place for unit in self.alignment.units for place in unit.places]
            total = self.shares[places].sum(axis=0)
            values = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
        elif among == "rollout":
            if self.rollout is None:
                raise InputError(
                    "attention.rollout",
                    ja="このモデルのテキストエンコーダーは CLIP ではないので、among='rollout' は使えません。"
                    "'all' か 'words' を指定してください。",
                    en="the text encoder of this model is not CLIP's, and among='rollout' is not to be had: "
                    "use 'all' or 'words'.",
                )
            made_of = self.rollout[:, tokens].sum(axis=1)  # of each state, how much
            values = np.tensordot(made_of, self.shares[: len(made_of)], axes=1)
        return AttentionMap(word=word, values=values, picture=picture)
