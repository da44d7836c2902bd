"""Pieces of HTML for notebooks. They set no colours: text takes those of the notebook, light or dark."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from sdjp.errors import get_language

SMALL = "font-size: 0.9em; line-height: 1.5; overflow-wrap: anywhere"


def words(text: str, lang: str | None = None) -> str:
    """Text, marked with its language: by that a screen reader pronounces it, a browser picks its glyphs."""
    return f'<span lang="{lang or get_language()}">{html.escape(text)}</span>'


def said(ja: str, en: str) -> str:
    """A sentence in the language that errors use."""
    return words(en if get_language() == "en" else ja)


def lines(pieces: Iterable[str]) -> str:
    """Pieces below each other."""
    return "<br>".join(pieces)


def picture(png: bytes, *, alt: str, width: int) -> str:
    """A picture, at most ``width`` pixels wide, and never wider than the page."""
    data = base64.b64encode(png).decode("ascii")
    style = f"display: block; width: {width}px; max-width: 100%; height: auto"
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" style="{style}">'


def figure(image: str, caption: str, *, width: int) -> str:
    """A picture and what is below it."""
    return (
        f'<figure style="margin: 0; max-width: {width}px">{image}'
        f'<figcaption style="{SMALL}">{caption}</figcaption></figure>'
    )


def row(pieces: Iterable[str]) -> str:
    """Pieces beside each other, as many as the page has room for."""
    return f'<div style="display: flex; flex-wrap: wrap; gap: 8px; margin: 4px 0">{"".join(pieces)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of pieces."""
    cells = "".join(f'<th scope="col" style="text-align: left">{cell}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align: left">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
