"""Networks from their specs: every number of a spec that a network takes, under the same name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def from_spec(network: Callable[..., T], spec: object, **others: object) -> T:
    """Build a network.

    Args:
        network: Its class.
        spec: A dataclass of :mod:`sdjp.config`. Fields that the network does not take (``kind``) are not
            asked.
        **others: What the spec does not have, or has otherwise.
    """
    names = inspect.signature(network).parameters.keys() & vars(spec).keys()
    return network(**{**{name: getattr(spec, name) for name in names}, **others})
