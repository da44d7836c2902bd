"""Ways to write bits into pixels; what to write, and what to say about it, is for watermark.py.

::

    method = METHODS["spread"]
    marked = method.embed(pixels, method.frame(b"text"))
    method.reader(marked)(8 * 8)     # the bits of 8 bytes: the text and its CRC-32

How to add one:

1. Write ``<name>.py`` here: a frozen dataclass that is a :class:`Method`. It needs its packages only in
   ``require``, ``embed`` and ``reader``.
2. Add one line to :data:`METHODS` below. The order of the lines is the order in which methods are tried where
   the one before cannot be read back.
3. Add its name to ``WatermarkMethod`` in ``sdjp/choices.py`` (which loads nothing heavy).
4. Add it to the tables of docs/ja/watermark.md and docs/en/watermark.md: ``examples/bench/watermark.py``
   measures it.
5. Run ``pytest tests/contract/test_marking.py``: it finds the new one by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sdjp.postprocess.marking.base import Bits, Method, Pixels, Reader, to_bits, to_bytes
from sdjp.postprocess.marking.dwt_dct import ImWatermark
from sdjp.postprocess.marking.spread import Spread

__all__ = ["METHODS", "Bits", "Method", "Pixels", "Reader", "to_bits", "to_bytes"]

METHODS: Final[Mapping[str, Method]] = {
    "dwtDct": ImWatermark("dwtDct"),
    "dwtDctSvd": ImWatermark("dwtDctSvd"),
    "spread": Spread(),
}
