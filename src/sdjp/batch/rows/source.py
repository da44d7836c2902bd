"""Where the input is: a file of this machine, or what fsspec opens; compressed or not."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final, Literal, get_args

from sdjp.batch.stores.object_errors import why, without_secrets
from sdjp.errors import InputError, MissingDependencyError, SdjpError

Format = Literal["txt", "jsonl", "csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

CHUNK: Final = 1 << 17
"""Bytes that are read at a time."""

_ENDINGS: Final[Mapping[str, Format]] = {
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def _zstd(file: Any) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingDependencyError(
            "rows.zstd",
            ja='.zst のファイルを読むには pyarrow が必要です: pip install "sdjp[batch]"',
            en='reading .zst needs pyarrow: pip install "sdjp[batch]"',
        ) from error
    return pyarrow.CompressedInputStream(file, "zstd")


_COMPRESSION: Final[Mapping[str, Callable[[Any], AbstractContextManager[Any]]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _zstd,
}


def format_of(source: str, format: str | None = None) -> Format:
    """Tell the format of an input.

    Args:
        source: Its name; the ending tells, that of a compression left aside.
        format: What somebody says it is; None if nobody does.

    Raises:
        InputError: If there is no such format, or the name does not tell.
    """
    if format is None:
        format = _ENDINGS.get(_endings(source)[0])
        if format is None:
            known = ", ".join(_ENDINGS)
            raise InputError(
                "rows.format",
                ja=f"{called(source)} の形式が名前から分かりません。拡張子を {known} のどれかにするか、"
                f"形式（{', '.join(FORMATS)}）を指定してください。",
                en=f"the name of {called(source)} does not tell its format. Let it end in one of {known}, "
                f"or give the format ({', '.join(FORMATS)}).",
            )
    for known_format in FORMATS:
        if format == known_format:
            return known_format
    raise InputError(
        "rows.format",
        ja=f"入力の形式 {format!r} は使えません。使える形式: {', '.join(FORMATS)}",
        en=f"the input cannot be {format!r}. Formats: {', '.join(FORMATS)}",
    )


def called(source: str) -> str:
    """How messages, and records, call an input: what its address may give away is left out."""
    return without_secrets(source) or '""'


def delimiter_of(source: str) -> bytes:
    """What stands between the cells of a CSV file."""
    return b"\t" if _endings(source)[0] == ".tsv" else b","


def is_compressed(source: str) -> bool:
    """Whether an input is compressed as a whole."""
    return _endings(source)[1] != ""


def digest(source: str) -> str:
    """The SHA-256 of an input, as it is stored.

    Raises:
        InputError: If it cannot be read.
        MissingDependencyError: If the package for this kind of place is not installed.
    """
    sha = hashlib.sha256()
    for chunk in chunks(source, unpacked=False):
        sha.update(chunk)
    return sha.hexdigest()


def chunks(source: str, *, unpacked: bool = True) -> Iterator[bytes]:
    """Read an input a chunk at a time.

    Args:
        source: A path, or what fsspec opens.
        unpacked: Undo the compression that its name tells of.

    Raises:
        InputError: If it cannot be read.
        MissingDependencyError: If a package that this needs is not installed.
    """
    ending = _endings(source)[1] if unpacked else ""
    with readable(source), opened(source) as file:
        if ending:
            with _COMPRESSION[ending](file) as plain:
                yield from _chunks(plain)
        else:
            yield from _chunks(file)


def check_source(source: str) -> None:
    """Refuse what cannot be read more than once: an input is read for its checksum, and then for its rows.

    Raises:
        InputError: If it is standard input, a pipe or the like.
    """
    path, once = _path(source), source == "-"
    if path is not None and not once:
        with readable(source):
            mode = path.stat().st_mode
        once = not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)  # of a folder, open() says so itself
    if once:
        ja, en = ("標準入力", "standard input") if source == "-" else (called(source),) * 2
        raise InputError(
            "rows.once",
            ja=f"{ja} は使えません。入力は 2 回以上読むので、いったんファイルに保存して指定してください。",
            en=f"{en} cannot be used: the input is read more than once. Save it as a file first.",
        )


def opened(source: str) -> AbstractContextManager[BinaryIO]:
    """Open an input as it is stored; see :func:`readable` for what may go wrong."""
    check_source(source)
    path = _path(source)
    if path is not None:
        return path.open("rb")
    try:
        import fsspec
    except ImportError as error:
        raise MissingDependencyError(
            "rows.fsspec",
            ja=f'{called(source)} を読むには fsspec が必要です: pip install "sdjp[batch]"',
            en=f'reading {called(source)} needs fsspec: pip install "sdjp[batch]"',
        ) from error
    # A file system of its own: others in this process may remember what was there, or where that was.
    file: AbstractContextManager[BinaryIO] = fsspec.open(source, "rb", skip_instance_cache=True)
    return file


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Make what goes wrong in opening and reading an input an error that says so.

    Raises:
        InputError: If it cannot be read.
        MissingDependencyError: If fsspec lacks the package for this kind of place.
    """
    try:
        yield
    except SdjpError:
        raise
    except ImportError as error:
        how = ': pip install "sdjp[s3]"' if source.startswith("s3") else ""
        raise MissingDependencyError(
            "rows.fsspec",
            ja=f"{called(source)} を読むためのパッケージがありません（{error}）{how}",
            en=f"a package for reading {called(source)} is missing ({error}){how}",
        ) from error
    except Exception as error:  # every kind of place, and of compression, has errors of its own
        ja, en = why(error)
        raise InputError(
            "rows.unreadable",
            ja=f"{called(source)} を読めません（{ja}）。場所と中身を確かめてください。",
            en=f"cannot read {called(source)} ({en}). Check the place and what is there.",
        ) from error


def _chunks(file: Any) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _path(source: str) -> Path | None:
    """The file of this machine; None if it is elsewhere."""
    plain = source.removeprefix("file://")
    return None if "://" in plain else Path(plain)


def _endings(source: str) -> tuple[str, str]:
    """The ending that tells the format, and that of a compression, or ``""``."""
    name = source
    if _path(source) is None:
        name = source.partition("::")[0]  # fsspec's "zip://rows.csv::s3://bucket/all.zip"
        if name.startswith("http"):
            name = name.partition("?")[0].partition("#")[0]
    path = PurePosixPath(name.lower())
    packed = path.suffix if path.suffix in _COMPRESSION else ""
    return PurePosixPath(path.name.removesuffix(packed)).suffix, packed
