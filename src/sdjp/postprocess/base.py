"""The protocol of a post-processor, and the run of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sdjp.records import Report

if TYPE_CHECKING:
    from PIL.Image import Image


@runtime_checkable
class PostProcessor(Protocol):
    """Finished RGB pictures in; pictures and one report for each out, in order."""

    @property
    def name(self) -> str:
        """The registry name, such as ``"watermark"``."""
        ...

    def __call__(self, images: list[Image], /) -> tuple[list[Image], list[Report]]:
        """Process the pictures of one batch; those that were given are not modified."""
        ...


@dataclass(frozen=True, kw_only=True)
class Switch:
    """How a post-processor is turned on and off when a pipeline is built.

    Attributes:
        make: From the value of the switch to the post-processor.
        default: The value if none is given.
        off: The value that turns it off.
    """

    make: Callable[[Any], PostProcessor]
    default: object
    off: object


@dataclass(frozen=True)
class Note:
    """Leaves pictures alone and says why: switched off, or what it needs is not there."""

    report: Report

    @property
    def name(self) -> str:
        """The name of the post-processor that it stands for."""
        return self.report.name

    def __call__(self, images: list[Image], /) -> tuple[list[Image], list[Report]]:
        """Give the pictures back, with the same report for each."""
        return list(images), [self.report for _ in images]


def run(
    processors: Sequence[PostProcessor], images: Sequence[Image]
) -> tuple[list[Image], list[tuple[Report, ...]]]:
    """Apply post-processors one after the other; an error in one never loses a picture.

    Where one raises, its pictures stay as they were before it, its report says "failed" and that they are
    neither checked nor changed, and the next one goes on.

    Returns:
        The pictures, and for each of them one report from each processor.
    """
    current = list(images)
    columns: list[list[Report]] = []
    for processor in processors:
        try:
            changed, reports = processor(list(current))
            if not len(changed) == len(reports) == len(current):
                raise ValueError(
                    f"{len(changed)} pictures and {len(reports)} reports for {len(current)} pictures"
                )
            current = changed
        except Exception as error:  # whatever it is: the pictures took minutes to draw
            reports = [_failed(processor.name, error) for _ in current]
        columns.append(reports)
    return current, [tuple(column[i] for column in columns) for i in range(len(current))]


def _failed(name: str, error: Exception) -> Report:
    ja, en = (
        getattr(error, language, None) or str(error) or type(error).__name__ for language in ("ja", "en")
    )
    return Report(
        name=name,
        status="failed",
        ja=f"後処理「{name}」でエラーが起きたため、この画像は確認も変更もされていません: {ja}",
        en=f"post-processor '{name}' failed: this picture is neither checked nor changed by it: {en}",
        data={"error": type(error).__name__},
    )
