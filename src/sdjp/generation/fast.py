"""The guided UNet of one run, and what it may leave out to be fast: guidance outside an interval, tokens,
the deep part at most steps. And what it may take note of: what its cross-attention looks at.

What it leaves out is lossy, and all of it is off unless it is asked for. State is that of one batch of one
run: the networks know nothing of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdjp.errors import InputError
from sdjp.models.token_merging import Merge
from sdjp.models.unet import DeepFeatures
from sdjp.samplers import classifier_free
from sdjp.samplers.tiles import windows

if TYPE_CHECKING:
    from torch import Tensor

    from sdjp.engines import Engine
    from sdjp.generation.job import Job
    from sdjp.models.attention_maps import AttentionMaps
    from sdjp.options import ResolvedOptions


class GuidedUNet:
    """The guided UNet of one run, taking the shortcuts that its options name.

    With none of them it is :func:`sdjp.samplers.classifier_free`.

    Args:
        unet: x (B, C, h, w), t (B,), context (B, M, D) to (B, C, h, w); with shortcuts it is given keyword
            arguments of ``UNet.forward``, too.
        cond: Text states (B, M, D).
        uncond: States of the negative prompt, likewise.
        job: The run.
        maps: Where the attention to each token of ``cond`` is added up; None: nowhere.
    """

    def __init__(
        self,
        unet: Callable[..., Tensor],
        cond: Tensor,
        uncond: Tensor,
        job: Job,
        maps: AttentionMaps | None = None,
    ) -> None:
        options = job.options
        self._unet, self._steps = unet, len(job.plan)
        self._interval = options.guidance_interval
        self._merging, self._every = options.token_merging, options.feature_reuse
        self._guided = classifier_free(self._ask, cond, uncond, options.guidance_scale)
        self._plain = classifier_free(self._ask, cond, None, 1)
        tile = max(job.shape[1:]) if job.tile is None else job.tile
        rows, columns = (windows(side, tile, job.overlap) for side in job.shape[1:])
        self._tiles = list(itertools.product(rows, columns))
        self._maps = maps
        self._deep: dict[int, DeepFeatures] = {}  # by tile
        self._step = self._calls = 0  # steps of the run done; calls within this step

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Predict for x (B, C, h, w) at t; see :data:`sdjp.samplers.base.Denoise`."""
        guided = self._interval is None or _meets(self._interval, self._step, self._steps)
        answer = (self._guided if guided else self._plain)(x, t)
        self._calls += 1
        return answer

    def next_step(self) -> None:
        """Take note that a step is done. A sampler may have asked more than once in it, and for each tile."""
        self._step, self._calls = self._step + 1, 0

    def _ask(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        taken: dict[str, Any] = {}
        if self._merging > 0:
            taken["merge"] = Merge(self._merging, (x.shape[-2], x.shape[-1]), self._step)
        if self._every > 1:
            taken["deep"] = self._features(self._calls % len(self._tiles), len(x))
        if self._maps is not None:
            taken["maps"] = self._maps.window(*self._tiles[self._calls % len(self._tiles)])
        return self._unet(x, t, context, **taken)

    def _features(self, tile: int, rows: int) -> DeepFeatures:
        """The known deep features of a tile, for as many rows as are asked; empty if they are due."""
        x = self._deep[tile].x if tile in self._deep and self._step % self._every != 0 else None
        if x is not None and len(x) != rows:
            # Guidance ended: the conditional half is known, and comes last. It began: nothing is known.
            x = x[rows:] if len(x) == 2 * rows else None
        self._deep[tile] = DeepFeatures(x)
        return self._deep[tile]


def check_engine(engine: Engine, options: ResolvedOptions) -> None:
    """Refuse shortcuts through the network, and a look into it, where an engine has it as a whole.

    Raises:
        InputError: If ``options`` ask for one, and the engine takes none.
    """
    if engine.shortcuts:
        return
    if options.attention:
        raise InputError(
            "engine.attention",
            ja=f"engine={engine.name!r} では、どの語がどこを描いたか（attention）を記録できません。"
            "engine を 'packed' か 'eager' にしてください。",
            en=f"which word drew what (attention) cannot be recorded with engine={engine.name!r}. "
            "Use engine 'packed' or 'eager'.",
        )
    if options.token_merging == 0 and options.feature_reuse == 1:
        return
    raise InputError(
        "engine.shortcuts",
        ja=f"engine={engine.name!r} では token_merging と feature_reuse を使えません。engine を 'packed' か "
        "'eager' にするか、token_merging=0、feature_reuse=1 を指定してください。",
        en=f"token_merging and feature_reuse cannot be used with engine={engine.name!r}. Use engine 'packed' "
        "or 'eager', or token_merging=0 and feature_reuse=1.",
    )


def _meets(interval: tuple[float, float], step: int, steps: int) -> bool:
    """Whether a step meets an interval; it takes step / steps to (step + 1) / steps of the run."""
    low, high = interval
    return step / steps < high and low < (step + 1) / steps
