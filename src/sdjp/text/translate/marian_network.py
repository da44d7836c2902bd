"""The Marian network (Junczys-Dowmunt et al. 2018, arXiv 1804.00344) in NumPy, which is there at once.

Its layers, those of Vaswani et al. 2017 (arXiv 1706.03762), are in ``marian_layers.py``. Tensors have the
names of transformers' ``MarianMTModel``.

Axes: B sentences, K beams, R rows that are written (B K of them), L pieces of the source, M pieces written,
D width, V pieces of the other language.

NumPy loads with this module: import it inside functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdjp.text.translate.marian_layers import (
    ACTIVATIONS,
    Array,
    FeedForward,
    KeysAndValues,
    Linear,
    SelfAttention,
    SourceAttention,
    Weights,
    hide,
)

Ids: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class MarianConfig:
    """The sizes and special pieces of a network; the names are transformers'."""

    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    decoder_attention_heads: int
    activation_function: str
    scale_embedding: bool
    max_position_embeddings: int
    eos_token_id: int
    pad_token_id: int
    decoder_start_token_id: int


class Marian:
    """The network; threads may share it.

    Args:
        config: Its sizes.
        weights: Its tensors by name. Where both languages have one table of pieces, it may stand there as
            ``model.shared.weight`` alone.

    Raises:
        KeyError: If a tensor is not there.
        ValueError: If no Marian model has such an activation.
    """

    def __init__(self, config: MarianConfig, weights: Weights) -> None:
        activation, heads = config.activation_function, config.encoder_attention_heads
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation_function: {activation}")
        self.config = config
        self.positions = positions(config.max_position_embeddings, config.d_model)
        # The rows that are looked up become float32, the others of the tables need not.
        self._tables = {side: _table(weights, side) for side in ("encoder", "decoder")}
        names = [f"model.encoder.layers.{n}" for n in range(config.encoder_layers)]
        self._encoder = [
            (SelfAttention(weights, name, heads), FeedForward(weights, name, activation)) for name in names
        ]
        heads = config.decoder_attention_heads
        names = [f"model.decoder.layers.{n}" for n in range(config.decoder_layers)]
        self._decoder = [
            (
                SelfAttention(weights, name, heads),
                SourceAttention(weights, name, heads),
                FeedForward(weights, name, activation),
            )
            for name in names
        ]
        bias = weights["final_logits_bias"].reshape(-1).astype(np.float32)
        bias[config.pad_token_id] = -math.inf  # padding is never written
        self._next = Linear(self._tables["decoder"], bias)

    def _embed(self, ids: Ids, side: str, first: int = 0) -> Array:
        """Map ids (B, M), of which the first stand in place ``first``, to (B, M, D)."""
        x: Array = self._tables[side][ids].astype(np.float32)
        if self.config.scale_embedding:
            x *= np.float32(math.sqrt(self.config.d_model))
        x += self.positions[first : first + ids.shape[1]]
        return x

    def encode(self, ids: Ids, mask: NDArray[np.bool_]) -> Array:
        """Map ids (B, L) and mask (B, L) of what is no padding to states (B, L, D)."""
        x, hidden = self._embed(ids, "encoder"), hide(mask)
        for attention, feed_forward in self._encoder:
            x = feed_forward(attention.read(x, hidden))
        return x

    def memory(self, states: Array) -> list[KeysAndValues]:
        """Map the states of a source (B, L, D) to what each layer of the decoder attends to."""
        return [attention.memory(states) for _, attention, _ in self._decoder]

    def nothing_written(self, rows: int) -> list[Array]:
        """What :meth:`decode` takes before the first piece, (R, 0, 2 D) for each layer."""
        return [np.empty((rows, 0, 2 * self.config.d_model), np.float32) for _ in self._decoder]

    def decode(
        self, ids: Ids, written: list[Array], memory: Sequence[KeysAndValues], hidden: Array | None
    ) -> Array:
        """Map the last piece of each row to its state (R, D).

        Args:
            ids: The pieces (R,), rows of one sentence side by side.
            written: Keys and values of the pieces before, (R, M, 2 D) for each layer; those of ``ids`` are
                added.
            memory: Keys and values of the source, for each layer.
            hidden: What hides its padding, see :func:`hide`.
        """
        x = self._embed(ids[:, None], "decoder", written[0].shape[1])[:, 0]
        for n, (to_written, to_source, feed_forward) in enumerate(self._decoder):
            x, written[n] = to_written.write(x, written[n])
            x = feed_forward(to_source.write(x, memory[n], hidden))
        return x

    def logits(self, states: Array) -> Array:
        """Map states (R, D) to the logits of the next piece (R, V); minus infinity for padding."""
        return self._next(states)


def _table(weights: Weights, side: str) -> NDArray[Any]:
    """The table of pieces (V, D) of one side."""
    own = weights.get(f"model.{side}.embed_tokens.weight")
    return weights["model.shared.weight"] if own is None else own


def positions(count: int, width: int) -> Array:
    """Sinusoids (count, width), the sines in the first half of the channels, the cosines in the second."""
    rates = 10000.0 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(count)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
