"""States of a text encoder, remembered by the ids they were made of and by the weights that made them."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Hashable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from sdjp.lru import Lru
from sdjp.models.extended_embedding import ExtendedEmbedding

LIMIT: Final = 64_000_000
"""Bytes; 270 chunks of Stable Diffusion v1 in float32."""

Ids = tuple[tuple[int, ...], ...]
Fingerprint = tuple[tuple[Hashable, ...], ...]


class StateCache:
    """The states of batches of chunks; threads may share it.

    What is found is what the same weights gave for the same ids in the same batch: an encoder with LoRAs, one
    that was moved or converted, or whose weights were written to, is another one. (Torch does not count what
    is written through ``.data``: call :meth:`clear` then.) Encoders with vectors of their own, as textual
    inversion has them, are not remembered: they live for one run, and their ids mean something else in the
    next.

    Args:
        limit: Bytes of states, at most, on whatever device they are.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._states = Lru[tuple[int, torch.dtype | None, int, Ids], Tensor](limit, _bytes)
        self._numbers = itertools.count()
        self._seen: weakref.WeakKeyDictionary[nn.Module, tuple[Fingerprint, int]] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:  # a copy begins empty
        return type(self), (self._states.limit,)

    def __len__(self) -> int:
        return len(self._states)

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self._states.size

    def clear(self) -> None:
        """Forget everything."""
        self._states.clear()

    def states(self, model: nn.Module, ids: Ids, *, clip_skip: int = 1) -> Tensor:
        """Return what ``model`` gives for ``ids`` (N, L), without calling it where that is known.

        Args:
            model: The text encoder.
            ids: A batch of chunks.
            clip_skip: Which layer's states, where it is not the last's, 1; see ``CLIPText.forward``.

        Returns:
            (N, L, D); shared, not to be modified.
        """
        device = next(model.parameters()).device
        if torch.is_grad_enabled() or _lives_for_one_run(model):
            return _call(model, ids, device, clip_skip)
        kind = device.type
        autocast = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        key = (self._number(model), autocast, clip_skip, ids)
        known = self._states.get(key)
        if known is None:
            known = _call(model, ids, device, clip_skip)
            self._states.put(key, known)
        return known

    def _number(self, model: nn.Module) -> int:
        """A number that stands for these weights of this module, never for others."""
        now = _fingerprint(model)
        with self._lock:
            seen = self._seen.get(model)
            if seen is None or seen[0] != now:
                seen = self._seen[model] = (now, next(self._numbers))
            return seen[1]


def _call(model: nn.Module, ids: Ids, device: torch.device, clip_skip: int) -> Tensor:
    layer = {} if clip_skip == 1 else {"clip_skip": clip_skip}  # not every encoder lets one choose
    states: Tensor = model(torch.tensor(ids, device=device), **layer)
    return states


def _lives_for_one_run(model: nn.Module) -> bool:
    return isinstance(getattr(model, "token_embedding", None), ExtendedEmbedding)


def _fingerprint(model: nn.Module) -> Fingerprint:
    """A fingerprint of weights, another when they are replaced or written to.

    Weak references to their memory: unlike an address, one is never used again while it is kept.
    """
    return tuple(
        (
            StorageWeakRef(p.untyped_storage()),  # type: ignore[no-untyped-call]
            p.dtype,
            0 if p.is_inference() else p._version,
        )
        for p in itertools.chain(model.parameters(), model.buffers())
    )


def _bytes(key: Hashable, states: Tensor) -> int:
    return states.numel() * states.element_size()
