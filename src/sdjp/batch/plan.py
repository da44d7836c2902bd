"""The plan of a job: its input is read and checked, and becomes files of items."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sdjp.batch.item import Item, Planned, Refused, as_json, write_items
from sdjp.batch.places import CHUNK, chunk_name
from sdjp.batch.rows.read import BadRow, Row, digest, read_rows
from sdjp.batch.spec import Job, JobSpec
from sdjp.batch.stores.base import Store
from sdjp.errors import InputError, SdjpError
from sdjp.options import GenerationOptions

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

_SHOWN: Final = 20
"""Bad rows that an error tells one by one."""


def planned(source: str, spec: JobSpec, pipe: Pipeline, *, format: str | None = None) -> Iterator[Planned]:
    """Read and check the input: what each of its rows becomes, in order.

    Args:
        source: The input.
        spec: The job.
        pipe: Its model, for the checks; see :func:`sdjp.batch.pipelines.for_checks`.
        format: Of the input; by the ending of its name, if None.

    Raises:
        InputError: If the input as a whole cannot be read. Single rows are :class:`Refused`.
    """
    number = 0
    fingerprint = spec.fingerprint
    for row in read_rows(source, format=format):
        if isinstance(row, BadRow):
            yield Refused(number=number, row=row.number, key=row.key, text=row.text, error=as_json(row.error))
            number += 1
            continue
        try:
            options = _options(row, spec, number)
            pipe.check(**{f.name: getattr(options, f.name) for f in dataclasses.fields(options)})
        except SdjpError as error:
            text = str(row.values.get("prompt", ""))
            yield Refused(number=number, row=row.number, key=row.key, text=text, error=as_json(error))
            number += 1
            continue
        assert isinstance(options.seed, int)
        for copy in range(options.num_images_per_prompt):
            yield Item.of(
                dataclasses.replace(options, seed=options.seed + copy, num_images_per_prompt=1),
                fingerprint=fingerprint,
                number=number,
                row=row.number,
                copy=copy,
                key=row.key,
            )
            number += 1


def write_plan(
    source: str,
    store: Store,
    spec: JobSpec,
    pipe: Pipeline,
    *,
    format: str | None = None,
    strict: bool = False,
    tell: Callable[[Refused], None] = lambda row: None,
) -> Job:
    """Write the items of a job, and last ``job.json``.

    Args:
        source: The input.
        store: Where the job is to be.
        spec: The job.
        pipe: Its model, for the checks.
        format: Of the input.
        strict: Refuse an input that has a bad row in it.
        tell: Told of each bad row.

    Raises:
        InputError: If the input cannot be read, has nothing in it that can be drawn, or changed meanwhile.
        StoreError: If the items cannot be written.
    """
    count = refused = 0
    shown: list[Refused] = []
    written: list[Planned] = []
    with _undone(store) as names:

        def write() -> None:
            name = chunk_name((count - 1) // CHUNK)
            store.write(name, write_items(written))
            names.append(name)
            written.clear()

        for item in planned(source, spec, pipe, format=format):
            count += 1
            if isinstance(item, Refused):
                refused += 1
                tell(item)
                if len(shown) < _SHOWN:
                    shown.append(item)
            written.append(item)
            if len(written) == CHUNK:
                write()
        if written:
            write()
        if refused and (strict or refused == count):
            raise _refused(source, shown, refused, count)
        if digest(source) != spec.input["sha256"]:
            raise InputError(
                "batch.input_changed",
                ja=f"{source} が、読んでいるあいだに書き換えられました。もう一度実行してください。",
                en=f"{source} changed while it was read. Run the command again.",
            )
        job = Job(spec=spec, count=count, refused=refused, created=time.time())
        job.write(store)
        names.clear()
    return job


def _options(row: Row, spec: JobSpec, number: int) -> GenerationOptions:
    """What a row asks for, with its seed."""
    values: dict[str, Any] = {"prompt": None, **spec.options, **row.values}
    if values.get("seed") is None:
        values["seed"] = spec.seed + number
    return GenerationOptions.from_json(values)


@contextmanager
def _undone(store: Store) -> Iterator[list[str]]:
    """Remove the files whose names are in the list, if something goes wrong: there is no job then."""
    names: list[str] = []
    try:
        yield names
    except BaseException:
        for name in names:
            store.remove(name)
        raise


def _refused(source: str, shown: list[Refused], refused: int, count: int) -> InputError:
    ja, en = ("".join(f"\n  {bad.row}: {bad.error[lang]}" for bad in shown) for lang in ("ja", "en"))
    more = refused - len(shown)
    return InputError(
        "batch.refused",
        ja=f"{source} の {count:,} 件のうち {refused:,} 件は描けません（行番号: 理由）。{ja}"
        + (f"\n  ほか {more:,} 件" if more else ""),
        en=f"of {count:,} rows in {source}, {refused:,} cannot be drawn (line: reason).{en}"
        + (f"\n  and {more:,} more" if more else ""),
    )
