"""Scenes: what the embedded model is to draw, as pictures and in words."""
