"""Reads the golden files of models: exact weights stored as small integers with exponents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdjp.config import ModelConfig
from sdjp.weights.names.keymap import compile_map, to_ours
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of

FOLDER = Path(__file__).parent / "golden"


class Golden:
    """One npz file."""

    def __init__(self, name: str) -> None:
        self.data = np.load(FOLDER / f"{name}.npz")
        self.meta: dict[str, Any] = json.loads(str(self.data["meta"]))

    def __getitem__(self, name: str) -> Tensor:
        return torch.from_numpy(self.data[name])

    def cases(self, leaf: str) -> list[str]:
        """The names of the cases that have ``leaf``."""
        return sorted({k.rsplit("/", 1)[0] for k in self.data.files if k.endswith(f"/{leaf}")})

    def weights(self, prefix: str = "") -> dict[str, Tensor]:
        """Name to tensor, float32."""
        codes = self.data[prefix + "weights_codes"].astype(np.float32)
        table = json.loads(str(self.data[prefix + "weights_table"]))
        out = {}
        for name, shape, exponent, offset in table:
            count = int(np.prod(shape))
            values = codes[offset : offset + count] * np.float32(2.0) ** exponent
            out[name] = torch.from_numpy(values).reshape(shape)
        return out


def fill(module: nn.Module, part: str, config: ModelConfig, prefix: str, weights: dict[str, Tensor]) -> None:
    """Put weights with original names (without ``prefix``) into ``module`` through the map."""
    names = {
        ours: name
        for ours, name in compile_map(MAPS["ldm"].rows(config), shapes_of(on_meta(config))).items()
        if ours.startswith(f"{part}.")
    }
    tensors = {prefix + name: tensor for name, tensor in weights.items()}
    assert tensors.keys() == {name.theirs for name in names.values()}
    state = {ours.removeprefix(f"{part}."): tensor for ours, tensor in to_ours(names, tensors).items()}
    module.load_state_dict(state, strict=True)
    module.eval().requires_grad_(False)
