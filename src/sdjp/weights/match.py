"""Compare what a model needs with what a checkpoint has, completely, and read tensors under our names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sdjp.errors import WeightsError
from sdjp.weights.checkpoint import Checkpoint, Ema, Stored
from sdjp.weights.names.compare import compare
from sdjp.weights.names.keymap import Layout, compile_map
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import Networks, on_meta, shapes_of


@dataclass(frozen=True, kw_only=True)
class Match:
    """A checkpoint in which every tensor of its model was found.

    Attributes:
        checkpoint: Where the tensors are.
        networks: The model, still without weights.
        shapes: Our name and shape of each tensor.
        tensors: Our name to the tensor in the file.
        ema_used: Whether the averaged weights were chosen.
        ignored: Names in the file that were not chosen.
    """

    checkpoint: Checkpoint
    networks: Networks
    shapes: Mapping[str, tuple[int, ...]]
    tensors: Mapping[str, Stored]
    ema_used: bool
    ignored: tuple[str, ...]

    def read(
        self, ours: str, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        """Read one tensor, in our shape; the dtype is that of the file if none is asked for."""
        stored = self.tensors[ours]
        return stored.file.read(stored.name, dtype=dtype, device=device).reshape(self.shapes[ours])

    def give_back(self, ours: str) -> None:
        """Give the memory of the mapped file that one tensor lies in back to the system."""
        stored = self.tensors[ours]
        stored.file.give_back(stored.name)


def match(checkpoint: Checkpoint, *, ema: Ema = "auto") -> Match:
    """Find the tensors of a model.

    Raises:
        WeightsError: If any is missing, unknown or misshapen (all of them in one message), or if ``ema`` is
            True and there are no averaged weights.
    """
    layout = MAPS[checkpoint.layout]
    networks = _networks(checkpoint)
    shapes = shapes_of(networks)
    names = compile_map(layout.rows(checkpoint.config), shapes)
    twins = {name.theirs: layout.ema(name.theirs) for name in names.values()}
    ema_used = _choose(checkpoint, ema, twins)
    chosen = {
        ours: (ema_used and twins[name.theirs]) or name.theirs  # a tensor without a twin has one name
        for ours, name in names.items()
    }
    _check(checkpoint, layout, {chosen[ours]: name.their_shape for ours, name in names.items()}, twins)
    return Match(
        checkpoint=checkpoint,
        networks=networks,
        shapes=shapes,
        tensors={ours: checkpoint.tensors[theirs] for ours, theirs in chosen.items()},
        ema_used=ema_used,
        ignored=tuple(sorted(set(checkpoint.tensors) - set(chosen.values()))),
    )


def _networks(checkpoint: Checkpoint) -> Networks:
    try:
        return on_meta(checkpoint.config)
    except (TypeError, ValueError, IndexError, ArithmeticError, RuntimeError) as error:
        raise WeightsError(
            "weights.config",
            ja=f"{checkpoint.path} の設定からはモデルを作れません（{error}）。設定の値を確かめてください。",
            en=f"no model can be built from the configuration of {checkpoint.path} ({error}). "
            "Check its values.",
        ) from error


def _choose(checkpoint: Checkpoint, ema: Ema, twins: Mapping[str, str | None]) -> bool:
    there = [twin in checkpoint.tensors for twin in twins.values() if twin is not None]
    if any(there):
        # Merges may leave some averages over, beside weights that are all there.
        leftovers = not all(there) and all(name in checkpoint.tensors for name in twins)
        return ema is True or (ema == "auto" and not leftovers)
    if ema is True and not checkpoint.averaged:
        raise WeightsError(
            "weights.no_ema",
            ja=f"{checkpoint.path} に EMA（移動平均）の重みはありません。"
            "ema='auto' か ema=False を指定してください。",
            en=f"there are no averaged weights (EMA) in {checkpoint.path}. Use ema='auto' or ema=False.",
        )
    return checkpoint.averaged


def _check(
    checkpoint: Checkpoint,
    layout: Layout,
    shapes: Mapping[str, tuple[int, ...]],
    twins: Mapping[str, str | None],
) -> None:
    known = {*twins, *twins.values()}
    layers = getattr(checkpoint.config.text, "layers", 0)
    unknown = [
        name
        for name in checkpoint.tensors
        if name not in known and not layout.ignores(name) and not layout.beyond(name, layers)
    ]
    if not any(name.startswith(layout.networks) for name in unknown) and all(
        n in checkpoint.tensors for n in shapes
    ):
        unknown = []  # what lies beside the networks is not needed; where they are whole, it tells nothing
    problems = compare(
        {name: stored.entry.shape for name, stored in checkpoint.tensors.items()},
        shapes,
        unknown=unknown,
    )
    if problems is not None:
        ja, en = problems
        raise WeightsError(
            "weights.tensors",
            ja=f"{checkpoint.path} の重みは、モデル {checkpoint.config.name} に合いません。\n{ja}\n"
            "別の種類のモデルか、一部が欠けたファイルです。"
            "Stable Diffusion v1 系のファイルを入手し直してください。",
            en=f"the weights in {checkpoint.path} do not fit the model {checkpoint.config.name}.\n{en}\n"
            "It is another kind of model, or an incomplete file. "
            "Get a file of the Stable Diffusion v1 family.",
        )
