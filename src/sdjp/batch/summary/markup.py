"""Pieces of a page in two languages, of which its reader sees one; whatever text is given is escaped."""

from __future__ import annotations

import html
import re
from typing import Final

from sdjp.errors import LANGUAGES, Language
from sdjp.text.script import is_japanese

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def escape(text: str) -> str:
    """Escape a text; what HTML has no place for (control characters, half characters) is made visible."""
    text = _CONTROL.sub(lambda c: "\u2421" if c[0] == "\x7f" else chr(0x2400 + ord(c[0])), text)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return html.escape(text)


def both(*, ja: str, en: str) -> str:
    """A text in both languages."""
    return f'<span class="t" lang="ja">{escape(ja)}</span><span class="t" lang="en">{escape(en)}</span>'


def quoted(text: str, *, most: int = 400) -> str:
    """Words of the input: they may be of any language and direction, and of any length.

    Args:
        text: What is quoted.
        most: Characters that are shown at most.
    """
    lang = ' lang="ja"' if is_japanese(text) else ""
    return f"<bdi{lang}>{escape(shortened(text, most))}</bdi>"


def shortened(text: str, most: int) -> str:
    """A text, or its beginning and an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def section(title: str, body: str, note: str = "") -> str:
    """A section; all three are HTML."""
    note = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{title}</h2>{note}{body}</section>"


def page(*, title: str, style: str, body: str, language: Language) -> str:
    """A page that needs no script and nothing from elsewhere; it can be switched to the other language.

    Args:
        title: Text.
        style: CSS; it shows one language of what has the class ``t``, by the switches ``#ja`` and ``#en``.
        body: HTML.
        language: What is shown first.
    """
    switches = "".join(
        f'<input class="switch" type="radio" name="language" id="{one}"{chosen}>'
        for one in LANGUAGES
        for chosen in [" checked" if one == language else ""]
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f'<body>\n{switches}\n<div class="page">\n{body}\n</div>\n</body>\n</html>\n'
    )
