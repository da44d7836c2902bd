"""Weights: find, read, rename, load and convert checkpoints.

::

    loaded = load("sd-v1-4.ckpt", dtype="bfloat16")
    convert("sd-v1-4.ckpt", "sd-v1-4.safetensors", dtype="float16")

A checkpoint goes through ``source`` (its place), ``files`` (its tables of contents, read without running
anything), ``checkpoint`` (its layout and configuration) and ``match`` (every tensor by our name) to ``load``
or ``convert``. Layouts are tables; to add one, see :mod:`sdjp.weights.names.maps`.
"""

from sdjp.weights.convert import ConvertReport, convert, to_layout
from sdjp.weights.load import Loaded, LoadReport, load
from sdjp.weights.names.maps import MAPS
from sdjp.weights.on_demand import OnDemand
from sdjp.weights.source import EMBEDDED_MODEL, Source, locate

__all__ = [
    "EMBEDDED_MODEL",
    "MAPS",
    "ConvertReport",
    "LoadReport",
    "Loaded",
    "OnDemand",
    "Source",
    "convert",
    "load",
    "locate",
    "to_layout",
]
