"""The beta distribution with both parameters 0.6, for the spacings "beta" and "beta_sigmas"."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Final

SHAPE: Final = 0.6
_WHOLE: Final = math.gamma(SHAPE) ** 2 / math.gamma(2 * SHAPE)  # B(0.6, 0.6)
# B_x(a, a) = x^a times the sum of (1 - a)_n / (n! (a + n)) x^n: NIST DLMF, equation 8.17.7. It is used up to
# x = 0.6, where 60 terms leave less than the last digit.
_TERMS: Final = tuple(
    factor / (SHAPE + n)
    for n, factor in enumerate(accumulate(range(1, 60), lambda f, n: f * (n - SHAPE) / n, initial=1.0))
)


def quantile(share: float) -> float:
    """Return the x, 0 to 1, below which ``share`` of the distribution lies; to about 1e-15."""
    if share > 0.5:
        return 1 - quantile(1 - share)
    if share == 0:
        return 0.0
    x = math.pow(share * SHAPE * _WHOLE, 1 / SHAPE)  # of the first term alone: a little too large
    for _ in range(6):  # Newton's method doubles the digits each time
        below = math.pow(x, SHAPE) * _series(x) / _WHOLE
        x -= (below - share) * _WHOLE * math.pow(x * (1 - x), 1 - SHAPE)
    return x


def _series(x: float) -> float:
    total = 0.0
    for term in reversed(_TERMS):
        total = total * x + term
    return total
