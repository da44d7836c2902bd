"""Networks whose weights are in memory only while they are used.

The modules stay what they are, with their names, shapes, dtype and device; what comes and goes is the memory
behind their tensors. While they are away, each tensor is a single zero that stands at every place.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sdjp.device import plain_tensors


@dataclass
class _Part:
    """One network, how to read a tensor of it, and how many use it now."""

    network: nn.Module
    read: Callable[[str], Tensor]
    give_back: Callable[[str], None]
    users: int = 0


class OnDemand:
    """Reads the weights of networks when they are called, and forgets them after; may be shared by threads.

    A call of a network brings its weights by itself; :meth:`loaded` has them stay for several calls. Networks
    that were not added are left alone, so that an empty one does nothing.
    """

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """An empty one is copied as an empty one.

        Raises:
            TypeError: If it has networks: their files and the count of their users are of this process.
        """
        if self._parts:
            raise TypeError("networks that are read on demand cannot be copied or pickled")
        return type(self), ()

    def __contains__(self, part: str) -> bool:
        return part in self._parts

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(
        self,
        part: str,
        network: nn.Module,
        read: Callable[[str], Tensor],
        *,
        give_back: Callable[[str], None],
        dtype: Callable[[str], torch.dtype],
        device: torch.device,
    ) -> None:
        """Take charge of a network on the meta device.

        Args:
            part: What :meth:`loaded` calls it.
            network: The network.
            read: Reads a tensor by its name in ``network``, in its dtype and on its device.
            give_back: Called for each tensor that is not used any more.
            dtype: Dtype of each tensor.
            device: Where they go.
        """
        absent = {
            name: torch.zeros((), dtype=dtype(name), device=device).expand(tensor.shape)
            for name, tensor in network.state_dict().items()
        }
        network.load_state_dict(absent, strict=True, assign=True)
        network.eval().requires_grad_(False)
        entry = _Part(network, read, give_back)
        self._parts[part] = entry
        # Plain functions: copies of the network share them, and with them the count of users.
        network.register_forward_pre_hook(lambda *_: self._take(entry))
        network.register_forward_hook(lambda *_: self._leave(entry), always_call=True)

    @contextlib.contextmanager
    def loaded(self, *parts: str) -> Iterator[None]:
        """Have the weights of ``parts`` in memory for the time of a ``with`` block."""
        in_use: list[_Part] = []
        try:
            for part in parts:
                if part in self._parts:
                    self._take(self._parts[part])
                    in_use.append(self._parts[part])
            yield
        finally:
            for entry in in_use:
                self._leave(entry)

    def _take(self, part: _Part) -> None:
        with self._lock:
            if part.users == 0:
                with plain_tensors():
                    for name, tensor in _tensors(part.network):
                        tensor.data = part.read(name)
            part.users += 1

    def _leave(self, part: _Part) -> None:
        with self._lock:
            part.users -= 1
            if part.users > 0:
                return
            with plain_tensors():
                for name, tensor in _tensors(part.network):
                    tensor.data = tensor.data.new_zeros(()).expand(tensor.shape)
                    part.give_back(name)


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.state_dict(keep_vars=True).items()
