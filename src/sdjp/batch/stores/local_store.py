"""A folder of this machine as the place of a job."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from sdjp.batch.stores.base import Entry, unusable
from sdjp.durable import PART, make_folder, move, remove, sync_folder, write_part


class LocalStore:
    """A folder of this machine, or one that many machines see (NFS); see ``Store``.

    A file is written under another name and synchronized, then it gets its own, then its folder is
    synchronized. :meth:`create` makes a hard link, which fails if the name is taken. Where there are none
    (FAT, some network drives), Windows refuses to rename to a name that is taken; elsewhere it is looked, and
    then renamed: of two at the same moment the last one stays.

    Args:
        path: The folder; it is made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.abspath(path))  # a worker may run in another folder
        self.url = str(self._path)
        self._disk = self._mounted()

    def write(self, name: str, data: bytes) -> None:
        """See :meth:`Store.write`."""
        path = self._path / name
        try:
            move(self._part(path, data), path)
        except OSError as error:
            raise unusable(self.url, error) from error

    def create(self, name: str, data: bytes) -> bool:
        """See :meth:`Store.create`."""
        path = self._path / name
        try:
            if path.exists():
                return False
            part = self._part(path, data)
            try:
                _claim(part, path)
            except FileExistsError:
                return False
            finally:
                remove(part)
            sync_folder(path.parent)
        except OSError as error:
            raise unusable(self.url, error) from error
        return True

    def read(self, name: str) -> bytes:
        """See :meth:`Store.read`."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            self._check_disk()
            raise
        except OSError as error:
            raise unusable(self.url, error) from error

    def files(self, folder: str) -> list[Entry]:
        """See :meth:`Store.files`."""
        found = []
        for entry in self._entries(folder):
            try:
                if entry.is_file():
                    found.append(Entry(entry.name, entry.stat().st_size))
            except FileNotFoundError:  # removed in the meantime
                continue
            except OSError as error:
                raise unusable(self.url, error) from error
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        """See :meth:`Store.folders`."""
        try:
            return sorted(entry.name for entry in self._entries(folder) if entry.is_dir())
        except OSError as error:
            raise unusable(self.url, error) from error

    def remove(self, name: str) -> None:
        """See :meth:`Store.remove`."""
        try:
            with suppress(FileNotFoundError):
                (self._path / name).unlink()
        except OSError as error:
            raise unusable(self.url, error) from error

    def age(self, name: str) -> float | None:
        """See :meth:`Store.age`; the clock of the folder is asked, which may be that of another machine."""
        path = self._path / name
        try:
            changed = path.stat().st_mtime
            probe = path.with_name(f".{secrets.token_hex(8)}{PART}")
            probe.touch()
            try:
                return max(0.0, probe.stat().st_mtime - changed)
            finally:
                remove(probe)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(self.url, error) from error

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._path / folder) as entries:
                return list(entries)
        except FileNotFoundError:
            self._check_disk()
            return []
        except OSError as error:
            raise unusable(self.url, error) from error

    def _part(self, path: Path, data: bytes) -> Path:
        """Write what is to become ``path``, and see that the disk has it."""
        make_folder(path.parent)
        if self._disk is None:
            self._disk = self._mounted()
        return write_part(path, data)

    def _mounted(self) -> int | None:
        """The disk that the folder is on; None if there is no folder."""
        try:
            return self._path.stat().st_dev
        except OSError:
            return None

    def _check_disk(self) -> None:
        """Refuse to call a job empty whose disk was unplugged: all of it would be drawn again."""
        if self._disk is not None and self._mounted() != self._disk:
            raise unusable(self.url, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


def _claim(part: Path, path: Path) -> None:
    """Give a file its name, unless it is taken.

    Raises:
        FileExistsError: If it is taken.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        # NFS may say so of a link that it has just made, when its first answer was lost.
        if not os.path.samefile(part, path):
            raise
    except OSError:  # no hard links here
        if os.name == "nt":
            os.rename(part, path)
        elif path.exists():
            raise FileExistsError(path) from None
        else:
            os.replace(part, path)
