"""The networks of Stable Diffusion v1 and its relatives in plain PyTorch, sized by :mod:`sdjp.config`.

How to add a text encoder:

1. Write a config with a ``kind`` of its own in ``config/specs.py`` and add it to ``TextConfig``.
2. Write the network here, with ``from_config`` and ``forward(ids)``, and with ``token_embedding`` where
   textual inversion may add to it; give it a line in :data:`TEXT_ENCODERS` and in :data:`TextEncoder`.
3. Give its tensors rows in a layout of :mod:`sdjp.weights.names.maps`, and its ``kind`` a place in the
   layout's ``texts``; add a small model with it to ``CONFIGS`` in ``tests/contract/test_maps.py``, and run
   it.
4. Give its words a tokenizer in :mod:`sdjp.weights.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sdjp.config import TextConfig
from sdjp.models.adapter import Adapter
from sdjp.models.bert import Bert
from sdjp.models.clip import CLIPText
from sdjp.models.controlnet import ControlNet
from sdjp.models.unet import UNet
from sdjp.models.vae import VAE, Gaussian
from sdjp.models.xlm_roberta import XLMRoberta

__all__ = [
    "TEXT_ENCODERS",
    "VAE",
    "Adapter",
    "Bert",
    "CLIPText",
    "ControlNet",
    "Gaussian",
    "TextEncoder",
    "UNet",
    "XLMRoberta",
    "make_text_encoder",
]

TextEncoder = CLIPText | Bert | XLMRoberta | Adapter
"""Token ids (B, L) to text states (B, L, D)."""

TEXT_ENCODERS: Final[Mapping[str, Callable[[Any], TextEncoder]]] = {
    "clip": CLIPText.from_config,
    "bert": Bert.from_config,
    "xlm_roberta": XLMRoberta.from_config,
    "adapter": Adapter.from_config,
}
"""``kind`` of a config to what builds its network."""


def make_text_encoder(config: TextConfig) -> TextEncoder:
    """Build the text encoder that ``config`` describes."""
    return TEXT_ENCODERS[config.kind](config)
