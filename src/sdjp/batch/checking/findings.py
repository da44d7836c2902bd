"""What a look at the folder of a job found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

LISTED: Final = 50
"""Findings of a kind that are told one by one; the others are counted."""

Kind: TypeAlias = Literal["damaged", "missing", "orphan", "stranger", "foreign"]

_SAID: Final[dict[Kind, tuple[str, str]]] = {
    "damaged": (
        "{} は記録したときのままではありません。取り除いたので、次の実行で描き直します。",
        "{} is not as it was recorded. It is removed: the next run draws it anew.",
    ),
    "missing": (
        "{} があるはずですが、見つかりません。次の実行で描き直します。",
        "{} should be there, and is not. The next run draws it anew.",
    ),
    "orphan": (
        "{} は途中で止まったときの残りで、もう使われません。削除しました。",
        "{} was left when something stopped midway, and is of no use. It is removed.",
    ),
    "stranger": (
        "{} は別のジョブの記録です。数に入れず、そのままにしました。",
        "{} is a record of another job. It does not count, and is left alone.",
    ),
    "foreign": (
        "{} はこのジョブのものではありません。そのままにしました。",
        "{} is none of this job's. It is left alone.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        kind: ``"damaged"``: not as it was recorded. ``"missing"``: not there, though it should be.
            ``"orphan"``: left by a crash. ``"stranger"``: a record of an item of another job.
            ``"foreign"``: any other file or folder that is not this job's.
        file: Which, below the folder of the job; a folder ends with a slash.
        ja: What it is and what was done, in Japanese.
        en: And in English.
    """

    kind: Kind
    file: str
    ja: str
    en: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What :func:`sdjp.batch.checking.verify.verify` found.

    Attributes:
        pictures: Items whose picture is there and true.
        damaged: Pictures, and records of failures, that were not as they were recorded; they are removed.
        missing: Pictures that were recorded and are not there; their records are removed.
        orphans: Files that crashes left; they are removed.
        strangers: Records of items of another job, which do not count; they are left alone.
        foreign: Other files and folders that are not this job's; they are left alone.
        findings: The first :data:`LISTED` of each kind.
    """

    pictures: int
    damaged: int
    missing: int
    orphans: int
    strangers: int
    foreign: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether everything that this job recorded is true."""
        return not self.damaged and not self.missing

    @property
    def exit_code(self) -> int:
        """Of the command: 0 if all is true, 1 if something was damaged or missing (it can be drawn anew)."""
        return 0 if self.sound else 1


class Findings:
    """Counts what is found, and keeps the first of each kind."""

    def __init__(self) -> None:
        self.pictures = 0
        self._counts: Counter[Kind] = Counter()
        self._listed: Counter[Kind] = Counter()
        self._found: list[Finding] = []

    def note(self, kind: Kind, file: str, *, count: int = 1) -> None:
        """Note something that is not as it should be; ``count`` pictures are concerned."""
        self._counts[kind] += count
        self._listed[kind] += 1
        if self._listed[kind] <= LISTED:
            ja, en = (text.format(file) for text in _SAID[kind])
            self._found.append(Finding(kind=kind, file=file, ja=ja, en=en))

    def result(self) -> Verification:
        """All that was found."""
        return Verification(
            pictures=self.pictures,
            damaged=self._counts["damaged"],
            missing=self._counts["missing"],
            orphans=self._counts["orphan"],
            strangers=self._counts["stranger"],
            foreign=self._counts["foreign"],
            findings=tuple(self._found),
        )
