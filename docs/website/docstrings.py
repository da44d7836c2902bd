"""What mkdocstrings reads of the sources: docstrings as Markdown, each summary in the site's language."""

from __future__ import annotations

import re
from typing import Any, Final

import griffe

_ROLE: Final = re.compile(r":(?:py:)?\w+:`~?([^`]+)`")
_LITERAL: Final = re.compile(r"(?m)(?<=\S)::$")
_FLAG: Final = re.compile(r" *# doctest:.*")
_SESSION: Final = re.compile(r"(?m)^([ ]*)>>>.*(?:\n[ ]*\S.*)*")


class Docstrings(griffe.Extension):
    """Takes the marks of reStructuredText out of docstrings, and puts summaries in front."""

    def __init__(self, summaries: dict[str, str] | None = None) -> None:
        self.summaries = summaries or {}

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object that was read."""
        if obj.docstring is not None:
            text = _FLAG.sub("", _LITERAL.sub(":", _ROLE.sub(r"`\1`", obj.docstring.value)))
            obj.docstring.value = _SESSION.sub(r"\1```pycon\n\g<0>\n\1```", text)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Called when all of a package is read, so that names lead to where they are defined."""
        done: set[str] = set()
        for path, summary in self.summaries.items():
            found = pkg[path.removeprefix(f"{pkg.path}.")]
            target = found.final_target if isinstance(found, griffe.Alias) else found
            if target.path in done:
                continue
            done.add(target.path)
            if target.docstring is None:
                target.docstring = griffe.Docstring(summary, parent=target)
            else:
                target.docstring.value = f"{summary}\n\n{target.docstring.value}"
