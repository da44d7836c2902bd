"""The bill of materials that the wheel has in it: every asset, with its licence; the same each time."""

from __future__ import annotations

import hashlib
import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

import sdjp
from sdjp.licences.shipped import is_card, item_of
from tests.markdown import ROOT

PACKAGE = ROOT / "src" / "sdjp"


@pytest.fixture(scope="module")
def sbom() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "sbom.py")))


def test_every_asset_is_in_it_with_its_licence(sbom: SimpleNamespace) -> None:
    bom = sbom.shipped()
    assert bom["metadata"]["component"]["version"] == sdjp.__version__
    found: dict[str, tuple[str, str]] = {}
    for component in bom["components"]:
        [licence] = component["licenses"]
        name = licence["license"].get("id") or licence["license"]["name"]
        for file in component["components"]:
            found[file["name"].removeprefix("sdjp/")] = (name, file["hashes"][0]["content"])
    assets = [path for path in (PACKAGE / "assets").rglob("*") if path.is_file()]
    for path in assets:
        name = path.relative_to(PACKAGE).as_posix()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found.pop(name, None) == (None if is_card(name) else (item_of(name).licence, digest)), name
    assert all(name.startswith("licences/texts/") for name in found)


def test_every_part_has_a_reference_of_its_own_and_the_text_is_the_same_each_time(
    sbom: SimpleNamespace,
) -> None:
    text = sbom.text(sbom.shipped())
    assert text == sbom.text(sbom.shipped())
    bom = json.loads(text)
    parts = [*bom["components"], *(file for part in bom["components"] for file in part["components"])]
    refs = [part["bom-ref"] for part in parts]
    assert len(set(refs)) == len(refs)
    [row] = bom["dependencies"]
    assert row == {"ref": "sdjp", "dependsOn": [part["bom-ref"] for part in bom["components"]]}
    assert str(Path.home()) not in text
    assert str(ROOT) not in text
