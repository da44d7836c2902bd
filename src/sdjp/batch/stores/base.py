"""What a job asks of the place where it keeps its files."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sdjp.errors import OutputError, reason


class StoreError(OutputError):
    """The place of a job cannot be read, listed or written: the job must stop, and can go on later."""


class Entry(NamedTuple):
    """A file of a folder: its name there, and its size in bytes."""

    name: str
    size: int


class Store(Protocol):
    """Files by name, such as ``"records/000/000/000000001-….json"``; each is there whole, or not at all.

    Many processes, and machines, use one at the same time.

    Attributes:
        url: What :func:`sdjp.batch.stores.opening.open_store` takes.
    """

    url: str

    def write(self, name: str, data: bytes) -> None:
        """Write a file and see that it lasts; one that is there is replaced.

        Raises:
            StoreError: If it cannot be written.
        """
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write a file if there is none of that name.

        Returns:
            Whether this call wrote it. Of several at the same time one does, where the store can tell; where
            it cannot, the last one stays.

        Raises:
            StoreError: If it cannot be written.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return what a file holds.

        Raises:
            FileNotFoundError: If there is none.
            StoreError: If it cannot be read.
        """
        ...

    def files(self, folder: str) -> list[Entry]:
        """The files of a folder, by name; none if there is no such folder.

        What is being written, or was when its writer was killed, is among them: ``.….part``. It is no record.

        Raises:
            StoreError: If they cannot be listed: what is not seen would be drawn again.
        """
        ...

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder, in order; none if there is no such folder.

        Raises:
            StoreError: If they cannot be listed.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no matter.

        Raises:
            StoreError: If it cannot be removed.
        """
        ...

    def age(self, name: str) -> float | None:
        """Seconds since a file was written, by the clock of the store; None if it is not there."""
        ...


def unusable(url: str, error: Exception, because: tuple[str, str] | None = None) -> StoreError:
    """The error for a place that cannot be used; what is drawn is still there.

    Args:
        url: The place.
        error: What happened.
        because: The same in Japanese and in English, where the system's own words are not to be told.
    """
    ja, en = reason(error) if because is None else because
    return StoreError(
        "batch.store",
        ja=f"{url} を読み書きできません（{ja}）。描き終えた絵は残っています。空き容量、権限、接続を"
        "確かめて、もう一度同じコマンドを実行すると続きから描きます。",
        en=f"{url} cannot be read or written ({en}). What is drawn stays. Check the free space, the "
        "permissions and the connection, and run the same command again: it goes on from there.",
    )
