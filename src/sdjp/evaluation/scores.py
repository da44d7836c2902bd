"""The two figures of Stable Diffusion's evaluation, from features; NumPy in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdjp.errors import InputError

Array = NDArray[np.float64]


class Moments:
    """Mean and covariance of features, gathered batch by batch without keeping them."""

    def __init__(self, count: int = 0, total: Any = 0.0, outer: Any = 0.0) -> None:
        self.count = count
        self.total: Any = total
        self.outer: Any = outer

    def add(self, features: NDArray[Any]) -> None:
        """Take in features (B, D)."""
        x = np.asarray(features, dtype=np.float64)
        self.count += len(x)
        self.total = self.total + x.sum(axis=0)
        self.outer = self.outer + x.T @ x

    @property
    def mean(self) -> Array:
        """(D,)."""
        mean: Array = self.total / self.count
        return mean

    @property
    def covariance(self) -> Array:
        """(D, D), divided by count - 1."""
        covariance: Array = (self.outer - self.count * np.outer(self.mean, self.mean)) / (self.count - 1)
        return covariance


def frechet_distance(a: Moments, b: Moments) -> float:
    """Distance of two sets of features, taken as Gaussians.

    |mu_a - mu_b|² + tr(C_a + C_b - 2 (C_a C_b)^½): Heusel et al. 2017, arXiv 1706.08500, equation 6. The
    trace of the root is that of (C_a^½ C_b C_a^½)^½, which is symmetric. With fewer pictures than features
    the covariances have not their full rank and the distance comes out too large: compare like with like.

    Raises:
        InputError: If a set has fewer than two pictures.
    """
    for moments in (a, b):
        if moments.count < 2:
            raise InputError(
                "evaluate.too_few",
                ja=f"フレシェ距離には 2 枚以上の画像が必要です（{moments.count} 枚）。",
                en=f"the Fréchet distance needs at least two pictures, not {moments.count}.",
            )
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ b.covariance @ root)
    apart = float(np.square(a.mean - b.mean).sum())
    spread = float(np.trace(a.covariance) + np.trace(b.covariance))
    return max(0.0, apart + spread - 2 * float(np.sqrt(np.clip(cross, 0, None)).sum()))


def clip_scores(pictures: NDArray[Any], texts: NDArray[Any]) -> Array:
    """Return 100 max(cos, 0) of each picture and its text: Hessel et al. 2021, arXiv 2104.08718.

    (Theirs is 2.5 times the cosine; 100 times is what later papers print.)

    Args:
        pictures: Features (B, D).
        texts: Features of the texts, (B, D).
    """
    x, y = (np.asarray(f, dtype=np.float64) for f in (pictures, texts))
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    cosines: Array = (x * y).sum(axis=1) / np.maximum(lengths, math.ulp(1.0))
    return 100 * np.clip(cosines, 0, None)
