"""Copies of networks in which some weights are others; all the rest is shared, and nothing is written to."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TypeVar

from torch import Tensor, nn

from sdjp.addons.lora import Change, Lora

M = TypeVar("M", bound=nn.Module)


def patched(network: M, part: str, loras: Iterable[tuple[Lora, float]]) -> M:
    """Return ``network`` with LoRAs applied; itself, if none of them changes it.

    Every weight is computed from the untouched one in float32 and rounded once, whatever the number of LoRAs.

    Args:
        network: The network without LoRA.
        part: What its names begin with: ``"unet"`` or ``"text"``.
        loras: LoRAs with their weights; a weight of 0 changes nothing.
    """
    prefix = f"{part}."
    changes: dict[str, list[tuple[Change, float]]] = {}
    for lora, weight in loras:
        for name, change in lora.changes.items():
            if weight != 0 and name.startswith(prefix):
                changes.setdefault(name.removeprefix(prefix), []).append((change, weight))
    base = dict(network.named_parameters())
    return with_weights(network, {name: _changed(base[name], of_one) for name, of_one in changes.items()})


def _changed(base: Tensor, changes: Iterable[tuple[Change, float]]) -> Tensor:
    total = base.detach().float()
    for change, weight in changes:
        total = total + weight * change.delta(base.device)
    return total.to(base.dtype)


def with_weights(network: M, changed: Mapping[str, Tensor]) -> M:
    """Return a copy of ``network`` that shares all tensors but ``changed``; itself, if there are none."""
    if not changed:
        return network
    memo = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    twin = copy.deepcopy(network, memo)
    for name, tensor in changed.items():
        module, _, leaf = name.rpartition(".")
        setattr(twin.get_submodule(module), leaf, nn.Parameter(tensor, requires_grad=False))
    return twin
