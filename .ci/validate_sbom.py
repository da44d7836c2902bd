"""Checks bills of materials, a file and the one in a wheel, by CycloneDX's schema: ``FILE WHEEL``."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

file, wheel = map(Path, sys.argv[1:])
archive = zipfile.ZipFile(wheel)
documents = {file.name: file.read_text(encoding="utf-8")}
for name in archive.namelist():
    if ".dist-info/sboms/" in name:
        documents[name] = archive.read(name).decode("utf-8")
validator = JsonStrictValidator(SchemaVersion.V1_6)
faults = {name: fault for name, text in documents.items() if (fault := validator.validate_str(text))}
for name, fault in faults.items():
    print(f"{name}: {fault}")
sys.exit(bool(faults) or len(documents) != 2)
