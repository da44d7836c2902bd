"""Pictures of a job, spread evenly over it, as small JPEGs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sdjp.batch.record import PictureRecord
from sdjp.batch.shards import pictures_in
from sdjp.batch.spread import Spread, evenly
from sdjp.batch.stores.base import Store

MOST: Final = 200
"""Pictures of a contact sheet."""

SIDE: Final = 128
"""Pixels of the longer side of a thumbnail."""

_SHARDS: Final = 20
"""Shards that they come from: to show a picture, all of its shard is read."""

_ROOM: Final = 9_000
"""Bytes that a thumbnail should not exceed; of one that would, the quality is lower."""

_QUALITIES: Final = (80, 60, 40, 20)

_BLUR: Final = SIDE / 12
"""Radius in pixels, so that nothing can be made out."""


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A picture of the sheet.

    Attributes:
        record: The picture.
        jpeg: The thumbnail; None if the picture cannot be read.
        width: In pixels.
        height: In pixels.
        hidden: Whether it is blurred, for the safety checker flagged the picture.
    """

    record: PictureRecord
    jpeg: bytes | None = None
    width: int = SIDE
    height: int = SIDE
    hidden: bool = False


class ContactSheet:
    """Chooses pictures while a job is gone through, and reads them in the end.

    Args:
        shards: Whether files are shards of many pictures.
    """

    def __init__(self, *, shards: bool = False) -> None:
        self._spread: Spread[list[PictureRecord]] = Spread(_SHARDS if shards else MOST)
        self._run: list[PictureRecord] = []  # pictures of one file

    def add(self, record: PictureRecord) -> None:
        """Take in the next picture."""
        if self._run and (record.member is None or record.file != self._run[0].file):
            self._spread.add(self._run)
            self._run = []
        if len(self._run) < MOST:
            self._run.append(record)

    def chosen(self) -> list[PictureRecord]:
        """The pictures of the sheet, in order; to be called once, at the end."""
        if self._run:
            self._spread.add(self._run)
            self._run = []
        runs = self._spread.chosen()
        return [record for run in runs for record in evenly(run, MOST // len(runs))]

    def thumbnails(self, store: Store) -> Iterator[Thumbnail]:
        """Make them, one after the other.

        Raises:
            StoreError: If the store cannot be read. A picture that is not there, or broken, has no ``jpeg``.
        """
        for file, records in groupby(self.chosen(), key=lambda record: record.file):
            try:
                data = store.read(file)
            except FileNotFoundError:
                data = b""
            for record, picture in pictures_in(data, records):
                yield _thumbnail(record, picture)


def _thumbnail(record: PictureRecord, data: bytes) -> Thumbnail:
    from PIL import Image, ImageFilter

    hidden = record.safety is not None and record.safety.get("flagged") is True
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as picture:
            image = picture.convert("RGB")
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for what is no picture
        return Thumbnail(record=record, hidden=hidden)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if hidden:
        image = image.filter(ImageFilter.GaussianBlur(_BLUR))
    jpeg = b""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality, optimize=True)
        jpeg = buffer.getvalue()
        if len(jpeg) <= _ROOM:
            break
    return Thumbnail(record=record, jpeg=jpeg, width=image.width, height=image.height, hidden=hidden)
