"""What the command line says, in Japanese or English."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from sdjp import errors


def use_utf8() -> None:
    """Let no character that a terminal cannot show stop a run: it is escaped instead."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            if (stream.encoding or "").lower().replace("-", "") == "utf8":
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def as_typed(argument: str) -> str:
    """Restore an argument that was typed in UTF-8 where the locale has no Japanese (``LC_ALL=C``).

    Python hands on the bytes as lone surrogates, which is right for the name of a file and no text.
    """
    try:
        argument.encode("utf-8")
    except UnicodeEncodeError:
        with suppress(UnicodeError):
            return os.fsencode(argument).decode("utf-8")
    return argument


def say(*, ja: str, en: str, file: TextIO | None = None) -> None:
    """Print one message in the language that is in use."""
    print(
        en if errors.get_language() == "en" else ja, file=file if file is not None else sys.stdout, flush=True
    )
