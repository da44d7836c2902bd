"""Ids that rows have: none may be there twice, however many there are."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from sdjp.batch.rows.values import is_left_out, refuse_surrogates
from sdjp.checks import is_whole, shown
from sdjp.errors import InputError, OutputError

MAX_LENGTH: Final = 200


def row_id(value: object) -> str | None:
    """Read the id of a row; None if it has none.

    Args:
        value: A string, or a whole number; 7.0 is one, as tables with gaps have it.

    Raises:
        InputError: If it is anything else, too long, or has control characters in it.
    """
    if is_left_out(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)
    if is_whole(value) and value.bit_length() <= 256:
        return str(value)
    if isinstance(value, str):
        refuse_surrogates(value)
        if len(value) <= MAX_LENGTH and not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in value):
            return value
    raise InputError(
        "rows.id",
        ja=f"id は {MAX_LENGTH} 文字までの文字列か整数にしてください。改行などの制御文字は使えません"
        f"（指定された値: {shown(value)}）。",
        en=f"an id is a string of up to {MAX_LENGTH} characters without line breaks and other control "
        f"characters, or a whole number, not {shown(value)}.",
    )


class Ids:
    """Ids that were seen, in a temporary file that SQLite keeps once there are many."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def first(self, id: str, number: int) -> int | None:
        """Return the number of the row that has had this id before; if there is none, note this one.

        Raises:
            OutputError: If there is no room for it.
        """
        with _writing():
            added = self._database.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (id, number))
            if added.rowcount:
                return None
            found = self._database.execute("SELECT number FROM ids WHERE id = ?", (id,)).fetchone()
            return int(found[0])


@contextmanager
def seen_ids() -> Iterator[Ids]:
    """Ids of one reading; the file goes when it ends.

    Raises:
        OutputError: If there is no room for it.
    """
    # "" is a file that has no name; one transaction, which is never committed.
    with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as database:
        with _writing():
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID")
            database.execute("BEGIN")
        yield Ids(database)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            "rows.ids",
            ja=f"id の重複を調べるための一時ファイルを使えません（{error}）。"
            "一時フォルダー（環境変数 TMPDIR）の空き容量を確かめてください。",
            en=f"the temporary file for finding ids that are there twice cannot be used ({error}). Check the "
            "free space of the temporary folder (TMPDIR).",
        ) from error
