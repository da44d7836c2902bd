"""One thing with another: a person sits in a mount, which hides their lower half; an animal stands on it;
people hold things before them.

Axes: drawings are (h, w, 4) uint8 RGBA.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from sdjp_training.scenes.faces import SKIN
from sdjp_training.scenes.ink import RGB, rounded
from sdjp_training.scenes.pixels import Drawing, fitted, trimmed
from sdjp_training.scenes.tables import rows, ways


class Mount(NamedTuple):
    """A row of ``mounts.tsv``.

    Attributes:
        across: Where one sits, as a part of the width from the left.
        down: The same, of the height from the top.
        astride: Whether a leg of a person is seen.
    """

    across: float
    down: float
    astride: bool


class Rider(NamedTuple):
    """A row of ``riders.tsv``.

    Attributes:
        leg: The colour of a leg; None where none is drawn, as of animals.
        shoe: The colour of a shoe.
    """

    leg: RGB | None = None
    shoe: RGB = (40, 40, 48)


class Held(NamedTuple):
    """A row of ``held.tsv``.

    Attributes:
        who: Letters of people who hold it; "" for all.
        english: What they do with it.
        japanese: The same in Japanese.
    """

    who: str
    english: tuple[str, ...]
    japanese: tuple[str, ...]


def _rgb(cell: str) -> RGB:
    red, green, blue = map(int, cell.split())
    return red, green, blue


MOUNTS: Final = {
    emoji: Mount(float(across), float(down), how == "astride")
    for emoji, across, down, how in rows("mounts.tsv")
}
RIDERS: Final = {emoji: Rider(*map(_rgb, colors)) for emoji, *colors in rows("riders.tsv")}
HELD: Final = {
    emoji: Held(who, ways(english), ways(japanese)) for emoji, who, english, japanese in rows("held.tsv")
}
HOLDING: Final = Held("", ("holding {}",), ("{}を持つ",))
"""What is done with anything else."""
SEATS: Final = {emoji: (float(across), float(down)) for emoji, across, down in rows("seats.tsv")}

SIDE: Final = 320  # of a mount
RIDER: Final = 0.78  # of that: how large its rider is
HIDDEN: Final = 0.2  # of a rider that sits in its mount
FEET: Final = 0.06  # of a mount, how far below its back the feet of an animal are
UPPER: Final = 0.62  # how large what lies on a thing is


def ride(rider: Drawing, mount: Drawing, seat: Mount, dress: Rider) -> Drawing:
    """Put ``rider`` on ``mount``. A person is behind it, with a leg before it; an animal has its feet on it,
    unless it sits inside.
    """
    if dress.leg is None and seat.astride:
        return stand(rider, mount, (seat.across, seat.down + FEET))
    mount = fitted(mount, SIDE, SIDE)
    rider = fitted(rider, round(SIDE * RIDER), round(SIDE * RIDER))
    height, width = mount.shape[:2]
    x, y = round(width * seat.across), round(height * seat.down)
    canvas, (left, top) = _canvas(mount, rider, x, y + round(rider.shape[0] * HIDDEN))
    canvas.alpha_composite(Image.fromarray(rider), (left + x - rider.shape[1] // 2, 0))
    canvas.alpha_composite(Image.fromarray(mount), (left, top))
    if seat.astride and dress.leg is not None:
        canvas.alpha_composite(_leg(canvas.size, left + x, top + y, dress.leg, dress.shoe))
    return trimmed(np.asarray(canvas))


def stand(upper: Drawing, lower: Drawing, seat: tuple[float, float]) -> Drawing:
    """Put ``upper`` on ``lower``, before it."""
    lower = fitted(lower, SIDE, SIDE)
    upper = fitted(upper, round(SIDE * UPPER), round(SIDE * UPPER))
    height, width = lower.shape[:2]
    x, y = round(width * seat[0]), round(height * seat[1])
    canvas, (left, top) = _canvas(lower, upper, x, y)
    canvas.alpha_composite(Image.fromarray(lower), (left, top))
    canvas.alpha_composite(Image.fromarray(upper), (left + x - upper.shape[1] // 2, top + y - upper.shape[0]))
    return trimmed(np.asarray(canvas))


def hold(person: Drawing, thing: Drawing, hand: RGB = SKIN) -> Drawing:
    """Put ``thing`` before the shoulders of ``person``, between two hands."""
    image = Image.fromarray(trimmed(person))
    side = round(0.56 * image.width)
    fit = fitted(thing, side, round(0.36 * image.height))
    left, top = (image.width - fit.shape[1]) // 2, image.height - fit.shape[0] - 4
    image.alpha_composite(Image.fromarray(fit), (left, top))
    hands = Image.new("L", image.size)
    y = top + 0.68 * fit.shape[0]
    for x in (left + 2, left + fit.shape[1] - 2):
        ImageDraw.Draw(hands).ellipse((x - 19, y - 19, x + 19, y + 19), fill=255)
    image.alpha_composite(rounded(hands, hand))
    return np.asarray(image)


def _canvas(lower: Drawing, upper: Drawing, x: int, bottom: int) -> tuple[Image.Image, tuple[int, int]]:
    """A canvas that holds both, and where the lower one's corner is; the upper one begins at its top."""
    left = max(0, upper.shape[1] // 2 - x)
    top = max(0, upper.shape[0] - bottom)
    right = max(left + lower.shape[1], left + x + upper.shape[1])
    return Image.new("RGBA", (right, top + lower.shape[0])), (left, top)


def _leg(size: tuple[int, int], x: int, y: int, color: RGB, shoe: RGB) -> Image.Image:
    """A leg that hangs from (x, y), the knee before the foot, round and lit from above."""
    hip, knee, foot = (x + 14, y + 12), (x - 34, y + 56), (x - 20, y + 122)
    shape, boot = Image.new("L", size), Image.new("L", size)
    draw = ImageDraw.Draw(shape)
    for (x0, y0), (x1, y1), r0, r1 in ((hip, knee, 27, 23), (knee, foot, 23, 17)):
        for t in np.linspace(0, 1, 40):
            r = r0 + (r1 - r0) * t
            cx, cy = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)
    fx, fy = foot
    ImageDraw.Draw(boot).rounded_rectangle((fx - 46, fy - 8, fx + 18, fy + 28), 17, fill=255)
    leg = rounded(shape, color)
    leg.alpha_composite(rounded(boot, shoe))
    return leg
