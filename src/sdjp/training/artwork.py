"""The artwork the embedded model learns from: emoji drawings of free licence, fetched with npm, rendered
once.

Sets (name: npm package, licence):

- ``flat``: Microsoft Fluent Emoji, flat (MIT)
- ``soft``: Microsoft Fluent Emoji, high-colour (MIT)
- ``noto``: Google Noto Emoji (Apache-2.0)
- ``twemoji``: Twitter Emoji (CC BY 4.0)
"""

from __future__ import annotations

import io
import json
import logging
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sdjp.errors import MissingDependencyError

log = logging.getLogger(__name__)

SIDE: Final = 256
PACKAGES: Final = {
    "flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "soft": "@iconify-json/fluent-emoji@1.2.7",
    "noto": "@iconify-json/noto@1.2.9",
    "twemoji": "@iconify-json/twemoji@1.2.5",
}


@dataclass(frozen=True)
class Concept:
    """One thing the model can draw.

    Attributes:
        emoji: The character whose drawing it is.
        names: English names; the first is the usual one.
        japanese: Its Japanese name.
        kind: ``"animal"``, ``"person"``, ``"food"`` …
    """

    emoji: str
    names: tuple[str, ...]
    japanese: str
    kind: str


def concepts() -> tuple[Concept, ...]:
    """Read the shipped list of concepts."""
    rows = []
    for line in (files("sdjp.training") / "concepts.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            emoji, names, japanese, kind = line.split("\t")
            rows.append(Concept(emoji, tuple(n.strip() for n in names.split(",")), japanese, kind))
    return tuple(rows)


def _code(emoji: str, *, selectors: bool) -> str:
    return "-".join(f"{ord(c):x}" for c in emoji if selectors or ord(c) != 0xFE0F)


def fetch(folder: Path) -> None:
    """Download the packages with ``npm pack`` and unpack their drawings below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, package in PACKAGES.items():
        target = folder / name
        if (target / "icons.json").exists():
            continue
        log.info("fetching %s", package)
        done = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
        )
        target.mkdir(exist_ok=True)
        with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as tar:
            for file in ("icons.json", "chars.json", "info.json"):
                member = tar.extractfile(f"package/{file}") if f"package/{file}" in tar.getnames() else None
                if member is not None:
                    (target / file).write_bytes(member.read())


def _svg(body: str, width: float, height: float) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{body}</svg>'


def _rasterise(svg: str) -> NDArray[np.uint8]:
    """Render to (SIDE, SIDE, 4) RGBA."""
    try:
        import resvg_py
    except ImportError as error:
        raise MissingDependencyError(
            "training.resvg",
            ja="絵の描画には resvg-py が必要です。pip install 'sdjp[training]' を実行してください。",
            en="Rendering the artwork needs resvg-py. Run: pip install 'sdjp[training]'",
        ) from error
    from PIL import Image

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA").resize((SIDE, SIDE)))


def render(source: Path, target: Path, *, extra: int = 1200) -> None:
    """Render every concept in every set, and ``extra`` further flat drawings for the autoencoder.

    Writes ``<set>.npy`` (N, 256, 256, 4) uint8 RGBA in the order of :func:`concepts`, and ``extra.npy``.
    """
    target.mkdir(parents=True, exist_ok=True)
    data = {name: json.loads((source / name / "icons.json").read_text()) for name in PACKAGES}
    chars = {
        name: json.loads((source / name / "chars.json").read_text()) for name in PACKAGES if name != "soft"
    }
    chars["soft"] = chars["flat"]  # this package has no list of characters but the same icon names
    used = set()
    for name, icons in data.items():
        path = target / f"{name}.npy"
        keys = []
        for concept in concepts():
            table = chars[name]
            key = table.get(_code(concept.emoji, selectors=False)) or table.get(
                _code(concept.emoji, selectors=True)
            )
            keys.append(key)
        if name == "flat":
            used = set(keys)
        if path.exists():
            continue
        log.info("rendering %d drawings of %s", len(keys), name)
        _save(path, np.stack([_rasterise(_find(icons, key)) for key in keys]))
    path = target / "extra.npy"
    if not path.exists():
        flat = data["flat"]
        others = [k for k in flat["icons"] if k not in used and "skin-tone" not in k and "-light" not in k]
        others = [k for k in others if "-dark" not in k and "medium" not in k][:extra]
        log.info("rendering %d extra drawings", len(others))
        _save(path, np.stack([_rasterise(_find(flat, key)) for key in others]))


def drawings(source: Path, emoji: str) -> dict[str, NDArray[np.uint8]]:
    """The drawings (256, 256, 4) RGBA of one emoji, a concept or not, in every set that has it."""
    found = {}
    for name in PACKAGES:
        if not (source / name / "icons.json").is_file():
            log.warning("no drawings of %s in %s", name, source)
            continue
        icons = json.loads((source / name / "icons.json").read_text())
        listed = "flat" if name == "soft" else name
        table = json.loads((source / listed / "chars.json").read_text())
        codes = (_code(emoji, selectors=kept) for kept in (True, False))
        key = next((table[code] for code in codes if code in table), None)
        if key is not None and (key in icons["icons"] or key in icons["aliases"]):
            found[name] = _rasterise(_find(icons, key))
    return found


def _find(icons: dict[str, Any], key: str) -> str:
    icon = icons["icons"].get(key) or icons["icons"][icons["aliases"][key]["parent"]]
    width, height = (icon.get(side, icons.get(side, 32)) for side in ("width", "height"))
    return _svg(icon["body"], width, height)


def _save(path: Path, array: NDArray[np.uint8]) -> None:
    temporary = path.with_suffix(".tmp.npy")
    np.save(temporary, array)
    temporary.replace(path)


class Artwork:
    """The rendered drawings, memory-mapped.

    Args:
        folder: Where :func:`render` wrote them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.concepts = concepts()
        self.index = {c.emoji: i for i, c in enumerate(self.concepts)}

    @cached_property
    def sets(self) -> dict[str, NDArray[np.uint8]]:
        """Set name to (N, 256, 256, 4) RGBA."""
        return {name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in PACKAGES}

    @cached_property
    def extra(self) -> NDArray[np.uint8]:
        """Further flat drawings, (N, 256, 256, 4) RGBA, without names."""
        return np.asarray(np.load(self.folder / "extra.npy", mmap_mode="r"))

    def drawing(self, emoji: str, style: str = "flat") -> NDArray[np.uint8]:
        """Return the drawing of ``emoji`` in the set ``style`` as (256, 256, 4) RGBA."""
        drawing: NDArray[np.uint8] = self.sets[style][self.index[emoji]]
        return drawing
