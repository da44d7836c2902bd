"""What a caller asks of ControlNets: which, by which picture, how much and in which part of the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp import checks, images
from sdjp.checks import plain, shown
from sdjp.choices import Fit, Preprocess
from sdjp.errors import InputError
from sdjp.images.control_map import PREPROCESSORS

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_WEIGHT: Final = 2.0
"""As far as the original lets its strength go."""


@dataclass(frozen=True)
class Control:
    """A ControlNet and the picture that it reads (Zhang et al. 2023, arXiv 2302.05543).

    Nothing is checked on construction, but when a picture is drawn.

    Attributes:
        name: A name in ``controlnet_dir``, or the path of a file or folder.
        image: The picture, or its path; it comes to the size of the drawing as ``fit`` says.
        weight: What its output is multiplied by, 0 to 2.
        start: Where in the run it begins, 0 to 1: steps that begin earlier are not controlled.
        end: Where it stops, 0 to 1: steps that end later are not controlled.
        preprocess: What makes the map of the picture: ``"canny"`` or ``"tile"``; None: it is one already.
    """

    name: str | Path
    _: KW_ONLY
    image: images.Source | None = None
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    preprocess: Preprocess | None = None

    def acts(self, step: int, steps: int) -> bool:
        """Whether it takes part in a step, which goes from step / steps to (step + 1) / steps of the run."""
        return self.weight != 0 and self.start <= step / steps and (step + 1) / steps <= self.end

    def to_json(self) -> dict[str, Any]:
        """Return all but the picture, as plain JSON data."""
        values = {name: getattr(self, name) for name in ("weight", "start", "end", "preprocess")}
        return {"name": str(self.name), **values}


@dataclass(frozen=True, kw_only=True, eq=False)
class Hint:
    """A control whose picture is read, and its map for one size.

    Attributes:
        control: What was asked for.
        picture: Its picture, RGB of any size.
        map: What the ControlNet reads, RGB of the size of the drawing; None before that is known.
    """

    control: Control
    picture: Image
    map: Image | None = None

    def fitted(self, *, height: int, width: int, fit: Fit) -> Hint:
        """The same with the map for a drawing of ``width`` × ``height`` pixels.

        Raises:
            MissingDependencyError: If what preprocesses it is not installed.
        """
        picture = images.fit_picture(self.picture, height=height, width=width, fit=fit)
        if self.control.preprocess is not None:
            picture = PREPROCESSORS[self.control.preprocess](picture)
        return dataclasses.replace(self, map=picture)

    def to_json(self) -> dict[str, Any]:
        """Return what a record tells of it."""
        return {**self.control.to_json(), "image": images.origin(self.picture)}


def opened(controls: Control | Sequence[Control] | None) -> list[Hint]:
    """Check controls and read their pictures.

    Raises:
        InputError: If one is not usable.
    """
    given: Any = [] if controls is None else [controls] if isinstance(controls, Control) else controls
    if not isinstance(given, list | tuple) or not all(isinstance(one, Control) for one in given):
        raise InputError(
            "controls.type",
            ja="controls は [Control('canny', image='edges.png')] のように、sdjp.Control を並べて"
            f"指定してください（指定された値: {shown(given)}）。",
            en="controls must be a list of sdjp.Control, such as [Control('canny', image='edges.png')], "
            f"not {shown(given)}.",
        )
    return [_opened(control) for control in given]


def _opened(given: Control) -> Hint:
    numbers = {name: plain(getattr(given, name)) for name in ("weight", "start", "end")}
    control = dataclasses.replace(given, **numbers)
    if not isinstance(control.name, str | Path) or not str(control.name).strip():
        raise InputError(
            "control.name",
            ja="Control には、ControlNet の名前かファイルのパスを最初に指定してください"
            f"（指定された値: {shown(control.name)}）。",
            en="the first argument of Control is the name of a ControlNet or the path of a file, "
            f"not {shown(control.name)}.",
        )
    checks.real("control.weight", control.weight, 0, MAX_WEIGHT, label="ControlNet の重み")
    checks.real("control.start", control.start, 0, 1, label="ControlNet の始まり")
    checks.real("control.end", control.end, 0, 1, label="ControlNet の終わり")
    if control.start >= control.end:
        raise InputError(
            "control.interval",
            ja=f"ControlNet「{control.name}」の start（{control.start:g}）は、end（{control.end:g}）より"
            "小さくしてください。0 が最初、1 が最後です。",
            en=f"start of the ControlNet {str(control.name)!r} ({control.start:g}) must be smaller than its "
            f"end ({control.end:g}); 0 is the beginning of the run and 1 its end.",
        )
    if control.preprocess is not None:
        checks.choice("control.preprocess", control.preprocess, (None, *PREPROCESSORS))
    if control.image is None:
        raise InputError(
            "control.image",
            ja=f"ControlNet「{control.name}」が読む画像がありません。Control({str(control.name)!r}, "
            "image='edges.png') のように指定してください。",
            en=f"the ControlNet {str(control.name)!r} has no picture to read. Give one: "
            f"Control({str(control.name)!r}, image='edges.png').",
        )
    picture = images.open_picture(control.image, name="control.image")
    # Maps have black where there is nothing; a photograph that is yet to become one is as any other.
    background = "black" if control.preprocess is None else "white"
    rgb = images.to_rgb(picture, background=background, name="control.image")
    return Hint(control=control, picture=images.with_origin(rgb, images.origin(picture)))
