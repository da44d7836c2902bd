"""Puts the bill of materials of what is in the wheel into it (PEP 770), whoever builds it."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BillOfMaterials(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        spec = importlib.util.spec_from_file_location("sbom", Path(self.root) / ".ci" / "sbom.py")
        sbom = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sbom)
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "sdjp.cdx.json"
        path.write_text(sbom.text(sbom.shipped()), encoding="utf-8")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self.folder.cleanup()
