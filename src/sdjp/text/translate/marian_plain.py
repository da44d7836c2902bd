"""A Marian model run by sdjp's own code, with the face of transformers', without seconds of its import.

It takes folders with a ``model.safetensors`` or a ``pytorch_model.bin``. NumPy loads with this module: import
it inside functions.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open

from sdjp.text.translate.beam_search import beam_search
from sdjp.text.translate.marian_layers import Weights
from sdjp.text.translate.marian_network import Ids, Marian, MarianConfig
from sdjp.text.translate.marian_tokenizer import PlainTokenizer

_NUMPYS: Final = frozenset(["F16", "F32", "F64"])
"""Kinds of numbers that NumPy knows; bfloat16 is none."""


class PlainMarian:
    """The network of a folder.

    Args:
        network: The network.
    """

    def __init__(self, network: Marian) -> None:
        self.network = network
        self.config = network.config

    def generate(self, **rules: Any) -> Ids:
        """Write by beam search; for the rules see :func:`~sdjp.text.translate.beam_search.beam_search`."""
        return beam_search(self.network, **rules)


def load_plain(folder: Path) -> tuple[PlainMarian, PlainTokenizer]:
    """Load the network and the vocabularies of a folder."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = MarianConfig(**{field.name: settings[field.name] for field in fields(MarianConfig)})
    network = Marian(config, read_weights(folder))
    return PlainMarian(network), PlainTokenizer(folder, pad_token_id=config.pad_token_id)


def read_weights(folder: Path) -> Weights:
    """Read the tensors of a folder; torch is imported for files that only it can read."""
    path = folder / "model.safetensors"
    if not path.exists() and (folder / "pytorch_model.bin").exists():
        return _by_torch(folder / "pytorch_model.bin")
    with safe_open(path, framework="np") as file:
        names = list(file.keys())
        if not {file.get_slice(name).get_dtype() for name in names} <= _NUMPYS:
            return _by_torch(path)
        return {name: file.get_tensor(name) for name in names}


def _by_torch(path: Path) -> Weights:
    """Tensors by name, in float32."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        tensors = load_file(path)
    else:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.float().numpy() for name, tensor in tensors.items()}
