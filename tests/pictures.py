"""Pictures on disk, read and closed."""

from __future__ import annotations

from os import PathLike

from PIL import Image


def size_of(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of the picture."""
    with Image.open(path) as picture:
        return picture.width, picture.height
