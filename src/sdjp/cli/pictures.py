"""Pictures that are named on a command line, by themselves or as folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from sdjp.errors import InputError

ENDINGS: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
"""Files of a folder that are looked at."""


def look_at(
    names: Iterable[str], look: Callable[[Path], None], refuse: Callable[[Path, InputError], None]
) -> bool:
    """Look at each picture once, in the order of the names; those in and below a folder by their own names.

    Args:
        names: Files and folders.
        look: What is to be done with a picture.
        refuse: Is told of a picture that cannot be read, and of a folder without any; the others go on.

    Returns:
        Whether all could be looked at.
    """
    seen: set[str] = set()
    readable = True
    for name in map(Path, names):
        try:
            for path in _within(name):
                place = os.path.abspath(path)
                if place not in seen:
                    seen.add(place)
                    readable = _looked(path, look, refuse) and readable
        except InputError as error:
            readable = False
            refuse(name, error)
    return readable


def _looked(path: Path, look: Callable[[Path], None], refuse: Callable[[Path, InputError], None]) -> bool:
    try:
        look(path)
    except InputError as error:
        refuse(path, error)
        return False
    return True


def _within(path: Path) -> Iterator[Path]:
    """A file by itself; all pictures in and below a folder."""
    if not path.is_dir():
        yield path
        return
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not files:
        raise InputError(
            "pictures.none",
            ja=f"フォルダー {path} に画像がありません。PNG、JPEG などのあるフォルダーを指定してください。",
            en=f"there are no pictures in the folder {path}. Name one with PNG, JPEG … files.",
        )
    yield from files
