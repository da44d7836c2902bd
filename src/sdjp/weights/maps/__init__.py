"""Tables that rename tensors between layouts.

How to add one:

1. Write ``<layout>.py`` here: a function ``rows(config)`` that yields ``(our module, their module, transform)`` for
   every module of the three networks; rows for modules that a config does not have do no harm. ``ldm.py`` is the
   model to follow.
2. Add one line to :data:`MAPS` below.
3. Run ``pytest tests/contract/test_maps.py``: it finds the new table by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sdjp.weights.keymap import Rows
from sdjp.weights.maps import diffusers, ldm

MAPS: Final[Mapping[str, Rows]] = {"ldm": ldm.rows, "diffusers": diffusers.rows}
