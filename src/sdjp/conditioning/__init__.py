"""From text to the states that condition the UNet."""

from sdjp.conditioning.cache import Memory
from sdjp.conditioning.encode import emphasise, encode
from sdjp.conditioning.reading import read_as

__all__ = ["Memory", "emphasise", "encode", "read_as"]
