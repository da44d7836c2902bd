"""What a picture says of where it comes from, all at once: mark, XMP, C2PA manifest and record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from sdjp.errors import InputError, MissingDependencyError, reason
from sdjp.images import open_picture, read_metadata
from sdjp.images.encoding import find_packet
from sdjp.images.read import load_file
from sdjp.postprocess.detection import Detection, detect
from sdjp.provenance import Manifest, Packet, SourceType, read_manifest

Record = Literal["sdjp", "parameters", "damaged"]
"""A record of sdjp, one as AUTOMATIC1111's web UI writes it, and others do, too, or one that was of sdjp."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found in a picture's file.

    Attributes:
        mark: The invisible watermark, in the pixels: it outlives another format and a screenshot.
        source_type: What its XMP says of how it came to be; None without such. Anybody can write it.
        manifest: Its C2PA manifest, checked; None without one, or if none was looked for.
        manifests: Whether manifests were looked for: that needs the extra ``provenance``.
        record: Whose record of how it was made is in it. Anybody can write it.
    """

    mark: Detection
    source_type: SourceType | None
    manifest: Manifest | None
    manifests: bool
    record: Record | None

    @property
    def generated(self) -> bool:
        """Whether any of them says that a machine drew the picture; a manifest only if it is intact."""
        manifest, source = self.manifest, self.source_type
        return (
            self.mark.found
            or (source is not None and source.generated)
            or (manifest is not None and manifest.intact and manifest.generated)
            or self.record in ("sdjp", "parameters")
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON data: that of the mark, and the others beside it."""
        return {
            **self.mark.to_json(),
            "xmp": None if self.source_type is None else self.source_type.uri,
            "c2pa": None if self.manifest is None else self.manifest.to_json(),
            "c2pa_checked": self.manifests,
            "record": self.record,
            "generated": self.generated,
        }


def inspect(
    path: str | Path, text: str | None = None, *, method: str | None = None, thorough: bool = False
) -> Findings:
    """Look for all that a picture's file says of where it comes from. Nothing is asked over a network.

    Args:
        path: The file.
        text: The text of a watermark that is expected, as in :func:`detect`.
        method: Its method, likewise.
        thorough: Whether to look for marks in pictures that were resized or cropped, likewise.

    Raises:
        InputError: If the file is no readable picture, or the text or the method is not usable.
    """
    mark = detect(open_picture(path), text, method=method, thorough=thorough)
    record, packet = _texts(path)
    try:
        manifest, looked = read_manifest(*_file(Path(path))), True
    except MissingDependencyError:
        manifest, looked = None, False
    source = None if packet is None else packet.source_type
    return Findings(mark=mark, source_type=source, manifest=manifest, manifests=looked, record=record)


def _texts(path: str | Path) -> tuple[Record | None, Packet | None]:
    """Whose record is in a picture, and its XMP."""
    try:
        found = read_metadata(path)
    except InputError as error:
        if error.code != "metadata.invalid":
            raise
        with load_file(path) as image:
            return "damaged", find_packet(image)
    if found.sdjp is not None:
        return "sdjp", found.packet
    return (None if found.parameters is None else "parameters"), found.packet


def _file(path: Path) -> tuple[bytes, str]:
    """The bytes of a picture and their type."""
    try:
        with Image.open(path) as picture:
            kind = Image.MIME.get(picture.format or "", "application/octet-stream")
        return path.read_bytes(), kind
    except OSError as error:
        ja, en = reason(error)
        raise InputError(
            "image.unreadable",
            ja=f"画像 {path} を読めません（{ja}）。",
            en=f"cannot read the picture {path} ({en}).",
        ) from error
