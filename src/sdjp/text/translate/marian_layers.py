"""The layers of a Marian network (Vaswani et al. 2017, arXiv 1706.03762, with the norms behind the sums).

All compute in NumPy and in float32, whatever kind of numbers their weights come in.

Axes: B sentences, K beams, R rows that are written (B K of them), L pieces of the source, M pieces written,
H heads, D width.

NumPy loads with this module: import it inside functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = Mapping[str, NDArray[Any]]
"""Tensors by the names of transformers."""
KeysAndValues: TypeAlias = tuple[Array, Array]
"""Of one attention, (B, H, L, D / H) each."""

_EPSILON: Final = 1e-5
_ROWS: Final = 16
_WEIGHTS: Final = 1 << 14
"""Rows and weights that are multiplied at once. OpenBLAS has kernels for products as small as that, which
do not rearrange the weights first, and it takes one thread for them. Several would not sleep while they
wait for each other: where other programs run, too, that takes ten times as long."""


class Linear:
    """``x @ weight.T + bias``.

    Args:
        weight: (out, in); it is kept as products read it, transposed and in blocks of columns.
        bias: (out,).
    """

    def __init__(self, weight: NDArray[Any], bias: NDArray[Any]) -> None:
        out, width = weight.shape
        columns = max(1, _WEIGHTS // width)
        count = -(-out // columns)
        columns = -(-out // count)  # all blocks alike
        self._blocks = np.zeros((count, width, columns), np.float32)
        for i, block in enumerate(self._blocks):
            part = weight[i * columns : (i + 1) * columns]
            block[:, : len(part)] = part.T
        self._bias = bias.astype(np.float32)

    def __call__(self, x: Array) -> Array:
        """Map (..., in) to (..., out)."""
        rows = x.reshape(-1, x.shape[-1])
        count, width, columns = self._blocks.shape
        made = np.empty((len(rows), count, columns), np.float32)
        whole = len(rows) // _ROWS * _ROWS
        if whole:
            groups = rows[:whole].reshape(1, -1, _ROWS, width)
            out = made[:whole].reshape(-1, _ROWS, count, columns).transpose(2, 0, 1, 3)
            np.matmul(groups, self._blocks[:, None], out=out)
        if whole < len(rows):
            np.matmul(rows[whole:], self._blocks, out=made[whole:].transpose(1, 0, 2))
        y = made.reshape(len(rows), -1)[:, : len(self._bias)]
        y += self._bias
        return y.reshape(*x.shape[:-1], -1)


class Norm:
    """Layer normalization (Ba et al. 2016, arXiv 1607.06450) over the last axis.

    Args:
        weights: All weights.
        name: Of the norm.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        self._weight, self._bias = (
            weights[f"{name}.{kind}"].astype(np.float32) for kind in ("weight", "bias")
        )

    def __call__(self, x: Array) -> Array:
        """Normalize (..., D) in its place, and return it."""
        width = np.float32(x.shape[-1])
        x -= np.add.reduce(x, axis=-1, keepdims=True) / width
        spread = np.add.reduce(x * x, axis=-1, keepdims=True) / width
        spread += np.float32(_EPSILON)
        x /= np.sqrt(spread, out=spread)
        x *= self._weight
        x += self._bias
        return x


class FeedForward:
    """The two linear layers that end each layer of the network, their sum and its norm.

    Args:
        weights: All weights.
        name: Of the layer of the network.
        activation: A name in :data:`ACTIVATIONS`.
    """

    def __init__(self, weights: Weights, name: str, activation: str) -> None:
        self._inner, self._outer = (_linear(weights, f"{name}.{part}") for part in ("fc1", "fc2"))
        self._norm = Norm(weights, f"{name}.final_layer_norm")
        self._activation = ACTIVATIONS[activation]

    def __call__(self, x: Array) -> Array:
        """Map (..., D) to (..., D)."""
        y = self._outer(self._activation(self._inner(x)))
        y += x
        return self._norm(y)


class SelfAttention:
    """Attention of places to each other, its sum and the norm.

    Args:
        weights: All weights.
        name: Of the layer of the network.
        heads: H.
    """

    def __init__(self, weights: Weights, name: str, heads: int) -> None:
        self._heads = heads
        self._projections = _projections(weights, f"{name}.self_attn", "qkv", heads)
        self._out = _linear(weights, f"{name}.self_attn.out_proj")
        self._norm = Norm(weights, f"{name}.self_attn_layer_norm")

    def read(self, x: Array, hidden: Array | None) -> Array:
        """Map (B, L, D) to (B, L, D); ``hidden`` is of :func:`hide`."""
        q, k, v = _split(self._projections(x), 3, self._heads)
        y = self._out(_join(_attend(q, k, v, hidden)))
        y += x
        return self._norm(y)

    def write(self, x: Array, written: Array) -> tuple[Array, Array]:
        """Map the last piece of each row, which sees itself and what is before it.

        Args:
            x: (R, D).
            written: Keys and values of the pieces before, (R, M, 2 D).

        Returns:
            (R, D), and the keys and values with those of ``x`` (R, M + 1, 2 D).
        """
        width = x.shape[-1]
        made = self._projections(x)[:, None]  # (R, 1, 3 D)
        written = np.concatenate([written, made[..., width:]], axis=1)
        (q,), (k, v) = _split(made[..., :width], 1, self._heads), _split(written, 2, self._heads)
        y = self._out(_join(_attend(q, k, v))[:, 0])
        y += x
        return self._norm(y), written


class SourceAttention:
    """Attention of what is written to the source, its sum and the norm.

    Args:
        weights: All weights.
        name: Of the layer of the network.
        heads: H.
    """

    def __init__(self, weights: Weights, name: str, heads: int) -> None:
        self._heads = heads
        self._query = _projections(weights, f"{name}.encoder_attn", "q", heads)
        self._memory = _projections(weights, f"{name}.encoder_attn", "kv", heads)
        self._out = _linear(weights, f"{name}.encoder_attn.out_proj")
        self._norm = Norm(weights, f"{name}.encoder_attn_layer_norm")

    def memory(self, states: Array) -> KeysAndValues:
        """Map the states of a source (B, L, D) to its keys and values."""
        keys, values = _split(self._memory(states), 2, self._heads)
        return keys, values

    def write(self, x: Array, memory: KeysAndValues, hidden: Array | None) -> Array:
        """Map (R, D) to (R, D); ``hidden`` is of :func:`hide`."""
        # The rows of a sentence are its queries: nothing of the source is copied for them.
        queries = self._query(x).reshape(len(memory[0]), -1, x.shape[-1])  # (B, K, D)
        (q,) = _split(queries, 1, self._heads)
        y = self._out(_join(_attend(q, *memory, hidden)).reshape(x.shape))
        y += x
        return self._norm(y)


def hide(mask: NDArray[np.bool_]) -> Array | None:
    """What hides padding from attention: 0 or minus infinity, to be added to scores.

    Args:
        mask: Of what is no padding (B, L).

    Returns:
        (B, 1, 1, L); None if there is no padding.
    """
    if mask.all():
        return None
    hidden: Array = np.where(mask, 0, -math.inf).astype(np.float32)[:, None, None]
    return hidden


def _attend(q: Array, k: Array, v: Array, hidden: Array | None = None) -> Array:
    """Mix values (B, H, L, D / H) as queries (B, H, M, D / H), which are scaled already, ask for them.

    Args:
        q: Queries.
        k: Keys, as many as values.
        v: Values.
        hidden: Added to the scores (B, H, M, L).
    """
    scores: Array = q @ k.swapaxes(2, 3)
    if hidden is not None:
        scores += hidden
    scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=-1, keepdims=True)
    mixed: Array = scores @ v
    return mixed


def _split(x: Array, parts: int, heads: int) -> list[Array]:
    """Split (B, L, parts D) into views (B, H, L, D / H)."""
    return list(x.reshape(*x.shape[:2], parts, heads, -1).transpose(2, 0, 3, 1, 4))


def _join(x: Array) -> Array:
    """Put the heads of (B, H, L, D / H) side by side: (B, L, D)."""
    joined: Array = x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)
    return joined


def _linear(weights: Weights, name: str) -> Linear:
    return Linear(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _projections(weights: Weights, name: str, letters: str, heads: int) -> Linear:
    """Projections (D, D) of an attention as one; queries come out divided by the root of a head's width."""
    parts = []
    for letter in letters:
        weight, bias = (
            weights[f"{name}.{letter}_proj.{kind}"].astype(np.float32) for kind in ("weight", "bias")
        )
        scale = np.float32(math.sqrt(heads / len(bias)) if letter == "q" else 1)
        parts.append((weight * scale, bias * scale))
    return Linear(np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))


def _silu(x: Array) -> Array:
    divisor = np.negative(x)
    with np.errstate(over="ignore"):  # what is divided by infinity is 0, as it should be
        np.exp(divisor, out=divisor)
    divisor += np.float32(1)
    x /= divisor
    return x


def _relu(x: Array) -> Array:
    np.maximum(x, np.float32(0), out=x)
    return x


def _gelu(x: Array) -> Array:
    """With the error function to 1.5e-7, by formula 7.1.26 of Abramowitz and Stegun 1964."""
    a = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * a)
    tail = np.zeros_like(x)  # of the normal distribution: what is further out than x
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail = (tail + np.float32(factor)) * t
    tail *= np.exp(-a * a) * np.float32(0.5)
    x *= np.where(x < 0, tail, 1 - tail)
    return x


ACTIVATIONS: Final[Mapping[str, Callable[[Array], Array]]] = {
    "swish": _silu,
    "silu": _silu,
    "gelu": _gelu,
    "relu": _relu,
}
"""By the names of transformers; they may write over what they are given."""
