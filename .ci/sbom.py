"""The bill of materials: what is in the wheel, and what is installed with it; CycloneDX 1.6, as JSON.

The table of :mod:`sdjp.licences.shipped` tells what is in the wheel. The same sources give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))  # of these sources, not of an sdjp that is installed

from sdjp._version import __version__  # noqa: E402
from sdjp.licences import packages  # noqa: E402
from sdjp.licences.catalogue import LICENCES  # noqa: E402
from sdjp.licences.packages import normalized  # noqa: E402
from sdjp.licences.shipped import ASSETS, CODE, TEXTS, Item, is_card  # noqa: E402
from sdjp.licences.works import Work  # noqa: E402

NOT_IN_SPDX = ("CC-BY-2.0-FR", "CreativeML-OpenRAIL-M")


def shipped() -> dict[str, Any]:
    """What is in the wheel: the code, and each row of assets with its files, licence and origin."""
    root = {
        "type": "library",
        "bom-ref": "sdjp",
        "name": "sdjp",
        "version": __version__,
        "purl": f"pkg:pypi/sdjp@{__version__}",
        "licenses": _licences(CODE.licence),
    }
    components = [_component(item) for item in (*ASSETS, TEXTS)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": "sdjp", "dependsOn": [part["bom-ref"] for part in components]}],
    }


def installed(environment: dict[str, Any]) -> dict[str, Any]:
    """What is in the wheel, and what was installed with it; for the Python of the environment that has it.

    Args:
        environment: What ``cyclonedx-py environment`` says of it.
    """
    bom = shipped()
    parts = {part["bom-ref"]: part for part in environment["components"]}
    graph = {row["ref"]: row.get("dependsOn", []) for row in environment["dependencies"]}
    [own] = (ref for ref, part in parts.items() if part["name"] == "sdjp")
    bom["metadata"] = {**environment["metadata"], **bom["metadata"]}
    bom["dependencies"][0]["dependsOn"] += graph[own]
    told = {normalized(package.name): package.licence for package in packages.installed_for()}
    waiting, seen = list(graph[own]), {own}
    while waiting:
        ref = waiting.pop(0)
        if ref not in seen:
            seen.add(ref)
            waiting += graph.get(ref, [])
            licence = told.get(normalized(parts[ref]["name"]))
            missing = {} if licence is None else {"licenses": [{"license": {"name": licence}}]}
            bom["components"].append({**missing, **parts[ref]})
            bom["dependencies"].append({"ref": ref, "dependsOn": graph.get(ref, [])})
    return bom


def text(bom: dict[str, Any]) -> str:
    """The file of a document."""
    return json.dumps(bom, ensure_ascii=False, indent=1) + "\n"


def _component(item: Item) -> dict[str, Any]:
    sources = ROOT / "src" / "sdjp"
    paths = {path.relative_to(sources).as_posix(): path for path in sources.rglob("*") if path.is_file()}
    files = [name for name in sorted(paths) if item.has(name) and not is_card(name)]
    if not files:
        raise FileNotFoundError(f"no file is {item.files}: see src/sdjp/licences/shipped.py")
    weights = any(name.endswith(".safetensors") for name in files)
    return {
        "type": "machine-learning-model" if weights else "data",
        "bom-ref": f"sdjp/{files[0]}#row",
        "name": item.en,
        "licenses": _licences(item.licence),
        "pedigree": {
            "ancestors": [_work(work) for work in (*item.parts_of, *item.learnt_from)],
            "notes": f"They {item.made}.",
        },
        "components": [
            {
                "type": "file",
                "bom-ref": f"sdjp/{name}",
                "name": f"sdjp/{name}",
                "hashes": [
                    {"alg": "SHA-256", "content": hashlib.sha256(paths[name].read_bytes()).hexdigest()}
                ],
            }
            for name in files
        ],
    }


def _work(work: Work) -> dict[str, Any]:
    return {
        "type": "data",
        "name": work.name,
        "copyright": work.holder,
        "licenses": _licences(work.licence),
        "externalReferences": [{"type": "website", "url": work.url}],
    }


def _licences(name: str) -> list[dict[str, Any]]:
    key = "name" if name in NOT_IN_SPDX else "id"
    return [{"license": {key: name, "url": LICENCES[name].url}}]


if __name__ == "__main__":  # sbom.py FROM TO: a document of cyclonedx-py, made into that of the wheel
    given, wanted = map(Path, sys.argv[1:])
    wanted.write_text(text(installed(json.loads(given.read_text(encoding="utf-8")))), encoding="utf-8")
