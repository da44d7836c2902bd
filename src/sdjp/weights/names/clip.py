"""CLIP's names in files of Hugging Face, which the original and diffusers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sdjp.weights.names.keymap import Row, rows_of

LAYER: Final = (
    ("norm_attention", "layer_norm1"),
    ("attention.q", "self_attn.q_proj"),
    ("attention.k", "self_attn.k_proj"),
    ("attention.v", "self_attn.v_proj"),
    ("attention.out", "self_attn.out_proj"),
    ("norm_mlp", "layer_norm2"),
    ("mlp_in", "mlp.fc1"),
    ("mlp_out", "mlp.fc2"),
)
"""Modules of one transformer layer, of texts and of pictures: here, and there."""


def text_rows(theirs: str, layers: int) -> Iterator[Row]:
    """Yield a row for every module of a text encoder whose names begin with ``theirs``."""
    yield Row("text.token_embedding", theirs + "embeddings.token_embedding")
    yield Row("text.position_embedding", theirs + "embeddings.position_embedding")
    yield Row("text.norm_out", theirs + "final_layer_norm")
    for n in range(layers):
        yield from rows_of(f"text.layers.{n}", f"{theirs}encoder.layers.{n}", LAYER)
