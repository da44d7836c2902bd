"""Progress of a run as its caller sees it: a bar, a call after each step, and a way to stop it."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from sdjp.errors import Cancelled
from sdjp.generation.job import Job
from sdjp.samplers import Step

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor
    from tqdm import tqdm


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The state of a run after a step, as ``on_step`` gets it.

    Attributes:
        index: Steps done in this batch, from 1.
        total: Steps of this batch.
        timestep: The timestep just left.
        latents: Latents now, (B, C, h, w) float32; do not modify.
        x0: The picture they point at, as latents.
        decode: Makes the very pictures of latents, as ``decode(x0)``: as slow as decoding finished ones.
        sketch: Makes rough pictures of latents at once; see :meth:`preview`.
    """

    index: int
    total: int
    timestep: float
    latents: Tensor
    x0: Tensor
    decode: Callable[[Tensor], list[Image]] = field(repr=False)
    sketch: Callable[[Tensor], list[Image]] = field(repr=False)

    def preview(self, index: int = 0) -> Image:
        """The picture that the run is heading for, roughly, as large as the finished one: ``x0`` without the
        decoder.

        A linear map from latents to pixels costs next to nothing beside a step; TAESD, where it was given, is
        sharper and slower. ``decode(x0)`` is what the decoder makes of it. No post-processor has seen either:
        neither the safety check nor the watermark. Any thread may call it.

        Args:
            index: Which picture of the batch.

        Raises:
            NonFiniteError: If there is NaN or infinity in it.
        """
        return self.sketch(self.x0[index : index + 1])[0]


OnStep: TypeAlias = Callable[[Progress], object]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How a caller watches a run.

    Attributes:
        bar: Whether to show a bar; if None, where a person is watching.
        on_step: Called after each step; returning False stops the run.
        cancel: An event that stops the run after the current step.
    """

    bar: bool | None = None
    on_step: OnStep | None = None
    cancel: threading.Event | None = None

    def open_bar(self, parts: Sequence[Job], batch_size: int) -> tqdm[None]:
        """A tqdm bar over all steps of all batches."""
        # Without ipywidgets tqdm.auto takes this bar, too, and in a notebook warns that it does.
        if find_spec("ipywidgets") is None:
            from tqdm import tqdm
        else:
            from tqdm.auto import tqdm

        steps = sum(-(-part.count // batch_size) * part.steps for part in parts)
        hidden = sys.stderr is None or not (_watched() if self.bar is None else self.bar)
        return tqdm(total=steps, disable=hidden, unit="step", leave=False)

    def of_batch(
        self,
        job: Job,
        bar: tqdm[None],
        *,
        decode: Callable[[Tensor], list[Image]],
        sketch: Callable[[Tensor], list[Image]],
    ) -> Callable[[Step], None]:
        """Return what is to be called after each step of one batch.

        It raises Cancelled where the caller stops the run.
        """
        numbers = itertools.count(1)  # they go on where an enlarged picture follows

        def after(step: Step) -> None:
            number = next(numbers)
            bar.update()
            stop = self.cancel is not None and self.cancel.is_set()
            if self.on_step is not None and not stop:
                progress = Progress(
                    index=number,
                    total=job.steps,
                    timestep=step.t,
                    latents=step.x,
                    x0=step.x0,
                    decode=decode,
                    sketch=sketch,
                )
                stop = self.on_step(progress) is False
            if stop:
                raise Cancelled(
                    "cancelled",
                    ja=f"{number}/{job.steps} ステップで中止しました。",
                    en=f"stopped at step {number} of {job.steps}.",
                )

        return after


def _watched() -> bool:
    """Whether a person is watching: in a notebook, or at a terminal that is still open."""
    if "ipykernel" in sys.modules:
        return True
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # put there by a program, or closed
        return False
