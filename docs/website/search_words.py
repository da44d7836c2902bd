"""The words of Zensical's search, which are English in its script whatever the language of the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "ja": {
        'placeholder:"Search"': 'placeholder:"検索"',
        '${i===1?"result":"results"}': "件",
        '"No results"': '"見つかりませんでした"',
        '"Loading search\\u2026"': '"検索の準備をしています…"',
        '"Search is unavailable. Reload the page to try again."': '"検索できません。再読み込みを。"',
    },
    "en": {},
}
"""Places in the script, each of which is there once, and what stands there instead."""


def translate(site: Path, language: str) -> None:
    """Put the words of a language into the script of a built site."""
    [script] = (site / "assets" / "javascripts").glob("bundle.*.min.js")
    text = script.read_text(encoding="utf-8")
    for place, words in WORDS[language].items():
        if text.count(place) != 1:
            raise ValueError(f"{place} is there {text.count(place)} times: another version of Zensical?")
        text = text.replace(place, words)
    script.write_text(text, encoding="utf-8")
