"""Jobs, as they are kept: whatever happens to the process, each is there once, in the state it had."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sdjp.errors import InputError, SdjpError
from sdjp.server.jobs.database import Database, Execute
from sdjp.server.jobs.errors import CrashedError, JobExpiredError, JobUnknownError
from sdjp.server.jobs.files import Folder
from sdjp.server.jobs.pictures import PictureStore
from sdjp.server.jobs.record import OVER, JobRecord, JobRequest, State

_LOG: Final = logging.getLogger("sdjp.server")
ATTEMPTS: Final = 2
"""As often a job is begun; one over which the process died each time is set aside."""

MOST_WITHOUT_PICTURES: Final = 10_000
"""Jobs that are over and have no pictures: older ones are forgotten."""


class JobStore:
    """All jobs, on disk.

    Args:
        folder: Where everything is kept; it is made if it is not there.

    Raises:
        OutputError: If it cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path) -> None:
        with suppress(OSError):  # what cannot be made is told of below
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # prompts are nobody else's business
        self.inputs = Folder(folder / "inputs")
        self._database = Database(folder / "jobs.sqlite3")
        self.pictures = PictureStore(self._database, folder / "pictures")

    def close(self) -> None:
        """Let the folder go."""
        self._database.close()

    def recover(self) -> list[JobRecord]:
        """Put what was being drawn as the process ended back in the queue, or set it aside; remove files that
        no row tells of.

        Returns:
            The jobs that are set aside now.
        """
        self._let_go_of_foreign()
        with self._database.transaction() as execute:
            crashed = execute(
                "SELECT id, attempts FROM jobs WHERE state = 'drawing' AND attempts >= ?", (ATTEMPTS,)
            )
            for row in crashed:
                _settle(execute, row["id"], "set_aside", CrashedError.after(row["attempts"]))
            execute("UPDATE jobs SET state = 'queued', started = NULL WHERE state = 'drawing'")
            known = {row["file"] for row in execute("SELECT DISTINCT file FROM inputs")}
            self.inputs.remove([name for name in self.inputs.names() if name not in known])
        self.pictures.tidy()
        return [self.get(row["id"]) for row in crashed]

    def _let_go_of_foreign(self) -> None:
        """Let jobs go that another version of sdjp wrote and this one cannot read; their pictures stay."""
        foreign = []
        for row in self._database.read("SELECT id, request FROM jobs WHERE gone IS NULL"):
            try:
                JobRequest.from_json(row["request"])
            except (InputError, KeyError, TypeError, ValueError):
                _LOG.exception("job %s is of another version of sdjp, and is left out", row["id"])
                foreign.append(row["id"])
        with self._database.transaction() as execute:
            for job in foreign:
                _settle(execute, job, "failed", None)
            self.inputs.remove(_forget(execute, foreign, "expired"))

    def add(self, request: JobRequest, *, owner: str, key: str | None = None) -> tuple[JobRecord, bool]:
        """Put a job at the end of the queue.

        Args:
            request: What is asked for.
            owner: Who asks.
            key: Two jobs of one owner never have the same.

        Returns:
            The job, and whether it is new: another one may have the key.
        """
        with self._database.transaction() as execute:
            known = None if key is None else self.by_key(key, owner=owner)
            if known is not None:
                return known, False
            job = secrets.token_hex(16)
            execute(
                "INSERT INTO jobs (id, owner, key, request, state, created) VALUES (?, ?, ?, ?, 'queued', ?)",
                (job, owner, key, request.to_json(), time.time()),
            )
            for name in set(request.files):
                execute("INSERT INTO inputs (job, file) VALUES (?, ?)", (job, name))
                if name in request.data:  # while nobody can remove a file of the same name
                    self.inputs.write(name, request.data[name])
        return self.get(job), True

    def by_key(self, key: str, *, owner: str) -> JobRecord | None:
        """The job that an owner gave a key."""
        rows = self._database.read("SELECT id FROM jobs WHERE owner = ? AND key = ?", (owner, key))
        return self.get(rows[0]["id"]) if rows else None

    def get(self, job: str) -> JobRecord:
        """A job.

        Raises:
            JobUnknownError: If there is none of that id.
            JobExpiredError: If there was.
        """
        rows = self._database.read("SELECT * FROM jobs WHERE id = ?", (job,))
        if not rows:
            raise JobUnknownError.of(job)
        if rows[0]["gone"] is not None:
            raise JobExpiredError.of(job, deleted=rows[0]["gone"] == "deleted")
        return self._records(rows)[0]

    def find(
        self,
        *,
        owner: str | None = None,
        states: Sequence[State] = (),
        before: int | None = None,
        limit: int = 50,
        oldest_first: bool = False,
    ) -> list[JobRecord]:
        """Jobs, newest first.

        Args:
            owner: Whose; None: everybody's.
            states: In which states; empty: in any.
            before: Only those with a lower number.
            limit: How many at most.
            oldest_first: The other way round.
        """
        conditions: list[str] = ["gone IS NULL"]
        values: list[Any] = []
        if owner is not None:
            conditions.append("owner = ?")
            values.append(owner)
        if states:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values.extend(states)
        if before is not None:
            conditions.append("number < ?")
            values.append(before)
        order = "ASC" if oldest_first else "DESC"
        rows = self._database.read(
            f"SELECT * FROM jobs WHERE {' AND '.join(conditions)} ORDER BY number {order} LIMIT ?",
            [*values, limit],
        )
        return self._records(rows)

    def start(self, jobs: Sequence[str]) -> list[JobRecord]:
        """Mark jobs as being drawn, before the first step is; return those that still waited, as they are."""
        started: list[Any] = []
        with self._database.transaction() as execute:
            for job in jobs:
                execute(
                    "UPDATE jobs SET state = 'drawing', attempts = attempts + 1, started = ?"
                    " WHERE id = ? AND state = 'queued'",
                    (time.time(), job),
                )
                if _changed(execute):
                    started += execute("SELECT * FROM jobs WHERE id = ?", (job,))
        return self._records(started)

    def put_back(self, jobs: Sequence[str]) -> list[str]:
        """Put jobs that were being drawn back where they were in the queue; it was not on their account.

        Returns:
            Those that were.
        """
        back = []
        with self._database.transaction() as execute:
            for job in jobs:
                execute(
                    "UPDATE jobs SET state = 'queued', attempts = attempts - 1, started = NULL"
                    " WHERE id = ? AND state = 'drawing'",
                    (job,),
                )
                if _changed(execute):
                    back.append(job)
        return back

    def settle(self, job: str, state: State, error: SdjpError | None = None) -> bool:
        """Say that a job is over; False if it was so before, which stays as it is."""
        with self._database.transaction() as execute:
            return _settle(execute, job, state, error)

    def remove(self, job: str) -> None:
        """Delete a job that is over, with its pictures and what it said."""
        self.pictures.remove(job)
        with self._database.transaction() as execute:
            self.inputs.remove(_forget(execute, [job], "deleted"))

    def expire(self, *, before: float | None, most_bytes: int | None) -> int:
        """Let go what is too old or too much; see :meth:`PictureStore.expire`.

        Returns:
            How many pictures went.
        """
        count = self.pictures.expire(before=before, most_bytes=most_bytes)
        over = ", ".join(f"'{state}'" for state in OVER)
        empty = (
            f"SELECT id FROM jobs WHERE gone IS NULL AND state IN ({over}) AND NOT EXISTS"
            " (SELECT 1 FROM pictures WHERE pictures.job = jobs.id AND pictures.gone IS NULL)"
        )
        with self._database.transaction() as execute:
            old = execute(f"{empty} ORDER BY number DESC LIMIT -1 OFFSET ?", (MOST_WITHOUT_PICTURES,))
            if before is not None:
                old += execute(f"{empty} AND finished < ?", (before,))
            self.inputs.remove(_forget(execute, [row["id"] for row in old], "expired"))
        return count

    def count(self, state: State) -> int:
        """Jobs in a state."""
        rows = self._database.read(
            "SELECT COUNT(*) AS n FROM jobs WHERE state = ? AND gone IS NULL", (state,)
        )
        return int(rows[0]["n"])

    def place(self, job: str) -> int | None:
        """Jobs that wait before one; None if it does not wait, or is not there."""
        rows = self._database.read(
            "SELECT (SELECT COUNT(*) FROM jobs AS other WHERE other.state = 'queued' AND other.gone IS NULL"
            " AND other.number < one.number) AS n"
            " FROM jobs AS one WHERE one.id = ? AND one.state = 'queued' AND one.gone IS NULL",
            (job,),
        )
        return int(rows[0]["n"]) if rows else None

    def _records(self, rows: Sequence[Any]) -> list[JobRecord]:
        pictures = self.pictures.of([row["id"] for row in rows])
        return [_record(row, pictures[row["id"]]) for row in rows]


def _record(row: Any, pictures: tuple[Any, ...]) -> JobRecord:
    drawn = {} if row["drawn"] is None else json.loads(row["drawn"])
    return JobRecord(
        id=row["id"],
        number=row["number"],
        owner=row["owner"],
        request=JobRequest.from_json(row["request"]),
        state=row["state"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        attempts=row["attempts"],
        error=None if row["error"] is None else json.loads(row["error"]),
        options=drawn.get("options"),
        prompts=tuple(drawn.get("prompts", ())),
        notes=tuple(drawn.get("notes", ())),
        pictures=pictures,
    )


def _settle(execute: Execute, job: str, state: State, error: SdjpError | None) -> bool:
    said = None if error is None else {"code": error.code, "ja": error.ja, "en": error.en}
    over = ", ".join(f"'{name}'" for name in OVER)
    execute(
        f"UPDATE jobs SET state = ?, finished = ?, error = ? WHERE id = ? AND state NOT IN ({over})",
        (state, time.time(), None if said is None else json.dumps(said, ensure_ascii=False), job),
    )
    return _changed(execute)


def _changed(execute: Execute) -> bool:
    """Whether the statement before changed a row."""
    return bool(execute("SELECT changes() AS n")[0]["n"])


def _forget(execute: Execute, jobs: Sequence[str], why: str) -> list[str]:
    """Keep of jobs that they were there; return the inputs that nobody needs any more."""
    freed: list[str] = []
    for job in jobs:
        freed += [row["file"] for row in execute("SELECT file FROM inputs WHERE job = ?", (job,))]
        execute("DELETE FROM inputs WHERE job = ?", (job,))
        execute(
            "UPDATE jobs SET gone = ?, key = NULL, request = '', drawn = NULL, error = NULL WHERE id = ?",
            (why, job),
        )
    return [name for name in set(freed) if not execute("SELECT 1 FROM inputs WHERE file = ?", (name,))]
