"""Errors in the contents of files. Readers get no paths: a path is put in where the file is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sdjp.errors import WeightsError

FILE: Final = "⟨file⟩"
"""Stands for the path in the texts of a :class:`Fault`."""


class Fault(WeightsError):
    """An error in the contents of a file whose path is not known yet: it is :data:`FILE` in both texts."""

    def of(self, path: Path) -> WeightsError:
        """Return the error for the user, in which the file has its path."""
        ja, en = (text.replace(FILE, str(path)) for text in (self.ja, self.en))
        return WeightsError(self.code, ja=ja, en=en)


class Invalid(ValueError):
    """A value that cannot be used, and why; whoever knows where it stands makes an error of ours of it."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja, self.en = ja, en


def texts_of(error: Exception) -> tuple[str, str]:
    """Return what an error says, in Japanese and in English; the same twice where it knows one language."""
    return getattr(error, "ja", str(error)), getattr(error, "en", str(error))


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Raise the faults of a ``with`` block as errors of the file or folder ``path``."""
    try:
        yield
    except Fault as fault:
        raise fault.of(path) from fault.__cause__


def unloadable(
    path: Path, ja: str, en: str, *, code: str, part: tuple[str, str], advice: tuple[str, str]
) -> WeightsError:
    """Return the error of a file that cannot be loaded as a part of a model.

    Args:
        path: The file.
        ja: Why, without a full stop; what ends in a new line is a list.
        en: The same in English.
        code: Of the error.
        part: What it was to be, in Japanese and in English.
        advice: What to do, likewise.
    """
    ends = "" if ja.endswith("\n") else "。", "" if en.endswith("\n") else ". "
    return WeightsError(
        code,
        ja=f"{path} を{part[0]}として読み込めません: {ja}{ends[0]}{advice[0]}",
        en=f"cannot load {path} as {part[1]}: {en}{ends[1]}{advice[1]}",
    )


def damaged(ja: str, en: str) -> Fault:
    """Return the fault of a file of weights that is cut short or broken; the texts say where."""
    return Fault(
        "weights.damaged",
        ja=f"{FILE} は壊れているか、途中で切れています（{ja}）。もう一度ダウンロードしてください。",
        en=f"{FILE} is damaged or cut short ({en}). Download it again.",
    )


def foreign(ja: str, en: str) -> Fault:
    """Return the fault of a file that is no weights; the texts say what it is and what to do."""
    return Fault(
        "weights.foreign",
        ja=f"{FILE} を重みとして読めません: {ja}。",
        en=f"cannot read {FILE} as weights: {en}.",
    )
