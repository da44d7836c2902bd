"""What can be wrong with a job."""

from __future__ import annotations

from typing import Final

from sdjp.errors import SdjpError

PATIENCE: Final = 120
"""Seconds: clients that heed ``Retry-After`` do so up to here."""


class QueueFullError(SdjpError):
    """As many jobs are waiting as may.

    Attributes:
        retry_after: Seconds after which it is worth another try.
    """

    retry_after: int = PATIENCE

    @classmethod
    def at(cls, waiting: int, *, retry_after: int) -> QueueFullError:
        """The error for a queue of ``waiting`` jobs."""
        error = cls(
            "queue.full",
            ja=f"順番待ちが上限の {waiting} 件に達しています。{retry_after} 秒ほど待ってから、"
            "もう一度お試しください。",
            en=f"{waiting} jobs are waiting, which is the most. Try again in about {retry_after} seconds.",
        )
        error.retry_after = retry_after
        return error


class StoppingError(SdjpError):
    """The server is about to stop and takes no jobs."""

    @classmethod
    def now(cls) -> StoppingError:
        """The error for a job that comes too late."""
        return cls(
            "server.stopping",
            ja="サーバーを終了するところなので、新しい依頼は受け付けられません。",
            en="the server is stopping and takes no more jobs.",
        )


class JobUnknownError(SdjpError):
    """There is no such job, or it is somebody else's."""

    @classmethod
    def of(cls, job: str) -> JobUnknownError:
        """The error for the id of a job."""
        return cls(
            "job.unknown",
            ja=f"ジョブ {job!r} はありません。ID を確かめてください。",
            en=f"there is no job {job!r}. Check the id.",
        )


class JobExpiredError(SdjpError):
    """The job was there, and it or its picture is gone."""

    @classmethod
    def of(cls, job: str, *, deleted: bool) -> JobExpiredError:
        """The error for a job, or its picture, that is gone."""
        why = ("削除されました", "was deleted") if deleted else ("保存期間を過ぎました", "has expired")
        return cls("job.expired", ja=f"ジョブ {job!r} の絵は{why[0]}。", en=f"job {job!r} {why[1]}.")


class PictureUnknownError(SdjpError):
    """The job has no picture of this number, or not yet."""

    @classmethod
    def of(cls, job: str, index: int, count: int) -> PictureUnknownError:
        """The error for a picture of a job that has ``count``."""
        return cls(
            "picture.unknown",
            ja=f"ジョブ {job!r} に {index} 番の絵はありません（いまあるのは {count} 枚）。",
            en=f"job {job!r} has no picture {index} ({count} are there now).",
        )

    @classmethod
    def given(cls, job: str, kind: str, index: int) -> PictureUnknownError:
        """The error for a picture that a job was not given."""
        return cls(
            "picture.unknown",
            ja=f"ジョブ {job!r} に {kind} の {index} 番の絵は渡されていません。",
            en=f"job {job!r} was given no picture {index} as {kind}.",
        )


class CrashedError(SdjpError):
    """The server has died twice over the same job."""

    @classmethod
    def after(cls, attempts: int) -> CrashedError:
        """The error after so many attempts."""
        return cls(
            "job.crashed",
            ja=f"このジョブを描いている間に、サーバーが {attempts} 回異常終了しました。"
            "くり返さないように、描くのをやめました。大きさや枚数を減らしてお試しください。",
            en=f"the server died {attempts} times while it drew this job, which is set aside. "
            "Try a smaller size or fewer pictures.",
        )


class UnexpectedError(SdjpError):
    """An error that sdjp does not know, in a job."""

    @classmethod
    def of(cls, error: Exception) -> UnexpectedError:
        """The error for any other."""
        name = type(error).__name__
        return cls(
            "job.unexpected",
            ja=f"思いがけないエラー（{name}）で描けませんでした。詳しくはサーバーの記録をご覧ください。",
            en=f"an unexpected error ({name}) stopped this job. The server's log has more.",
        )
