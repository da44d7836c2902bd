"""From text to the states that condition the UNet."""

from sdjp.conditioning.memory import Memory
from sdjp.conditioning.reading import read_as
from sdjp.conditioning.translated import emphasise, encode

__all__ = ["Memory", "emphasise", "encode", "read_as"]
