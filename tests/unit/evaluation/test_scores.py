"""The two scores against formulas worked out otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.errors import InputError
from sdjp.evaluation.scores import Moments, clip_scores, frechet_distance


def moments(x: np.ndarray) -> Moments:
    result = Moments()
    for part in np.array_split(x, 3):
        result.add(part)
    return result


def test_moments_are_those_of_numpy() -> None:
    x = np.random.RandomState(0).standard_normal((50, 4))
    m = moments(x)
    assert m.count == 50
    np.testing.assert_allclose(m.mean, x.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(m.covariance, np.cov(x.T), atol=1e-12)


def test_gaussians_on_axes_have_a_formula() -> None:
    """For diagonal covariances: the squared differences of means and of standard deviations."""
    rng = np.random.RandomState(1)
    x = rng.standard_normal((400, 3))
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T  # covariance exactly 1
    a, b = x * [1, 2, 3] + [0, 1, 0], x * [2, 2, 1] + [1, 1, 5]
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(1 + 25 + 1 + 0 + 4, rel=1e-9)


def test_it_is_the_formula_with_a_general_matrix_root() -> None:
    rng = np.random.RandomState(2)
    a, b = rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5)), rng.standard_normal((70, 5)) + 1
    m, n = moments(a), moments(b)
    root = np.sqrt(np.linalg.eigvals(m.covariance @ n.covariance).astype(complex)).sum().real
    expected = np.square(m.mean - n.mean).sum() + np.trace(m.covariance) + np.trace(n.covariance) - 2 * root
    assert frechet_distance(m, n) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 30), d=st.integers(1, 12))
def test_distance_is_symmetric_never_negative_and_nothing_from_itself(seed: int, n: int, d: int) -> None:
    rng = np.random.RandomState(seed)
    a, b = moments(rng.standard_normal((n, d))), moments(3 * rng.standard_normal((n + 1, d)))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6, abs=1e-6)
    assert frechet_distance(a, b) >= 0
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_one_picture_has_no_spread() -> None:
    with pytest.raises(InputError) as error:
        frechet_distance(moments(np.zeros((1, 2))), moments(np.zeros((5, 2))))
    assert error.value.code == "evaluate.too_few"


def test_clip_score_is_a_cosine_and_never_negative() -> None:
    pictures = np.array([[1.0, 0], [3, 4], [1, 1], [0, 0]])
    texts = np.array([[2.0, 0], [4, 3], [-1, -1], [1, 0]])
    np.testing.assert_allclose(clip_scores(pictures, texts), [100, 96, 0, 0])
