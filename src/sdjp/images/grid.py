"""Several pictures in one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sdjp.checks import is_whole, plain
from sdjp.errors import InputError, get_language

PADDING = 2
"""Black pixels around each picture, as in the original's grids (torchvision's ``make_grid``)."""


def grid(
    images: Sequence[Image.Image],
    *,
    columns: int | None = None,
    captions: Sequence[str] | None = None,
    font: str | Path | None = None,
) -> Image.Image:
    """Lay pictures out in rows, as ``make_grid`` does: the same pixels for pictures of one size.

    A single picture comes back without a border. Pictures of several sizes are centred in cells that hold the
    largest.

    Args:
        images: At least one.
        columns: Pictures in a row; about as many as rows, if None.
        captions: A text for below each picture. Where no font has its characters, a number stands for it,
            and a warning tells which is which.
        font: The file of a font for them; one of this computer that has their characters, if None.

    Raises:
        InputError: If there are no pictures, ``columns`` is not a whole number from 1, the captions are not
            as many as the pictures, or the font cannot be read.
    """
    if not images:
        raise InputError(
            "grid.empty",
            ja="並べる画像がありません。1 枚以上渡してください。",
            en="there are no pictures to lay out: give at least one.",
        )
    if columns is None:
        columns = math.ceil(math.sqrt(len(images)))
    columns = plain(columns)
    if not is_whole(columns) or columns < 1:
        raise InputError(
            "grid.columns",
            ja=f"横に並べる枚数は 1 以上の整数で指定してください（指定された値: {columns!r}）。",
            en=f"the pictures in a row must be a whole number from 1, not {columns!r}.",
        )
    if captions is not None:
        images = _captioned(images, captions, font)
    if len(images) == 1:
        return images[0].convert("RGB")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell_w, cell_h = max(i.width for i in images), max(i.height for i in images)
    step_w, step_h = cell_w + PADDING, cell_h + PADDING
    sheet = Image.new("RGB", (columns * step_w + PADDING, rows * step_h + PADDING))
    for n, image in enumerate(images):
        row, column = divmod(n, columns)
        left = PADDING + column * step_w + (cell_w - image.width) // 2
        top = PADDING + row * step_h + (cell_h - image.height) // 2
        sheet.paste(image.convert("RGB"), (left, top))
    return sheet


def _captioned(
    images: Sequence[Image.Image], captions: Sequence[str], font: str | Path | None
) -> tuple[Image.Image, ...]:
    from sdjp.images.captions import captioned  # looks for fonts: nothing for grids without captions

    found = captioned(images, captions, font=font)
    if found.numbered:
        legend = "\n".join(f"({n}) {text}" for n, text in found.numbered.items())
        ja = "この文字を持つフォントがないので、番号にしました。font= でフォントのファイルを指定できます。"
        en = "no font here has these characters, so numbers stand for them; font= takes the file of one."
        said = en if get_language() == "en" else ja
        warnings.warn(f"{said}\n{legend}", stacklevel=4)  # at who called GenerationResult.grid
    return found.pictures
