"""Reads the pages of a built site: their links, what they load, and what can be linked to."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Final

_LOADS: Final = {"img", "script", "link", "source", "iframe", "video", "audio", "object", "embed"}


class Html(HTMLParser):
    """One page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.language = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.anchors |= {has[name] for name in ("id", "name") if name in has}
        if tag == "html":
            self.language = has.get("lang", "")
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        for name in ("src", "href", "srcset", "data") if tag in _LOADS else ():
            if has.get(name):
                self.loaded.append(has[name])
