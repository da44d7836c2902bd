"""The notice that ships with the package, and lines that name its sources on a page of an application.

``python -m sdjp.licences.notice FILE`` writes the notice, after a row of ``shipped`` or ``works`` changed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sdjp.errors import Language
from sdjp.licences.catalogue import LICENCES
from sdjp.licences.shipped import ASSETS, CODE, SOURCE_ONLY, TEXTS, Item
from sdjp.licences.works import STABLE_DIFFUSION, Work

_HEAD: Final = """\
sdjp
Copyright the sdjp authors

Licensed under the Apache License, Version 2.0 (the file LICENSE); what is told below has licences of its own.
Names of licences are identifiers of SPDX where SPDX has one. The texts are in the files LICENSE of the
folders below sdjp/assets, or at the addresses at the end.
"""
_WIDTH: Final = 110


def notice() -> str:
    """The text of ``NOTICE``: every asset with its licence, its origin and whose it is."""
    return "\n".join(
        [
            _HEAD,
            _title("In the package"),
            *(_entry(item, "sdjp/") for item in (*ASSETS, TEXTS)),
            _title("In the source archive alone"),
            *(_entry(item, "") for item in SOURCE_ONLY),
            _title("Where the licences are"),
            *_addresses((CODE, *ASSETS, TEXTS, *SOURCE_ONLY)),
        ]
    )


def attribution(language: Language) -> str:
    """Lines for an "about" page of an application that ships sdjp, or runs it as a service."""
    taken = dict.fromkeys(work for item in ASSETS for work in item.parts_of)
    learnt = dict.fromkeys(work for item in ASSETS for work in item.learnt_from if work not in taken)
    own = [item for item in ASSETS if item.terms.kind == "share-alike" and not item.parts_of]
    if language == "en":
        return "\n".join(
            [
                "Pictures by sdjp (the sdjp authors; Apache License 2.0)",
                "",
                "In sdjp:",
                *(_line(work, language) for work in taken),
                *(f"- {item.en}: sdjp; {item.terms.name} {item.terms.url}" for item in own),
                "JMdict, JMnedict and CLDR were selected and shortened, Real-ESRGAN is in another format.",
                "",
                "What weights and tables of sdjp were learnt from, or made with:",
                *(_line(work, language) for work in learnt),
                "",
                "The licences in full: the files NOTICE and LICENSE of sdjp",
            ]
        )
    return "\n".join(
        [
            "画像生成: sdjp（The sdjp authors、Apache License 2.0）",
            "",
            "sdjp に含まれるもの:",
            *(_line(work, language) for work in taken),
            *(f"- {item.ja}: sdjp、{item.terms.name} {item.terms.url}" for item in own),
            "JMdict・JMnedict・CLDR は、選んで短くしています。Real-ESRGAN は、形式を変えています。",
            "",
            "sdjp の重みの学習や、表の作成に使ったもの:",
            *(_line(work, language) for work in learnt),
            "",
            "ライセンスの全文: sdjp の NOTICE と LICENSE",
        ]
    )


def model_attribution(language: Language) -> str:
    """The line for weights of Stable Diffusion v1."""
    return _line(STABLE_DIFFUSION, language)


def _line(work: Work, language: Language) -> str:
    licence = LICENCES[work.licence]
    # Creative Commons asks for the address of the licence, too.
    where = f" {licence.url}" if licence.kind in ("attribution", "share-alike") else ""
    return (
        f"- {work.name} ({work.url}): {work.holder}; {licence.name}{where}"
        if language == "en"
        else f"- {work.name}（{work.url}）: {work.holder}、{licence.name}{where}"
    )


def _title(text: str) -> str:
    return f"{'-' * _WIDTH}\n{text}\n{'-' * _WIDTH}\n"


def _entry(item: Item, root: str) -> str:
    files = "\n".join(f"{root}{pattern}" for pattern in item.files)
    lines = [files, f"  {item.en}; {item.licence}", f"  which {item.made}"]
    for label, works in (("from", item.parts_of), ("learnt from", item.learnt_from)):
        lines += [f"  {label}: {work.name}; {work.holder}; {work.licence}; {work.url}" for work in works]
    return "\n".join(lines) + "\n"


def _addresses(items: Iterable[Item]) -> list[str]:
    used = {item.licence for item in items}
    used |= {work.licence for item in items for work in (*item.parts_of, *item.learnt_from)}
    return [f"{licence.id}: {licence.url}" for licence in LICENCES.values() if licence.id in used] + [""]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(notice(), encoding="utf-8")
