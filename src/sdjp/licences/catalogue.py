"""Licences by their names: what kind each is, where its text is, and how a text or a name is recognised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Final, Literal

Kind = Literal[
    "free",
    "notice",
    "apache",
    "attribution",
    "share-alike",
    "edrdg",
    "copyleft-of-files",
    "openrail",
]
"""What licences of one kind ask is the same; see :mod:`sdjp.licences.duties`."""


@dataclass(frozen=True, kw_only=True)
class Licence:
    """A licence.

    Attributes:
        id: Its identifier: SPDX's, where SPDX has one.
        name: What it is called.
        kind: What it asks for.
        url: Where its text is; it is for people to read and is never opened here.
        titles: First lines of its text.
        names: What else it is called, on model cards for instance; in small letters.
    """

    id: str
    name: str
    kind: Kind
    url: str
    titles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


_CC: Final = "https://creativecommons.org"

LICENCES: Final[Mapping[str, Licence]] = {
    licence.id: licence
    for licence in (
        Licence(
            id="Apache-2.0",
            name="Apache License 2.0",
            kind="apache",
            url="https://www.apache.org/licenses/LICENSE-2.0",
            titles=("Apache License Version 2.0, January 2004",),
        ),
        Licence(
            id="MIT",
            name="MIT License",
            kind="notice",
            url="https://opensource.org/license/mit",
            titles=("MIT License", "The MIT License", "The MIT License (MIT)"),
        ),
        Licence(
            id="BSD-2-Clause",
            name="BSD 2-Clause License",
            kind="notice",
            url="https://opensource.org/license/bsd-2-clause",
            titles=("BSD 2-Clause License",),
        ),
        Licence(
            id="BSD-3-Clause",
            name="BSD 3-Clause License",
            kind="notice",
            url="https://opensource.org/license/bsd-3-clause",
            titles=("BSD 3-Clause License",),
        ),
        Licence(
            id="ISC",
            name="ISC License",
            kind="notice",
            url="https://opensource.org/license/isc-license-txt",
            titles=("ISC License",),
        ),
        Licence(
            id="Unicode-3.0",
            name="Unicode License v3",
            kind="notice",
            url="https://www.unicode.org/license.txt",
            titles=("UNICODE LICENSE V3",),
        ),
        Licence(
            id="MPL-2.0",
            name="Mozilla Public License 2.0",
            kind="copyleft-of-files",
            url="https://www.mozilla.org/MPL/2.0/",
            titles=("Mozilla Public License Version 2.0", "Mozilla Public License, version 2.0"),
        ),
        Licence(
            id="CC0-1.0",
            name="CC0 1.0",
            kind="free",
            url=f"{_CC}/publicdomain/zero/1.0/",
            titles=("CC0 1.0 Universal", "Creative Commons CC0 1.0 Universal"),
        ),
        Licence(id="CC-BY-2.0-FR", name="CC BY 2.0 FR", kind="attribution", url=f"{_CC}/licenses/by/2.0/fr/"),
        Licence(id="CC-BY-4.0", name="CC BY 4.0", kind="attribution", url=f"{_CC}/licenses/by/4.0/"),
        Licence(id="CC-BY-SA-3.0", name="CC BY-SA 3.0", kind="share-alike", url=f"{_CC}/licenses/by-sa/3.0/"),
        Licence(id="CC-BY-SA-4.0", name="CC BY-SA 4.0", kind="share-alike", url=f"{_CC}/licenses/by-sa/4.0/"),
        Licence(
            id="CreativeML-OpenRAIL-M",
            name="CreativeML OpenRAIL-M",
            kind="openrail",
            url="https://huggingface.co/spaces/CompVis/stable-diffusion-license",
            titles=("CreativeML Open RAIL-M",),
            names=("creativeml openrail-m", "creativeml open rail-m"),
        ),
    )
}
"""By identifier."""

OPENRAIL: Final = LICENCES["CreativeML-OpenRAIL-M"]
_LINES: Final = 4
"""Lines at the top of a text in which its title is looked for; a copyright may stand before it."""


def openrail_text() -> str:
    """The text of the CreativeML Open RAIL-M, as CompVis published it with Stable Diffusion v1."""
    file = files("sdjp") / "licences" / "texts" / "CreativeML-OpenRAIL-M.txt"
    return file.read_text(encoding="utf-8")


def by_name(name: str) -> Licence | None:
    """The licence that an identifier or a name means; None if it is none of :data:`LICENCES`."""
    wanted = name.strip().casefold()
    for licence in LICENCES.values():
        if wanted in (licence.id.casefold(), licence.name.casefold(), *licence.names):
            return licence
    return None


def by_title(text: str) -> Licence | None:
    """The licence whose title a text has at its top; None if none has it: nothing is guessed at."""
    lines = [line for line in map(_plain, text.splitlines()) if line][:_LINES]
    pairs = [f"{one} {two}" for one, two in pairwise(lines)]
    for licence in LICENCES.values():
        if any(_plain(title) in (*lines, *pairs) for title in licence.titles):
            return licence
    return None


def _plain(line: str) -> str:
    """A line without what decorates titles: ``# MIT License`` and ``=== MIT License ===``."""
    return re.sub(r"\s+", " ", line.strip(" \t#=*-_.\ufeff")).casefold()
