"""The artwork the embedded model learns from: emoji drawings of free licence, fetched with npm, rendered
once.

People have the light of the five tones of skin that drawings of them come in: the yellow of none is no
person's.

Sets (name: npm package, licence):

- ``flat``: Microsoft Fluent Emoji, flat (MIT)
- ``soft``: Microsoft Fluent Emoji, high-colour (MIT)
- ``noto``: Google Noto Emoji (Apache-2.0)
- ``twemoji``: Twitter Emoji (CC BY 4.0)
- ``solid``: Microsoft Fluent Emoji, 3D (MIT)
"""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sdjp.errors import MissingDependencyError
from sdjp_training.scenes.people import PARTS, Crowd
from sdjp_training.scenes.tables import rows
from sdjp_training.scenes.tints import TINTS, tint

log = logging.getLogger(__name__)

_SKIN: Final = re.compile(r"skin-tone|-light|-dark|medium")  # of people in other colours of skin

_LIGHT: Final = "\U0001f3fb"

SIDE: Final = 256
FLAT: Final = "flat"
SOLID: Final = "solid"
"""The set that scenes are put together of where their style has no other."""
PACKAGES: Final = {
    "flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "soft": "@iconify-json/fluent-emoji@1.2.7",
    "noto": "@iconify-json/noto@1.2.9",
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "solid": "@lobehub/fluent-emoji-3d@1.1.0",
}


@dataclass(frozen=True)
class Concept:
    """One thing the model can draw.

    Attributes:
        emoji: The character whose drawing it is; behind a plus, the colour that it is tinted in, or
            who it is made to be.
        names: English names; the first is the usual one.
        japanese: Its Japanese name.
        kind: ``"animal"``, ``"person"``, ``"food"`` …
        weight: How often the UNet is shown it, beside others.
    """

    emoji: str
    names: tuple[str, ...]
    japanese: str
    kind: str
    weight: float = 1.0

    @property
    def drawn(self) -> str:
        """The character alone."""
        return self.emoji.partition("+")[0]

    @property
    def color(self) -> str:
        """What is behind the plus."""
        return self.emoji.partition("+")[2]


LIST: Final = "concepts.tsv"


def concepts(folder: Path | None = None) -> tuple[Concept, ...]:
    """Read the list of concepts that lies beside rendered artwork; without one, the shipped list."""
    own = folder / LIST if folder is not None else None
    return tuple(
        Concept(emoji, tuple(n.strip() for n in names.split(",")), japanese, kind, *map(float, weight))
        for emoji, names, japanese, kind, *weight in rows(own if own is not None and own.is_file() else LIST)
    )


def fetch(folder: Path) -> None:
    """Download the packages with ``npm pack`` and unpack their drawings below ``folder``."""
    for name, package in PACKAGES.items():
        unpack(package, folder, name)


def unpack(package: str, folder: Path, name: str) -> None:
    """Download a package with ``npm pack`` and unpack it as ``folder/name``, once."""
    target, partly = folder / name, folder / f"{name}.partly"
    if target.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    log.info("fetching %s", package)
    done = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
    )
    with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as tar:
        tar.extractall(partly, filter="data")
    (partly / "package").replace(target)
    partly.rmdir()


class Package:
    """The drawings of one set as its package has them: SVG in ``icons.json``, or pictures in ``assets``.

    Args:
        source: Where :func:`fetch` unpacked the packages.
        name: The set.
    """

    def __init__(self, source: Path, name: str) -> None:
        self.name = name
        self._pictures = source / name / "assets"
        self._icons: dict[str, Any] = {"icons": {}, "aliases": {}}
        self._chars: dict[str, str] = {}
        if (source / name / "icons.json").is_file():
            listed = "flat" if name == "soft" else name  # it has no list of characters, but the same names
            self._icons = json.loads((source / name / "icons.json").read_text())
            self._chars = json.loads((source / listed / "chars.json").read_text())

    def key(self, emoji: str) -> str | None:
        """The name of the drawing of ``emoji``, if there is one."""
        for code in _codes(emoji):
            if (self._pictures / f"{code}.webp").is_file():
                return code
            key = self._chars.get(code)
            if key is not None and (key in self._icons["icons"] or key in self._icons["aliases"]):
                return key
        return None

    @property
    def names(self) -> list[str]:
        """The names of all SVG."""
        return list(self._icons["icons"])

    def draw(self, key: str) -> NDArray[np.uint8]:
        """Render to (SIDE, SIDE, 4) RGBA."""
        picture = self._pictures / f"{key}.webp"
        if picture.is_file():
            return _picture(picture.read_bytes())
        icon = self._icons["icons"].get(key) or self._icons["icons"][self._icons["aliases"][key]["parent"]]
        width, height = (icon.get(side, self._icons.get(side, 32)) for side in ("width", "height"))
        view = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{icon["body"]}</svg>'
        return _rasterise(view)


def _codes(emoji: str) -> tuple[str, ...]:
    """The names of an emoji in packages: its code points, of light skin where it has any, with and without
    what selects its presentation.
    """
    toned = emoji[0] + _LIGHT + emoji[1:]
    return tuple(
        "-".join(f"{ord(c):0{digits}x}" for c in chars if selectors or ord(c) != 0xFE0F)
        for chars in (toned, emoji)
        for selectors in (False, True)
        for digits in (1, 4)
    )


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
    return _picture(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE)))


def _picture(data: bytes) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").resize((SIDE, SIDE)))


def render(source: Path, target: Path, *, extra: int = 1200) -> None:
    """Render every concept in every set, and ``extra`` further flat drawings for the autoencoder.

    Writes ``<set>.npy`` (N, 256, 256, 4) uint8 RGBA in the order of :func:`concepts` of ``target``,
    ``parts.npy`` of what people are put together of, and ``extra.npy``.

    Raises:
        LookupError: If a set lacks a concept.
    """
    target.mkdir(parents=True, exist_ok=True)
    every = concepts(target)
    for name in PACKAGES:
        path = target / f"{name}.npy"
        if path.exists():
            continue
        log.info("rendering %d drawings of %s", len(every), name)
        package = Package(source, name)
        drawn = (package.draw(_key(package, concept.drawn)) for concept in every)
        _save(path, np.stack([_tinted(one, concept) for one, concept in zip(drawn, every, strict=True)]))
    path = target / "parts.npy"
    if not path.exists():
        solid = Package(source, SOLID)
        _save(path, np.stack([solid.draw(_key(solid, part)) for part in PARTS]))
    path = target / "extra.npy"
    if not path.exists():
        flat = Package(source, "flat")
        used = {flat.key(concept.drawn) for concept in every}
        others = [key for key in flat.names if key not in used and not _SKIN.search(key)][:extra]
        log.info("rendering %d extra drawings", len(others))
        _save(path, np.stack([flat.draw(key) for key in others]))


def _key(package: Package, emoji: str) -> str:
    key = package.key(emoji)
    if key is None:
        raise LookupError(f"{PACKAGES[package.name]} has no drawing of {emoji}")
    return key


def _tinted(drawing: NDArray[np.uint8], concept: Concept) -> NDArray[np.uint8]:
    return tint(drawing, TINTS[concept.color].rgb) if concept.color in TINTS else drawing


def drawings(source: Path, emojis: Iterable[str]) -> dict[str, dict[str, NDArray[np.uint8]]]:
    """The drawings (256, 256, 4) RGBA of emojis, concepts or not, in every set that has them."""
    found: dict[str, dict[str, NDArray[np.uint8]]] = {emoji: {} for emoji in emojis}
    for name in PACKAGES:
        package = Package(source, name)
        for emoji, of_one in found.items():
            key = package.key(emoji)
            if key is None:
                log.warning("no drawing of %s in %s", emoji, source / name)
            else:
                of_one[name] = package.draw(key)
    return found


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
        self.concepts = concepts(folder)
        self.index = {c.emoji: i for i, c in enumerate(self.concepts)}

    @cached_property
    def sets(self) -> dict[str, NDArray[np.uint8]]:
        """Set name to (N, 256, 256, 4) RGBA."""
        return {name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in PACKAGES}

    @cached_property
    def crowd(self) -> Crowd:
        """People, put together of drawings."""
        return Crowd(dict(zip(PARTS, np.load(self.folder / "parts.npy"), strict=True)))

    @cached_property
    def extra(self) -> NDArray[np.uint8]:
        """Further flat drawings, (N, 256, 256, 4) RGBA, without names."""
        return np.asarray(np.load(self.folder / "extra.npy", mmap_mode="r"))

    def drawing(self, emoji: str, style: str = SOLID) -> NDArray[np.uint8]:
        """Return the drawing of ``emoji`` in the set ``style`` as (256, 256, 4) RGBA."""
        drawing: NDArray[np.uint8] = self.sets[style][self.index[emoji]]
        return drawing
