"""For notebooks: a strip of the steps of a run, shown while it goes on and kept afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from sdjp import markup
from sdjp.checks import is_whole
from sdjp.errors import InputError
from sdjp.generation.progress import Progress
from sdjp.images import encode, grid

if TYPE_CHECKING:
    from PIL.Image import Image

ABOUT: Final = 10
"""Pictures of a strip, unless it is told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture after a step.

    Attributes:
        step: Which, from 1.
        total: Of how many.
        picture: The preview, ``side`` pixels on its longer side.
    """

    step: int
    total: int
    picture: Image


class Strip:
    """A strip of previews: give it to a run as ``on_step``.

    ::

        strip = Strip()
        pipe.generate("馬に乗る宇宙飛行士", on_step=strip)
        strip.image().save("strip.png")

    In a notebook it is shown at once and grows with the run; a second run makes a second row. Every picture
    of a batch has a row of its own. It needs no widgets. The pictures are previews
    (:meth:`sdjp.Progress.preview`): neither the safety check nor the watermark has seen them.

    Args:
        every: A picture every so many steps, the first and the last always; about ten in all, if None.
        side: Pixels on the longer side of each.
        show: Whether to show it while it grows; if None, in a notebook.

    Attributes:
        rows: The pictures by step, a row for each picture that was drawn.

    Raises:
        InputError: If ``every`` or ``side`` is not a whole number from 1.
    """

    def __init__(self, *, every: int | None = None, side: int = 128, show: bool | None = None) -> None:
        for name, value in (("every", every), ("side", side)):
            if value is not None and (not is_whole(value) or value < 1):
                raise InputError(
                    "strip.whole",
                    ja=f"{name} は 1 以上の整数で指定してください（指定された値: {value!r}）。",
                    en=f"{name} must be a whole number from 1, not {value!r}.",
                )
        self.every = every
        self.side = side
        self.rows: list[list[Frame]] = []
        self._show = show
        self._shown: Any = None
        self._open: list[list[Frame]] = []  # rows of the batch that is drawn now
        self._step = 0

    def __call__(self, progress: Progress) -> None:
        """Take the previews of a step, if it is its turn."""
        count = len(progress.latents)
        if progress.index <= self._step or len(self._open) != count:  # another batch
            self._open = [[] for _ in range(count)]
            self.rows += self._open
        self._step = progress.index
        every = self.every or max(1, round(progress.total / ABOUT))
        if progress.index % every and progress.index not in (1, progress.total):
            return
        for i, row in enumerate(self._open):
            picture = progress.preview(i)
            picture.thumbnail((self.side, self.side))
            row.append(Frame(step=progress.index, total=progress.total, picture=picture))
        self._update()

    def __repr__(self) -> str:
        """Return one line, without the pictures."""
        return f"<Strip {len(self.rows)} x {max(map(len, self.rows), default=0)}>"

    def image(self, *, captions: bool = True) -> Image:
        """All rows in one picture, with the numbers of the steps below.

        Raises:
            InputError: If nothing was drawn yet.
        """
        frames = [frame for row in self.rows for frame in row]
        columns = max(map(len, self.rows), default=1)
        texts = [f"{frame.step}/{frame.total}" for frame in frames] if captions else None
        return grid([frame.picture for frame in frames], columns=columns, captions=texts)

    def _repr_html_(self) -> str:
        """For notebooks: a row of small pictures for each picture."""
        return "".join(markup.row(self._figure(frame) for frame in row) for row in self.rows if row)

    def _figure(self, frame: Frame) -> str:
        ja, en = f"ステップ {frame.step}/{frame.total}", f"step {frame.step} of {frame.total}"
        image = markup.picture(encode(frame.picture), alt=ja, width=frame.picture.width)
        return markup.figure(image, markup.said(ja, en), width=self.side)

    def _update(self) -> None:
        show = in_notebook() if self._show is None else self._show
        if not show:
            return
        if self._shown is None:
            from IPython.display import display

            self._shown = display(self, display_id=True)
        else:
            self._shown.update(self)


def in_notebook() -> bool:
    """Whether this is a notebook, where HTML is shown."""
    if find_spec("IPython") is None:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
