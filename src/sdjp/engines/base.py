"""Engines: they run the two networks that take nearly all the time.

An engine never writes to the networks it is given. What it makes of them (weights in another order, a
compiled program) is kept beside them, and made anew once their weights have been written to.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from sdjp.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from sdjp.models import VAE, ControlNet, UNet

T = TypeVar("T")
NETWORKS: Final = 2  # of a pipeline with and without its LoRAs
CONTROLS: Final = 4  # ControlNets that a run has, as a rule


class Engine(Protocol):
    """Runs networks; made for the device and the dtype that they have. Subclass it, to have what is optional.

    Attributes:
        name: The registry name.
        shortcuts: Whether what :meth:`unet` returns takes the keyword arguments of ``UNet.forward``, too.
    """

    name: str
    shortcuts: bool

    def unet(self, unet: UNet) -> Callable[..., Tensor]:
        """Return what predicts like ``unet``: x (B, C, h, w), t (B,), context (B, M, D) to (B, C, h, w)."""
        ...

    def decoder(self, vae: VAE) -> Callable[[Tensor], Tensor]:
        """Return what decodes like ``vae.decode``: z (B, C, h, w) to pixels (B, 3, H, W)."""
        ...

    def control(self, network: ControlNet) -> Callable[..., list[Tensor]]:
        """Return what answers like a ControlNet; called only where there are :attr:`shortcuts`."""
        return network

    def own(self, unet: UNet, forget: Callable[[str], None]) -> None:
        """Be told that nobody reads the weights of ``unet`` until :meth:`give_back`: an engine that lays them
        out anew need not keep them twice. It calls ``forget`` with the name of each that it lets go.
        """

    def give_back(self, unet: UNet) -> None:
        """Have the weights of ``unet`` be what they were, for good, bit by bit."""


def require_cpu(name: str, device: torch.device) -> None:
    """Refuse an engine that runs on the CPU alone.

    Raises:
        InputError: If ``device`` is another.
    """
    if device.type != "cpu":
        raise InputError(
            "engine.device",
            ja=f"engine={name!r} は CPU で動きます（device は {device} です）。"
            "device='cpu' か engine='eager' を指定してください。",
            en=f"engine={name!r} runs on the CPU, and the device is {device}: "
            "use device='cpu' or engine='eager'.",
        )


def channels_last(run: Callable[..., T]) -> Callable[..., T]:
    """Have ``run`` take its pictures with the channels beside one another in memory: what convolutions and
    transformers both read best on a CPU, without copies of whole maps.
    """
    import torch

    return lambda x, *others, **shortcuts: run(
        x.contiguous(memory_format=torch.channels_last), *others, **shortcuts
    )


def writes(network: nn.Module) -> int:
    """Return a number that grows whenever a weight is written to; torch counts it (not in inference mode)."""
    return sum(0 if p.is_inference() else p._version for p in network.parameters())


class WeightCache(Generic[T]):
    """A cache of things made of networks (packed weights, a program), by the version of their weights.

    Args:
        make: ``make(network, *key)``; ``key`` is whatever else the result depends on.
        most: So many are kept.
    """

    def __init__(self, make: Callable[..., T], *, most: int = NETWORKS) -> None:
        self._make, self._most = make, most
        self._made: OrderedDict[tuple[Any, ...], tuple[nn.Module, int, T]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, network: nn.Module, *key: Any) -> T:
        """Return what ``make`` gave for this network, or call it."""
        place = (id(network), *key)
        with self._lock:
            now = writes(network)
            known = self._made.get(place)
            if known is None or known[0] is not network or known[1] != now:
                self._made[place] = (network, now, self._make(network, *key))
            self._made.move_to_end(place)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
            return self._made[place][2]
