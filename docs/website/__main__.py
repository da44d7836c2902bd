"""``PYTHONPATH=docs python -m website [FOLDER]``: builds both sites; ``FOLDER/html`` is what to publish."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from website import reference, search_words
from website.stage import DOCS, LANGUAGES, ROOT, Stage

HERE: Final = Path(__file__).parent
DEFAULT: Final = ROOT / "build" / "site"
NAMES: Final = {"ja": "日本語", "en": "English"}
ABOUT: Final = {
    "ja": "日本語のプロンプトから絵を描く Stable Diffusion v1 のライブラリー",
    "en": "Stable Diffusion v1 that takes prompts in Japanese",
}
SWITCH: Final = {
    "ja": ("明るい配色にする", "暗い配色にする", "端末の設定に合わせる"),
    "en": ("Light colours", "Dark colours", "Colours of the system"),
}
"""What the button for colours does next: they follow the system, are light, are dark."""

OPTIONS: Final = {
    "heading_level": 3,
    "show_root_heading": True,
    "show_source": False,
    "members_order": "source",
    "merge_init_into_class": True,
    "separate_signature": True,
    "show_signature_annotations": True,
    "show_bases": False,
    "show_attribute_values": False,
    "docstring_section_style": "list",
    "line_length": 80,
    "filters": ["!^_"],
}
"""How mkdocstrings shows an entry."""


def sections() -> list[dict[str, Any]]:
    """The navigation as ``pages.yml`` has it."""
    found: list[dict[str, Any]] = yaml.safe_load((HERE / "pages.yml").read_text(encoding="utf-8"))
    return found


def navigation(language: str) -> list[Any]:
    """The navigation as Zensical takes it; what both languages share is on either site."""
    entries: list[Any] = []
    for section in sections():
        pages = [f"{page.removeprefix('../')}.md" for page in section["pages"]]
        entries += [{section[language]: pages}] if language in section else pages
    return entries


def summaries(language: str) -> dict[str, str]:
    """What the reference says of each public name."""
    pages = sorted((DOCS / language / "reference").glob("*.md"))
    return {name.path: name.summary for p in pages for name in reference.names(p.read_text(encoding="utf-8"))}


def settings(language: str) -> dict[str, Any]:
    """The configuration of a site, in the words of ``mkdocs.yml``."""
    found: dict[str, Any] = yaml.safe_load((HERE / "settings.yml").read_text(encoding="utf-8"))
    found |= {
        "site_description": ABOUT[language],
        "docs_dir": f"pages/{language}",
        "site_dir": f"html/{language}",
        "nav": navigation(language),
    }
    found["theme"] |= {"language": language, "custom_dir": str(HERE / "theme")}
    for palette, name in zip(found["theme"]["palette"], SWITCH[language], strict=True):
        palette["toggle"]["name"] = name
    found["extra"]["alternate"] = [
        {"name": name, "lang": code, "link": f"../{code}/index.html"} for code, name in NAMES.items()
    ]
    extension = {str(HERE / "docstrings.py"): {"summaries": summaries("ja") if language == "ja" else {}}}
    found["plugins"]["mkdocstrings"] = {
        "locale": language,
        "handlers": {
            "python": {"paths": [str(ROOT / "src")], "options": {**OPTIONS, "extensions": [extension]}}
        },
    }
    return found


def build(folder: Path = DEFAULT) -> Path:
    """Build both sites in ``folder``, and return where they are. A link that leads nowhere is an error."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    html = folder / "html"
    for language in LANGUAGES:
        pages = folder / "pages" / language
        Stage(language, pages).fill()
        config = folder / f"{language}.yml"  # JSON is YAML, too
        config.write_text(json.dumps(settings(language), ensure_ascii=False, indent=1), encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", str(config)]
        subprocess.run(command, check=True, env={**os.environ, "NO_COLOR": "1"})
        for name in ("404.html", "sitemap.xml"):  # they would need the site's address
            (html / language / name).unlink()
        search_words.translate(html / language, language)
    shutil.copyfile(HERE / "theme" / "start.html", html / "index.html")
    return html


if __name__ == "__main__":
    print(build(*map(Path, sys.argv[1:2])))
