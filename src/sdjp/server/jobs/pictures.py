"""Finished pictures: kept, found again, starred, deleted, and bounded in age and size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from sdjp.errors import InputError
from sdjp.server.jobs.database import Database, Execute
from sdjp.server.jobs.errors import JobExpiredError, PictureUnknownError
from sdjp.server.jobs.files import Folder
from sdjp.server.jobs.record import PictureRecord
from sdjp.server.jobs.words import likeness, search_words

Gone = Literal["expired", "deleted"]

MOST_WORDS: Final = 100
LONGEST_WORD: Final = 10_000
"""Bytes; SQLite takes patterns up to 50,000, and up to 1,000 conditions."""

_ATTENTION: Final = ".attention"


class PictureStore:
    """The pictures of all jobs: their files, and a row for each.

    Args:
        database: Has the rows.
        folder: Has the files.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = Folder(folder)

    def keep(
        self,
        picture: PictureRecord,
        png: bytes,
        *,
        owner: str,
        attention: bytes | None = None,
        drawn: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep a finished picture. The file is on the disk before the row is: no row is without its file.

        Args:
            picture: What is known of it.
            png: The file.
            owner: Whose it is.
            attention: What :meth:`read` gives of its attention.
            drawn: What is known by now of how its job is drawn: ``options``, ``prompts`` and ``notes``.

        Returns:
            Whether it was kept: nothing is, of a job that was deleted in the meantime.

        Raises:
            OutputError: If it cannot be written.
        """
        name = _name(picture.job, picture.index)
        if attention is not None:
            self._folder.write(name + _ATTENTION, attention)
        self._folder.write(name, png)
        about = {**picture.to_json(), "owner": owner}
        with self._database.transaction() as execute:
            if not execute("SELECT 1 FROM jobs WHERE id = ? AND gone IS NULL", (picture.job,)):
                self._folder.remove([name, name + _ATTENTION])
                return False
            if drawn is not None:
                values = (json.dumps(drawn, ensure_ascii=False), picture.job)
                execute("UPDATE jobs SET drawn = ? WHERE id = ?", values)
            # Whoever gets on has not died over it: long jobs outlive any number of crashes.
            execute("UPDATE jobs SET attempts = 1 WHERE id = ? AND attempts > 1", (picture.job,))
            execute(
                "INSERT OR REPLACE INTO pictures (job, position, owner, bytes, created, words, about)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    picture.job,
                    picture.index,
                    owner,
                    len(png) + len(attention or b""),
                    picture.created,
                    search_words(picture.prompt, picture.english),
                    json.dumps(about, ensure_ascii=False),
                ),
            )
        return True

    def of(self, jobs: Sequence[str]) -> dict[str, tuple[PictureRecord, ...]]:
        """The pictures of some jobs, by job and in order; those that are gone, too."""
        found: dict[str, list[PictureRecord]] = {job: [] for job in jobs}
        for some in _by_hundreds(jobs):
            marks = ", ".join("?" * len(some))
            for row in self._database.read(
                f"SELECT * FROM pictures WHERE job IN ({marks}) ORDER BY job, position", some
            ):
                found[row["job"]].append(_record(row))
        return {job: tuple(pictures) for job, pictures in found.items()}

    def read(self, job: str, index: int, *, attention: bool = False) -> bytes:
        """The file of a picture; or what was recorded of its attention, as it was given to :meth:`keep`.

        Raises:
            PictureUnknownError: If there is no such picture.
            JobExpiredError: If there was.
            FileNotFoundError: If no attention was recorded.
        """
        self.get(job, index)
        name = _name(job, index)
        if attention:
            return self._folder.read(name + _ATTENTION)
        try:
            return self._folder.read(name)
        except FileNotFoundError:  # someone has tidied up the folder
            self._let_go([(job, index)], "expired")
            raise JobExpiredError.of(job, deleted=False) from None

    def get(self, job: str, index: int) -> PictureRecord:
        """A picture that is there.

        Raises:
            PictureUnknownError: If there is no such picture.
            JobExpiredError: If there was.
        """
        pictures = self.of([job])[job]
        found = next((picture for picture in pictures if picture.index == index), None)
        if found is None:
            raise PictureUnknownError.of(job, index, len(pictures))
        if found.gone is not None:
            raise JobExpiredError.of(job, deleted=found.gone == "deleted")
        return found

    def star(self, job: str, index: int, starred: bool) -> PictureRecord:
        """Star a picture, or take the star away; one with a star does not expire.

        Raises:
            PictureUnknownError: If there is no such picture.
            JobExpiredError: If there was.
        """
        found = self.get(job, index)
        with self._database.transaction() as execute:
            execute(
                "UPDATE pictures SET starred = ? WHERE job = ? AND position = ?", (int(starred), job, index)
            )
        return replace(found, starred=starred)

    def search(
        self,
        text: str = "",
        *,
        owner: str,
        starred: bool = False,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[list[PictureRecord], int | None]:
        """Pictures of an owner, newest first, and from where the next ones follow (None: there are no more).

        Args:
            text: All of its words must be in the prompt or its English, in any spelling of width or kana.
            owner: Whose.
            starred: Only those with a star.
            before: What the call before gave.
            limit: How many at most.

        Raises:
            InputError: ``search.long``, if these are more words, or longer ones, than can be looked for.
        """
        terms = likeness(text)
        if len(terms) > MOST_WORDS or any(len(term.encode()) > LONGEST_WORD for term in terms):
            raise InputError(
                "search.long",
                ja=f"検索する言葉は {MOST_WORDS} 個までの短いものにしてください。",
                en=f"search for {MOST_WORDS} words at most, and short ones.",
            )
        conditions = ["owner = ?", "gone IS NULL", *("words LIKE ? ESCAPE '\\'" for _ in terms)]
        values: list[Any] = [owner, *terms]
        if starred:
            conditions.append("starred = 1")
        if before is not None:
            conditions.append("number < ?")
            values.append(before)
        rows = self._database.read(
            f"SELECT * FROM pictures WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?",
            [*values, limit + 1],
        )
        more = int(rows[limit - 1]["number"]) if len(rows) > limit else None
        return [_record(row) for row in rows[:limit]], more

    def remove(self, job: str, indexes: Iterable[int] | None = None) -> None:
        """Delete pictures of a job; all of them, if None. What was said of them goes, too."""
        chosen = [p.index for p in self.of([job])[job]] if indexes is None else list(indexes)
        self._let_go([(job, index) for index in chosen], "deleted")

    def expire(self, *, before: float | None, most_bytes: int | None) -> int:
        """Let pictures without a star go that are older than ``before``, and the oldest above ``most_bytes``.

        Returns:
            How many went.
        """
        with self._database.transaction() as execute:
            old = "SELECT job, position, bytes FROM pictures WHERE gone IS NULL AND starred = 0"
            gone = [] if before is None else execute(f"{old} AND created < ?", (before,))
            pictures = [(row["job"], row["position"]) for row in gone]
            _forget(execute, pictures, "expired")
            above = 0 if most_bytes is None else self.bytes - most_bytes
            more = []
            for row in execute(f"{old} ORDER BY number") if above > 0 else ():
                if above <= 0:
                    break
                more.append((row["job"], row["position"]))
                above -= row["bytes"]
            _forget(execute, more, "expired")
        pictures += more
        self._remove_files(pictures)
        return len(pictures)

    def tidy(self) -> None:
        """Remove files that no row tells of: the process ended between the two."""
        known = {
            _name(row["job"], row["position"])
            for row in self._database.read("SELECT job, position FROM pictures WHERE gone IS NULL")
        }
        self._folder.remove([n for n in self._folder.names() if n.removesuffix(_ATTENTION) not in known])

    @property
    def bytes(self) -> int:
        """Of all files."""
        return int(
            self._database.read("SELECT TOTAL(bytes) AS whole FROM pictures WHERE gone IS NULL")[0]["whole"]
        )

    def _let_go(self, pictures: Sequence[tuple[str, int]], why: Gone) -> None:
        with self._database.transaction() as execute:
            _forget(execute, pictures, why)
        self._remove_files(pictures)

    def _remove_files(self, pictures: Sequence[tuple[str, int]]) -> None:
        """Remove files; after what tells of them, so that no row is without its file."""
        names = [_name(job, index) for job, index in pictures]
        self._folder.remove([*names, *(name + _ATTENTION for name in names)])


def _forget(execute: Execute, pictures: Sequence[tuple[str, int]], why: Gone) -> None:
    """Keep of pictures no more than that they were there."""
    for job, index in pictures:
        which = "WHERE job = ? AND position = ? AND gone IS NULL"
        for row in execute(f"SELECT about FROM pictures {which}", (job, index)):
            about = {**json.loads(row["about"]), "prompt": "", "english": "", "unknown": []}
            execute(
                f"UPDATE pictures SET gone = ?, words = '', bytes = 0, about = ? {which}",
                (why, json.dumps(about), job, index),
            )


def _name(job: str, index: int) -> str:
    return f"{job}-{index}"


def _record(row: Any) -> PictureRecord:
    about = json.loads(row["about"])
    about = {name: about[name] for name in PictureRecord.__dataclass_fields__}
    changing = {"starred": bool(row["starred"]), "gone": row["gone"], "unknown": tuple(about["unknown"])}
    return PictureRecord(**{**about, **changing})


def _by_hundreds(items: Sequence[str]) -> Iterable[Sequence[str]]:
    """SQLite takes no more than some thousand values in one statement."""
    return (items[i : i + 500] for i in range(0, len(items), 500))
