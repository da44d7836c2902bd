"""The table of what ships, the notice, the assets, pyproject.toml and the archives say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sdjp.licences import works
from sdjp.licences.catalogue import LICENCES, openrail_text
from sdjp.licences.notice import attribution, model_attribution, notice
from sdjp.licences.shipped import (
    ASSETS,
    SHIPPED,
    SOURCE_ONLY,
    Item,
    cards,
    folder,
    is_card,
    item_of,
)
from sdjp.licences.works import Work

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "sdjp"
ASSET_FOLDERS = sorted(path for path in (SOURCE / "assets").iterdir() if path.is_dir())
WORKS = [work for work in vars(works).values() if isinstance(work, Work)]
# Of others, by the look of it: licences, what programs made small, fonts, folders for what others wrote.
FOREIGN = re.compile(
    r"(^|/)(LICEN[CS]E|COPYING|NOTICE)([-.](?!py)[^/]*)?$|\.min\.(js|css)$|\.(ttf|otf|woff2?|whl|jar|so|dll)$"
    r"|(^|/)(vendor|third_party|node_modules|external)/",
    re.IGNORECASE,
)
HELD = re.compile(r"Copyright \(c\) \d{4}|© \d{4}|@license\b", re.IGNORECASE)
OURS = (
    "LICENSE",
    "src/sdjp/NOTICE",
    "src/sdjp/licences/*",  # names the works of others
    "src/sdjp_training/release/translator_licence.txt",  # becomes the LICENSE of the translator
    "tests/unit/licences/*",
    "docs/*/licences.md",
)
"""Files that speak of the works of others and are none."""


def test_every_file_of_the_package_has_its_row() -> None:
    files = [path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    names = [path.relative_to(SOURCE).as_posix() for path in files]
    assert len(names) > 300
    for name in names:
        if not is_card(name):
            item_of(name)


def test_a_file_that_nobody_told_of_is_noticed() -> None:
    for name in ("assets/new/model.safetensors", "assets/mini/new.bin", "fonts/new.ttf"):
        with pytest.raises(KeyError, match=name):
            item_of(name)


def test_every_row_has_files() -> None:
    inside = [path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*") if path.is_file()]
    outside = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*") if path.is_file()]
    for items, names in ((SHIPPED, inside), (SOURCE_ONLY, outside)):
        for item in items:
            for pattern in item.files:
                assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_every_row_and_work_names_a_licence_that_is_known() -> None:
    for item in (*SHIPPED, *SOURCE_ONLY):
        assert item.licence in LICENCES
        assert item.ja
        assert item.en
    for work in WORKS:
        assert work.licence in LICENCES
        assert work.url.startswith("https://")


def test_the_notice_is_that_of_the_table() -> None:
    written = (SOURCE / "NOTICE").read_text(encoding="utf-8")
    assert written == notice(), "python -m sdjp.licences.notice src/sdjp/NOTICE"


def test_the_notice_names_every_asset_and_every_work_with_its_holder() -> None:
    text = (SOURCE / "NOTICE").read_text(encoding="utf-8")
    for place in ASSET_FOLDERS:
        assert f"sdjp/assets/{place.name}/" in text
    for work in WORKS:
        assert f"{work.name}; {work.holder}; {work.licence}; {work.url}" in text


@pytest.mark.parametrize("place", ASSET_FOLDERS, ids=lambda place: place.name)
def test_a_folder_of_assets_tells_what_its_rows_tell(place: Path) -> None:
    text = (place / "LICENSE").read_text(encoding="utf-8")
    told = text + (place / "README.md").read_text(encoding="utf-8")
    rows = [item for item in ASSETS if any(f.startswith(f"assets/{place.name}/") for f in item.files)]
    assert rows
    for item in rows:
        for work in (*item.parts_of, *item.learnt_from):
            for name in work.name.split(", ")[:1]:
                assert re.search(rf"\b{re.escape(name.split(':')[0])}", told), f"{place.name}: {name}"
        for work in item.parts_of:
            if work.licence in ("MIT", "BSD-3-Clause", "Unicode-3.0"):
                holder = work.holder.replace("(c)", "©") if "©" in text else work.holder
                assert holder in text, f"{place.name}: the LICENSE names not the holder of {work.name}"
                assert "WITHOUT WARRANTY" in text or "AS IS" in text, "the text itself has to be there"


def test_rows_find_the_licence_beside_their_files() -> None:
    for item in ASSETS:
        assert [path.name for path in cards(item)]
        assert all(path.is_file() and path.is_relative_to(folder()) for path in cards(item))


def test_the_expression_of_the_project_has_every_licence_of_its_files() -> None:
    expression = set(project()["license"].split(" AND "))
    installed = [item for item in SHIPPED if not item.files[0].startswith("licences/texts/")]
    needed = {item.licence for item in installed}
    learnt = {work.licence for item in installed for work in item.learnt_from}
    assert needed <= expression
    assert expression <= needed | learnt


def test_notice_and_licences_are_licence_files_of_the_project() -> None:
    patterns = project()["license-files"]
    for path in (ROOT / "LICENSE", SOURCE / "NOTICE", *(place / "LICENSE" for place in ASSET_FOLDERS)):
        name = path.relative_to(ROOT).as_posix()
        assert path.is_file()
        assert any(fnmatchcase(name, pattern.replace("**/", "*")) for pattern in patterns), name


# What is in the archives. hatchling tells, and builds nothing.


@pytest.fixture(scope="module")
def wheel() -> dict[str, Path]:
    """The files of a wheel, by their names in it."""
    builders = pytest.importorskip("hatchling.builders.wheel")
    builder = builders.WheelBuilder(str(ROOT))
    return {file.distribution_path: Path(file.path) for file in builder.recurse_included_files()}


def test_the_wheel_has_the_notice_and_no_file_without_a_row(wheel: dict[str, Path]) -> None:
    assert "sdjp/NOTICE" in wheel
    assert "sdjp/licences/texts/CreativeML-OpenRAIL-M.txt" in wheel
    for name in wheel:
        inner = name.removeprefix("sdjp/")
        assert inner != name, f"{name} is outside of the package"
        if not is_card(inner):
            item_of(inner)


def test_the_metadata_of_a_wheel_have_the_notice_and_each_licence(wheel: dict[str, Path]) -> None:
    metadata = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT)).metadata
    files = set(metadata.core.license_files)
    assert {"LICENSE", "src/sdjp/NOTICE"} <= files
    assert {f"src/sdjp/assets/{place.name}/LICENSE" for place in ASSET_FOLDERS} <= files


def test_nothing_of_others_is_in_the_source_archive_without_a_row() -> None:
    builders = pytest.importorskip("hatchling.builders.sdist")
    builder = builders.SdistBuilder(str(ROOT))
    strangers = []
    for file in builder.recurse_included_files():
        path, name = Path(file.path), Path(file.path).relative_to(ROOT).as_posix()
        if any(fnmatchcase(name, pattern) for pattern in OURS) or _told(name):
            continue
        if FOREIGN.search(name) or _names_a_holder(path):
            strangers.append(name)
    assert strangers == []


def _told(name: str) -> bool:
    inner = name.removeprefix("src/sdjp/")
    return is_card(inner) or inner.startswith("assets/") or any(item.has(name) for item in SOURCE_ONLY)


def _names_a_holder(path: Path) -> bool:
    try:
        return HELD.search(path.read_text(encoding="utf-8")) is not None
    except (UnicodeDecodeError, OSError):
        return False


# Lines for other people's pages.


@pytest.mark.parametrize("language", ["ja", "en"])
def test_attribution_names_every_work_behind_the_assets(language: Any) -> None:
    lines = attribution(language)
    for work in dict.fromkeys(_works(ASSETS)):
        assert work.name in lines
        assert work.holder in lines
        assert LICENCES[work.licence].name in lines
    # Creative Commons asks for the address of the licence and for what was changed.
    assert "https://creativecommons.org/licenses/by-sa/4.0/" in lines
    assert ("選んで短く" if language == "ja" else "selected and shortened") in lines
    assert "Robin Rombach and Patrick Esser" in model_attribution(language)
    assert "Robin Rombach" not in lines  # its weights do not ship


def _works(items: tuple[Item, ...]) -> Iterator[Work]:
    for item in items:
        yield from (*item.parts_of, *item.learnt_from)


def test_the_open_rail_is_the_published_text_to_the_byte() -> None:
    import hashlib

    data = (SOURCE / "licences" / "texts" / "CreativeML-OpenRAIL-M.txt").read_bytes()
    digest = "be351ebe7ac01bcdbb018639aadcfd38f136b7dc3f2a3d4d3a24db51d1b210ef"  # LICENSE of CompVis @21f890f
    assert hashlib.sha256(data).hexdigest() == digest
    assert openrail_text().startswith("Copyright (c) 2022 Robin Rombach and Patrick Esser and contributors")


@cache
def project() -> dict[str, Any]:
    """The table ``project`` of pyproject.toml, as far as it is about licences; Python 3.10 has no tomllib."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    license = re.search(r'^license = "(.+)"$', text, re.MULTILINE)
    files = re.search(r"^license-files = \[(.+)\]$", text, re.MULTILINE)
    assert license is not None
    assert files is not None
    return {"license": license[1], "license-files": re.findall(r'"(.+?)"', files[1])}
