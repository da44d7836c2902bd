"""The guided UNet of one run, and what it may leave out to be fast: guidance outside an interval, tokens,
the deep part at most steps. And what it may take note of: what its cross-attention looks at.

What it leaves out is lossy, and all of it is off unless it is asked for. State is that of one batch of one
run: the networks know nothing of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdjp.errors import InputError
from sdjp.models.token_merging import Merge
from sdjp.models.unet import DeepFeatures
from sdjp.samplers import classifier_free, composable
from sdjp.samplers.tiles import windows

if TYPE_CHECKING:
    from torch import Tensor

    from sdjp.engines import Engine
    from sdjp.generation.composition import Composition
    from sdjp.generation.controls import Hint
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
        acting: The ControlNets of a step and a tile, for ``unet`` to take; None: there are none.
        composition: Which of the states condition which picture at which step; None: row i conditions picture
            i at all of them.
    """

    def __init__(
        self,
        unet: Callable[..., Tensor],
        cond: Tensor,
        uncond: Tensor,
        job: Job,
        maps: AttentionMaps | None = None,
        acting: Callable[[int, int], Any] | None = None,
        *,
        composition: Composition | None = None,
    ) -> None:
        options = job.options
        self._unet, self._steps, self._acting = unet, len(job.plan), acting
        self._interval = options.guidance_interval
        self._merging, self._every = options.token_merging, options.feature_reuse
        self._scale = options.guidance_scale
        tile = max(job.shape[1:]) if job.tile is None else job.tile
        rows, columns = (windows(side, tile, job.overlap) for side in job.shape[1:])
        self._tiles = list(itertools.product(rows, columns))
        self._maps = maps
        self._deep: dict[int, DeepFeatures] = {}  # by tile
        self._step = self._calls = 0  # steps of the run done; calls within this step
        self._states, self._composition, self._before = (cond, uncond), composition, job.steps_before
        self._rows: tuple[list[int], list[int]] | None = None  # of the states, at this step
        self._guiding = True
        self._of: dict[int, list[int]] = {}  # the rows of the states that deep features are of, by tile
        if composition is None:
            self._condition(cond, uncond)
        else:
            self._compose(composition)

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Predict for x (B, C, h, w) at t; see :data:`sdjp.samplers.base.Denoise`."""
        guided = self._interval is None or _meets(self._interval, self._step, self._steps)
        if guided and not self._guiding:
            self._deep.clear()  # where guidance begins, nothing is known
        self._guiding = guided
        answer = (self._guided if guided else self._plain)(x, t)
        self._calls += 1
        return answer

    def next_step(self) -> None:
        """Take note that a step is done. A sampler may have asked more than once in it, and for each tile."""
        self._step, self._calls = self._step + 1, 0
        if self._composition is not None and self._step < self._steps:
            self._compose(self._composition)

    def _condition(self, cond: Tensor, uncond: Tensor) -> None:
        self._guided = classifier_free(self._ask, cond, uncond, self._scale)
        self._plain = classifier_free(self._ask, cond, None, 1)

    def _compose(self, composition: Composition) -> None:
        """Take the states of this step."""
        rows = composition.at(self._before + self._step + 1)
        if rows == self._rows:
            return
        self._rows = rows
        cond, uncond = (states[chosen] for states, chosen in zip(self._states, rows, strict=True))
        if composition.joined:
            weights = composition.weights
            self._guided = composable(self._ask, cond, uncond, weights, self._scale)
            self._plain = composable(self._ask, cond, uncond, weights, 1)
        else:
            self._condition(cond, uncond)

    def _ask(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        taken: dict[str, Any] = {}
        tile = self._calls % len(self._tiles)
        if self._acting is not None:
            taken["acting"] = self._acting(self._step, tile)
        if self._merging > 0:
            taken["merge"] = Merge(self._merging, (x.shape[-2], x.shape[-1]), self._step)
        if self._maps is not None:
            taken["maps"] = self._maps.window(*self._tiles[tile])
        if self._every > 1:
            return self._reuse(x, t, context, **taken)
        return self._unet(x, t, context, **taken)

    def _reuse(self, x: Tensor, t: Tensor, context: Tensor, **taken: Any) -> Tensor:
        """Ask with the deep features of an earlier step, but for rows whose states are others since then."""
        tile = self._calls % len(self._tiles)
        deep = self._features(tile, len(x))
        known, now = self._of.get(tile, []), self._conditions()
        self._of[tile] = now
        # Where guidance ended, the unconditional rows are gone: those that are left come last.
        anew = [i for i in range(-len(x), 0) if known[i] != now[i]] if known and deep.x is not None else []
        if not anew:
            return self._unet(x, t, context, deep=deep, **taken)
        import torch

        kept = [i for i in range(-len(x), 0) if i not in anew]
        assert deep.x is not None
        parts = [(anew, DeepFeatures()), *([(kept, DeepFeatures(deep.x[kept]))] if kept else [])]
        out = [self._unet(x[i], t[i], context[i], deep=own, **taken) for i, own in parts]
        order = torch.tensor([*anew, *kept]).argsort().to(x.device)
        deep.x = torch.cat([own.x for _, own in parts if own.x is not None])[order]
        return torch.cat(out)[order]

    def _conditions(self) -> list[int]:
        """What conditions each row of a guided batch: a row of the states, below 0 for unconditional ones."""
        cond, uncond = self._rows or ([], [])
        return [*(-1 - row for row in uncond), *cond]

    def _features(self, tile: int, rows: int) -> DeepFeatures:
        """The known deep features of a tile, for as many rows as are asked; empty if they are due."""
        x = self._deep[tile].x if tile in self._deep and self._step % self._every != 0 else None
        if x is not None and len(x) != rows:
            x = x[rows:]  # guidance ended: the conditional half is known, and comes last
        self._deep[tile] = DeepFeatures(x)
        return self._deep[tile]


def check_engine(engine: Engine, options: ResolvedOptions, controls: Sequence[Hint] = ()) -> None:
    """Refuse shortcuts through the network, looks into it and additions where an engine has it as a whole.

    Raises:
        InputError: If ``options`` ask for one, or there are ControlNets, and the engine takes none.
    """
    if engine.shortcuts:
        return
    if controls:
        raise InputError(
            "engine.controls",
            ja=f"engine={engine.name!r} では ControlNet（controls）を使えません。engine を 'packed' か "
            "'eager' にしてください。",
            en=f"a ControlNet (controls) cannot be used with engine={engine.name!r}. "
            "Use engine 'packed' or 'eager'.",
        )
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
