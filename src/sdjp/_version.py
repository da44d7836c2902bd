"""The version of sdjp, told once."""

__version__ = "0.1.0"
