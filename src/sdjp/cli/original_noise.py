"""The random numbers of the original's scripts, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Stream:
    """The random numbers of the original: one generator for the whole run, seeded once, on the processor.

    A batch draws what it starts from, then one tensor of its whole shape for each step of DDIM (even where
    eta is 0 and it comes to nothing), one more with PLMS, and none with DPM-Solver: so the second batch
    depends on the sampler of the first.

    Args:
        seed: The seed.
        rows: Pictures in a whole batch.
        kept: For each draw that comes before the steps, whether it is done once and serves all batches.
    """

    def __init__(self, seed: int, *, rows: int, kept: Sequence[bool]) -> None:
        import torch

        self._generator = torch.Generator("cpu").manual_seed(seed)
        self._rows = rows
        self._kept = tuple(kept)
        self._shared: dict[int, Tensor] = {}
        self._calls = self._steps = 0
        self._shape: tuple[int, ...] = ()

    def __call__(self, shape: tuple[int, ...]) -> Tensor:
        """Draw the next tensor of a batch."""
        call, self._calls, self._shape = self._calls, self._calls + 1, shape
        if call >= len(self._kept) or not self._kept[call]:
            return self._draw(shape)
        if call not in self._shared:
            self._shared[call] = self._draw((self._rows, *shape[1:]))
        return self._shared[call][: shape[0]]

    def step(self, _: object) -> None:
        """Count a step."""
        self._steps += 1

    def finish(self, sampler: str) -> None:
        """End a batch: draw what the original would have drawn, too."""
        drawn = {"ddim": self._steps, "plms": self._steps + 1}.get(sampler, 0)
        for _ in range(len(self._kept) + drawn - self._calls):
            self._draw(self._shape)
        self._calls = self._steps = 0

    def _draw(self, shape: tuple[int, ...]) -> Tensor:
        import torch

        return torch.randn(shape, generator=self._generator, dtype=torch.float32)
