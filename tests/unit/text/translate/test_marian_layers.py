"""Layers of Marian in NumPy against the same written out in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdjp.text.translate.marian_layers import ACTIVATIONS, Linear, Norm, hide


@pytest.mark.parametrize(
    ("out", "width"), [(1, 1), (7, 48), (256, 256), (331, 1024), (6001, 64), (1031, 257)]
)
@pytest.mark.parametrize("shape", [(1,), (4,), (3, 5)])
def test_linear_is_a_product_whatever_blocks_it_is_cut_into(
    out: int, width: int, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    weight, bias = rng.standard_normal((out, width)), rng.standard_normal(out)
    x = rng.standard_normal((*shape, width)).astype(np.float32)
    y = Linear(weight.astype(np.float16), bias)(x)
    assert y.dtype == np.float32
    assert y.shape == (*shape, out)
    expected = x.astype(np.float64) @ weight.astype(np.float16).astype(np.float64).T + bias
    np.testing.assert_allclose(y, expected, atol=1e-3)  # sums of up to 1,024 products


def test_linear_writes_nothing_over() -> None:
    x = np.ones((2, 4), np.float32)
    layer = Linear(np.eye(4), np.ones(4))
    assert (layer(x) == 2).all()
    assert (layer(x) == 2).all()
    assert (x == 1).all()


def test_norm() -> None:
    rng = np.random.default_rng(0)
    weight, bias = rng.standard_normal((2, 48))
    x = rng.standard_normal((3, 5, 48)) * 7 + 2
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias
    layer = Norm({"n.weight": weight, "n.bias": bias}, "n")
    np.testing.assert_allclose(layer(x.astype(np.float32)), expected, atol=1e-5)


def test_activations_are_those_of_the_definitions_and_tell_no_overflow() -> None:
    x = np.concatenate([np.linspace(-12, 12, 4001), [-1e4, 1e4, -100, 0.0]]).astype(np.float32)
    wide = x.astype(np.float64)
    erf = np.array([math.erf(value / math.sqrt(2)) for value in wide])
    silu = wide / (1 + np.exp(-np.maximum(wide, -700)))
    for name, expected in {
        "relu": np.maximum(wide, 0),
        "gelu": wide * (1 + erf) / 2,
        "silu": silu,
        "swish": silu,
    }.items():
        np.testing.assert_allclose(ACTIVATIONS[name](x.copy()), expected, atol=1e-6, rtol=1e-6)


def test_only_padding_is_hidden() -> None:
    assert hide(np.ones((2, 3), bool)) is None
    hidden = hide(np.array([[True, True], [True, False]]))
    assert hidden is not None
    assert hidden.dtype == np.float32
    assert hidden[:, 0, 0].tolist() == [[0, 0], [0, -math.inf]]
