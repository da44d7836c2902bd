"""Weights: read, rename, load and convert checkpoints.

To add a layout, see :mod:`sdjp.weights.maps`.
"""

from sdjp.weights.convert import convert, save_checkpoint, save_diffusers, to_layout
from sdjp.weights.load import EMBEDDED, Loaded, LoadReport, load
from sdjp.weights.maps import MAPS

__all__ = [
    "EMBEDDED",
    "MAPS",
    "LoadReport",
    "Loaded",
    "convert",
    "load",
    "save_checkpoint",
    "save_diffusers",
    "to_layout",
]
