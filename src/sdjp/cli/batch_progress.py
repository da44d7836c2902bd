"""How a job goes on: a line that is rewritten on a terminal, and a line now and then in a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO

from sdjp.cli.help import columns
from sdjp.errors import get_language

if TYPE_CHECKING:
    from sdjp.batch.progress import Progress
    from sdjp.batch.sinks import Event

TOLD: Final = 20
"""Failures that are told one by one; then they are only counted."""

_ON_TERMINAL: Final = 0.2  # seconds between two lines
_IN_LOG: Final = 30.0


class Reporter:
    """Tells how a job goes on, on standard error.

    Args:
        progress: What is counted.
        stream: Where to tell it; standard error, if None.
        clock: Gives seconds.
    """

    def __init__(
        self, progress: Progress, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.progress = progress
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._shown: float | None = None  # when
        self._line = ""
        self._failures = 0

    def tell(self, event: Event) -> None:
        """Take in what happened to an item, and show it if it is time."""
        self.progress.add(event)
        if event.kind == "failed":
            self._fail(event)
        now = self._clock()
        if self._shown is None or now - self._shown >= (_ON_TERMINAL if self._terminal else _IN_LOG):
            self._shown = now
            self._show()

    def close(self) -> None:
        """Show how it stands in the end; what is printed next has a line of its own."""
        if self._shown is None:
            return
        self._show()
        if self._terminal:
            self._write("\n")
        self._line = ""

    def _show(self) -> None:
        line = self.progress.line()
        if self._terminal:
            line = _cut(line, shutil.get_terminal_size().columns - 1)
            gone = max(0, columns(self._line) - columns(line))
            self._write(f"\r{line}{' ' * gone}")
        elif line != self._line:
            self._write(f"{line}\n")
        self._line = line

    def _fail(self, event: Event) -> None:
        self._failures += 1
        error, language = event.error or {}, get_language()
        if self._failures <= TOLD:
            ja, en = f"{event.row:,} 行目を描けませんでした: ", f"row {event.row:,} could not be drawn: "
            self._say((en if language == "en" else ja) + error.get(language, ""))
        elif self._failures == TOLD + 1:
            self._say(
                "more failures are only counted; the reasons are in the manifest and in summary.html."
                if language == "en"
                else "これより先の失敗は、数だけを表示します。理由は manifest と summary.html に残ります。"
            )

    def _say(self, text: str) -> None:
        """Say something on a line of its own; the one that is rewritten comes again below it."""
        if self._terminal and self._line:
            self._write(f"\r{' ' * columns(self._line)}\r")
        self._write(f"{text}\n")
        if self._terminal and self._line:
            self._write(self._line)

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # standard error: nothing is left to say it with
            self._stream.write(text)
            self._stream.flush()


def _cut(line: str, width: int) -> str:
    """As much of a line as fits."""
    while line and columns(line) > width:
        line = line[:-1]
    return line
