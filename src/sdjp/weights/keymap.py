"""The engine behind the tables in ``maps/``: tensor names from ours to theirs and back, completely.

A map gives rows ``(our module, their module, transform)`` for a config. A row covers the ``weight`` and ``bias`` of
its module. Compiling the rows against the tensors that a model really has makes sure that nothing is left over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from sdjp.config import ModelConfig
from sdjp.models import VAE, CLIPText, UNet

Transform = Literal["none", "linear"]
"""``"linear"``: theirs is a linear layer (out, in) where ours is a 1×1 convolution (out, in, 1, 1)."""
Row = tuple[str, str, Transform]
Rows = Callable[[ModelConfig], Iterable[Row]]
COMPONENTS: Final = ("unet", "vae", "text")


@dataclass(frozen=True)
class Name:
    """Where one tensor lives in another layout, and its shape there."""

    theirs: str
    transform: Transform
    shape: tuple[int, ...]


def build_on_meta(config: ModelConfig) -> dict[str, torch.nn.Module]:
    """The three networks without any memory for their tensors."""
    with torch.device("meta"):
        return {
            "unet": UNet.from_config(config.unet),
            "vae": VAE.from_config(config.vae),
            "text": CLIPText.from_config(config.text),
        }


def compile_map(rows: Rows, config: ModelConfig) -> dict[str, Name]:
    """Return our full tensor name (``"unet.conv_in.weight"``) to theirs, for every tensor of ``config``."""
    table = {ours: (theirs, transform) for ours, theirs, transform in rows(config)}
    names: dict[str, Name] = {}
    for component, module in build_on_meta(config).items():
        for key, tensor in module.state_dict().items():
            ours, _, leaf = f"{component}.{key}".rpartition(".")
            theirs, transform = table[ours]
            shape = tuple(tensor.shape)
            if transform == "linear" and len(shape) == 4:
                shape = shape[:2]
            names[f"{ours}.{leaf}"] = Name(f"{theirs}.{leaf}", transform, shape)
    return names


def to_theirs(names: Mapping[str, Name], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and reshape our tensors."""
    return {names[k].theirs: t.reshape(names[k].shape) for k, t in tensors.items()}


def to_ours(name: Name, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Reshape one of their tensors to our ``shape``."""
    return tensor.reshape(shape) if name.transform == "linear" else tensor
