"""The state of all jobs: an SQLite file that survives a crash at any moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sdjp.errors import OutputError

VERSION: Final = 1
"""Of the tables; a file of a later version is not touched."""

_TABLES: Final = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    key TEXT,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    drawn TEXT,
    gone TEXT
);
CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, key) WHERE key IS NOT NULL;
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_owner ON jobs (owner, number);
CREATE TABLE inputs (
    job TEXT NOT NULL REFERENCES jobs (id),
    file TEXT NOT NULL,
    PRIMARY KEY (job, file)
);
CREATE INDEX inputs_by_file ON inputs (file);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs (id),
    position INTEGER NOT NULL,
    owner TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created REAL NOT NULL,
    starred INTEGER NOT NULL DEFAULT 0,
    gone TEXT,
    words TEXT NOT NULL,
    about TEXT NOT NULL,
    UNIQUE (job, position)
);
CREATE INDEX pictures_by_owner ON pictures (owner, gone, number);
CREATE INDEX pictures_by_age ON pictures (gone, starred, number);
"""


class Execute(Protocol):
    """Runs a statement and returns its rows."""

    def __call__(self, statement: str, values: Sequence[Any] = ...) -> list[sqlite3.Row]:
        """Run it with its values."""
        ...


class Database:
    """One connection, which all threads share; each use of it is a transaction of its own.

    Args:
        path: The file; it is made if it is not there.

    Raises:
        OutputError: If it cannot be used, another server has it, or a later version of sdjp wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, timeout=1, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            # One server alone may use the file: a second worker would draw everything a second time.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(
                "PRAGMA synchronous = FULL"
            )  # what was said to be finished is on the disk
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._settle_version()
        except sqlite3.Error as error:
            raise _unusable(path, error) from error

    def _settle_version(self) -> None:
        with self.transaction() as execute:
            version = int(execute("PRAGMA user_version")[0][0])
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    execute(statement)
                execute(f"PRAGMA user_version = {VERSION}")
        if version > VERSION:
            raise OutputError(
                "database.newer",
                ja=f"{self.path} は、より新しい sdjp が作ったものです。sdjp を更新するか、"
                "--data で別のフォルダーを指定してください。",
                en=f"{self.path} was made by a newer sdjp. Update sdjp, or choose another folder (--data).",
            )

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """Everything that is executed within it is kept together, or not at all.

        Raises:
            OutputError: If the disk is full, or the file cannot be written.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._execute
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.IntegrityError) or not isinstance(error, sqlite3.Error):
                    raise
                raise _unusable(self.path, error) from error

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Rows, outside any transaction.

        Raises:
            OutputError: If the file cannot be read.
        """
        with self._lock:
            try:
                return self._execute(statement, values)
            except sqlite3.Error as error:
                raise _unusable(self.path, error) from error

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            self._connection.close()

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        return self._connection.execute(statement, values).fetchall()


def _unusable(path: Path, error: sqlite3.Error) -> OutputError:
    if "locked" in str(error):
        return OutputError(
            "database.locked",
            ja=f"{path} は、ほかの sdjp のサーバーが使っています。そのサーバーを終了するか、"
            "--data で別のフォルダーを指定してください。",
            en=f"another sdjp server uses {path}. Stop it, or choose another folder (--data).",
        )
    return OutputError(
        "database.unusable",
        ja=f"ジョブの記録 {path} を読み書きできません（{error}）。"
        "空き容量と書き込みの権限を確かめるか、--data で別のフォルダーを指定してください。",
        en=f"cannot use the record of jobs {path} ({error}). Check the free space and the permissions, "
        "or choose another folder (--data).",
    )
