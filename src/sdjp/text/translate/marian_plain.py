"""A Marian model run by sdjp's own code, with the face of transformers', without seconds of its import.

It takes folders with one ``model.safetensors``. torch loads with this module: import it inside functions.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from sdjp.models.beam_search import beam_search
from sdjp.models.marian import Marian, MarianConfig
from sdjp.text.translate.marian_tokenizer import PlainTokenizer


class PlainMarian:
    """The network of a folder.

    Args:
        network: The network.
    """

    def __init__(self, network: Marian) -> None:
        self.network = network
        self.config = network.config

    def generate(self, *, do_sample: bool = False, use_cache: bool = True, **rules: Any) -> Tensor:
        """Write by beam search; see :func:`~sdjp.models.beam_search.beam_search`."""
        return beam_search(self.network, **rules)


def load_plain(
    folder: Path, *, device: torch.device | str, dtype: torch.dtype
) -> tuple[PlainMarian, PlainTokenizer]:
    """Load the network and the vocabularies of a folder."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = MarianConfig(**{field.name: settings[field.name] for field in fields(MarianConfig)})
    weights = load_file(folder / "model.safetensors")
    network = Marian(config, {name: tensor.to(device, dtype) for name, tensor in weights.items()})
    return PlainMarian(network), PlainTokenizer(folder, pad_token_id=config.pad_token_id)
