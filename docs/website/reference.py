"""Pages of the API reference: a table of public names in the repository, their docstrings below on the site.

::

    ## `sdjp.samplers`

    | 名前 | 何か |
    |---|---|
    | `get_sampler` | 名前からサンプラーを得る |

On the site each name links to its entry, which mkdocstrings writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_MODULE: Final = re.compile(r"^## `(sdjp[\w.]*)`$")
_ROW: Final = re.compile(r"^\| `(\w+)` \| (.+) \|$")


class Name(NamedTuple):
    """A public name, and what a page says of it in one line."""

    path: str
    summary: str


def names(text: str) -> Iterator[Name]:
    """Every name of a page, in its order."""
    module = ""
    for line in text.splitlines():
        if found := _MODULE.match(line):
            module = found[1]
        elif module and (found := _ROW.match(line)):
            yield Name(f"{module}.{found[1]}", found[2].replace("\\|", "|"))


def with_entries(text: str) -> str:
    """The page with an entry for each name, at the end of the section of its module."""
    module = ""
    lines: list[str] = []
    waiting: list[str] = []
    for line in text.splitlines():
        if line.startswith("## "):
            lines += waiting
            waiting = []
            found = _MODULE.match(line)
            module = found[1] if found else ""
        elif module and (row := _ROW.match(line)):
            path = f"{module}.{row[1]}"
            line = f"| [`{row[1]}`][{path}] | {row[2]} |"
            waiting += [f"::: {path}", ""]
        lines.append(line)
    return "\n".join([*lines, "", *waiting])
