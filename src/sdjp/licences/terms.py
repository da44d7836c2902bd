"""Terms for applications that run a model under the CreativeML Open RAIL-M: what it asks to be passed on.

They are text files, to be read and mended by people who know about law rather than code. The Japanese of
Attachment A is a translation made for sdjp; the English original governs.
"""

from __future__ import annotations

from importlib.resources import files

from sdjp.errors import Language
from sdjp.licences.catalogue import openrail_text


def terms(language: Language) -> str:
    """The terms, with Attachment A at their end; places to fill in are in 〔 〕 or [ ]."""
    return f"{_text(f'terms.{language}.txt')}\n{attachment_a(language)}"


def attachment_a(language: Language) -> str:
    """The use restrictions: the original in English, a translation in Japanese."""
    if language == "en":
        text = openrail_text()
        return text[text.index("\nAttachment A\n") + 1 :].rstrip() + "\n"
    return _text("attachment_a.ja.txt")


def _text(name: str) -> str:
    return (files("sdjp") / "licences" / "texts" / name).read_text(encoding="utf-8")
