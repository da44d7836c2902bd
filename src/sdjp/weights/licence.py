"""The licence of weights: of published files by their SHA-256, of others as they tell it themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sdjp.licences.model import PUBLISHED, UNKNOWN, ModelLicence, embedded, told_beside, told_within
from sdjp.weights.known import KNOWN, Known, sha256
from sdjp.weights.source import EMBEDDED_MODEL, Source, is_hub_id, locate

REPOSITORIES: Final = (
    *(f"CompVis/stable-diffusion-v1-{n}" for n in (1, 2, 3, 4)),
    *(f"CompVis/stable-diffusion-v-1-{n}-original" for n in (1, 2, 3, 4)),
    "runwayml/stable-diffusion-v1-5",
    "runwayml/stable-diffusion-inpainting",
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "stable-diffusion-v1-5/stable-diffusion-inpainting",
)
"""Repositories on the hub that Stable Diffusion v1 was published in; all under the same licence."""


def licence_of(source: str | Path | Source, *, checksums: bool = True) -> ModelLicence:
    """Find the licence of a model; nothing is downloaded, and no weights are loaded.

    Args:
        source: What :func:`sdjp.weights.load` takes.
        checksums: Read a file whole for its SHA-256, if it does not tell its licence itself.

    Raises:
        WeightsError: If there is nothing.
    """
    if str(source) in REPOSITORIES and not Path(str(source)).exists():
        return PUBLISHED
    if is_hub_id(source):
        return UNKNOWN
    path = locate(source).path
    told = licence_at(path, known=None)
    if told.how != "unknown" or not checksums or not path.is_file():
        return told
    return licence_at(path, known=KNOWN.get(sha256(path)))


def licence_at(path: Path, *, known: Known | None) -> ModelLicence:
    """The licence of weights that are there.

    Args:
        path: The file or folder.
        known: The published file that it is, if that was looked at.
    """
    if known is not None:
        return PUBLISHED
    if path == locate(EMBEDDED_MODEL).path:
        return embedded()
    told = told_within(path)
    return told_beside(path) if told.how == "unknown" and path.is_file() else told
