"""The finished pictures of a job, one after the other, whether they are files of their own or in shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby

from sdjp.batch.entries import entries
from sdjp.batch.record import PictureRecord
from sdjp.batch.shards import pictures_in
from sdjp.batch.stores.base import Store
from sdjp.errors import InputError


def pictures(store: Store) -> Iterator[tuple[PictureRecord, bytes]]:
    """Read what is drawn of a job, in the order of the input.

    One picture, or one shard, is in memory at a time.

    Returns:
        Each record, and the file of the picture that it names.

    Raises:
        FileNotFoundError: If there is no job here.
        InputError: If the job or a record is broken, or a picture is not what was recorded.
        StoreError: If something cannot be listed or read.
    """
    drawn = (entry.picture for entry in entries(store) if entry.picture is not None)
    for file, records in groupby(drawn, key=lambda record: record.file):
        try:
            data = store.read(file)
        except FileNotFoundError as error:
            raise _lost(store, file) from error
        for record, picture in pictures_in(data, records):
            if hashlib.sha256(picture).hexdigest() != record.sha256:
                raise _lost(store, file)
            yield record, picture


def _lost(store: Store, file: str) -> InputError:
    return InputError(
        "batch.picture",
        ja=f"{store.url} の {file} がないか、壊れています。「sdjp batch --verify --out {store.url}」を実行"
        "してから、もう一度描いてください（その絵だけが描き直されます）。",
        en=f"{file} in {store.url} is missing or damaged. Run 'sdjp batch --verify --out {store.url}', then "
        "draw again: only that picture is drawn anew.",
    )
