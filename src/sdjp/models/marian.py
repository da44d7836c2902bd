"""The Marian network (Junczys-Dowmunt et al. 2018, arXiv 1804.00344), as functions of its tensors.

It is that of Vaswani et al. 2017 (arXiv 1706.03762) with the norms behind the sums; tensors have the names of
transformers' ``MarianMTModel``.

Axes: B sentences, R rows that are written (B of them, or B K with K beams), L pieces of the source, M pieces
written, H heads, D width, V pieces of the other language.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

KeysAndValues = tuple[Tensor, Tensor]
"""Of one attention, (R, H, M, D / H) or (B, H, L, D / H) each."""

_ACTIVATIONS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "swish": F.silu,
    "silu": F.silu,
    "gelu": F.gelu,
    "relu": F.relu,
}


@dataclass(frozen=True)
class MarianConfig:
    """The sizes and special pieces of a network; the names are transformers'."""

    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    decoder_attention_heads: int
    activation_function: str
    scale_embedding: bool
    max_position_embeddings: int
    eos_token_id: int
    pad_token_id: int
    decoder_start_token_id: int


class Marian:
    """The network.

    Args:
        config: Its sizes.
        weights: Its tensors by name, on one device and in one dtype. Where both languages have one table of
            pieces, it may stand there as ``model.shared.weight`` alone.
    """

    def __init__(self, config: MarianConfig, weights: Mapping[str, Tensor]) -> None:
        self.config = config
        self._w = dict(weights)
        shared = self._w.get("model.shared.weight")
        for side in ("encoder", "decoder"):
            name = f"model.{side}.embed_tokens.weight"
            if name not in self._w and shared is not None:
                self._w[name] = shared
        places = positions(config.max_position_embeddings, config.d_model)
        self.positions = places.to(self._w["model.encoder.embed_tokens.weight"])

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._w[f"{name}.weight"], self._w[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self._w[f"{name}.weight"], self._w[f"{name}.bias"])

    def _feed_forward(self, x: Tensor, name: str) -> Tensor:
        inner = _ACTIVATIONS[self.config.activation_function](self._linear(x, f"{name}.fc1"))
        return self._norm(x + self._linear(inner, f"{name}.fc2"), f"{name}.final_layer_norm")

    def _embed(self, ids: Tensor, side: str, first: int = 0) -> Tensor:
        x = F.embedding(ids, self._w[f"model.{side}.embed_tokens.weight"])
        if self.config.scale_embedding:
            x = x * math.sqrt(self.config.d_model)
        return x + self.positions[first : first + ids.shape[1]]

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids (B, L) and mask (B, L) bool of what is no padding to states (B, L, D)."""
        heads = self.config.encoder_attention_heads
        x = self._embed(ids, "encoder")
        for n in range(self.config.encoder_layers):
            name = f"model.encoder.layers.{n}"
            q, k, v = (_split(self._linear(x, f"{name}.self_attn.{p}_proj"), heads) for p in "qkv")
            mixed = _join(F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None]))
            x = x + self._linear(mixed, f"{name}.self_attn.out_proj")
            x = self._feed_forward(self._norm(x, f"{name}.self_attn_layer_norm"), name)
        return x

    def memory(self, states: Tensor) -> list[KeysAndValues]:
        """Map the states of a source (B, L, D) to what each layer of the decoder attends to."""
        heads = self.config.decoder_attention_heads
        names = [f"model.decoder.layers.{n}.encoder_attn" for n in range(self.config.decoder_layers)]
        return [
            (
                _split(self._linear(states, f"{n}.k_proj"), heads),
                _split(self._linear(states, f"{n}.v_proj"), heads),
            )
            for n in names
        ]

    def decode(
        self,
        ids: Tensor,
        place: int,
        written: list[KeysAndValues],
        memory: Sequence[KeysAndValues],
        mask: Tensor,
    ) -> Tensor:
        """Map the last piece of each row to its state (R, D).

        Args:
            ids: The pieces (R,), rows of one sentence side by side.
            place: Where they stand.
            written: Keys and values of the pieces before, for each layer; those of ``ids`` are added.
            memory: Keys and values of the source, for each layer.
            mask: Of the source, (B, L) bool.
        """
        heads, sentences = self.config.decoder_attention_heads, len(mask)
        x = self._embed(ids[:, None], "decoder", place)  # (R, 1, D)
        for n in range(self.config.decoder_layers):
            name = f"model.decoder.layers.{n}"
            q, k, v = (_split(self._linear(x, f"{name}.self_attn.{p}_proj"), heads) for p in "qkv")
            if place:
                k, v = (torch.cat([old, new], dim=2) for old, new in zip(written[n], (k, v), strict=True))
            written[n] = k, v
            mixed = _join(F.scaled_dot_product_attention(q, k, v))
            x = x + self._linear(mixed, f"{name}.self_attn.out_proj")
            x = self._norm(x, f"{name}.self_attn_layer_norm")
            # The rows of a sentence are its queries: nothing of the source is copied for them.
            q = self._linear(x, f"{name}.encoder_attn.q_proj").reshape(
                sentences, -1, x.shape[-1]
            )  # (B, K, D)
            mixed = F.scaled_dot_product_attention(
                _split(q, heads), *memory[n], attn_mask=mask[:, None, None]
            )
            mixed = _join(mixed).flatten(0, 1)[:, None]  # (R, 1, D)
            x = x + self._linear(mixed, f"{name}.encoder_attn.out_proj")
            x = self._norm(x, f"{name}.encoder_attn_layer_norm")
            x = self._feed_forward(x, name)
        return x[:, 0]

    def log_probs(self, states: Tensor) -> Tensor:
        """Map states (R, D) to log-probabilities of the next piece (R, V) float32; none of padding."""
        logits = F.linear(states, self._w["model.decoder.embed_tokens.weight"])
        logits = logits + self._w["final_logits_bias"]
        logits[:, self.config.pad_token_id] = -math.inf
        return logits.float().log_softmax(dim=-1)


def _split(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)  # (B, L, D) to (B, H, L, D / H)


def _join(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)  # (B, H, L, D / H) to (B, L, D)


def positions(count: int, width: int) -> Tensor:
    """Sinusoids (count, width), the sines in the first half of the channels, the cosines in the second."""
    rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()
