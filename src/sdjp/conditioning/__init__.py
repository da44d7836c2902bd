"""From text to the states that condition the UNet."""

from sdjp.conditioning.translated import emphasise, encode

__all__ = ["emphasise", "encode"]
