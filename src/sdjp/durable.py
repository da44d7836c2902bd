"""Files that are there whole or not at all, and that outlive a loss of power.

A file is written under another name and synchronized, then it gets its own, then its folder is synchronized.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

PART: Final = ".part"
"""The ending of files that are being written; a crash may leave some. Their names begin with a dot."""

# What says that a folder cannot be synchronized here (network drives, FUSE), not that the disk has failed.
_UNSYNCED: Final = frozenset({errno.EINVAL, errno.EBADF, errno.EACCES, errno.ENOTSUP, errno.ENOSYS})


def write_whole(path: Path, data: bytes) -> None:
    """Write a file and see that the disk has it; one that is there is replaced.

    Raises:
        OSError: If it cannot be written; nothing half-written is left under its name.
    """
    make_folder(path.parent)
    move(write_part(path, data), path)


def write_part(path: Path, data: bytes) -> Path:
    """Write what is to become ``path`` beside it, and see that the disk has it; return where it is.

    Raises:
        OSError: If it cannot be written; nothing is left then.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        remove(part)
        raise
    return part


def move(part: Path, path: Path) -> None:
    """Give what was written its name, and see that the disk has that, too.

    Raises:
        OSError: If it cannot be; the part goes.
    """
    try:
        replace(part, path)
    except BaseException:
        remove(part)
        raise
    sync_folder(path.parent)


def replace(part: Path, path: Path) -> None:
    """Rename a file; Windows may need several tries while somebody reads the one that is replaced."""
    for wait in (0.05, 0.2, 0.8) if os.name == "nt" else ():
        try:
            os.replace(part, path)
            return
        except PermissionError:
            time.sleep(wait)
    os.replace(part, path)


def remove(path: Path) -> None:
    """Remove a file; one that is not there, or stays, is no matter."""
    with suppress(OSError):
        path.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, and see that the disk has the name of each."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """See that the disk has the names in a folder; Windows has no such thing."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise
