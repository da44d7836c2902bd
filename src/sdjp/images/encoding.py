"""Pictures as files: PNG, JPEG or WebP, each with the record of how it was made.

The record is two texts, see :mod:`sdjp.images.metadata`. A PNG has them as text chunks. JPEG and WebP have
the one for other tools as an EXIF comment, as AUTOMATIC1111's web UI writes it, and sdjp's own in the XMP
packet. In a JPEG a packet has 64 KB at most (XMP part 3, 1.1.3): what is longer goes on in a second one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdjp import checks
from sdjp._version import __version__
from sdjp.choices import OutputFormat
from sdjp.errors import InputError, OutputError
from sdjp.images.exif_comment import with_comment
from sdjp.provenance.manifest import sign
from sdjp.provenance.settings import Provenance
from sdjp.provenance.xmp import TRAINED, Packet, merged, packet, read_packet

ENDINGS: Final[dict[OutputFormat, tuple[str, ...]]] = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
}
"""The endings of file names by format, ours first."""

QUALITY: Final = 95
"""Of JPEG and WebP, where none is asked for."""

_LONGEST_SIDE: Final[Mapping[OutputFormat, int]] = {"jpeg": 65_500, "webp": 16_383}
"""Pixels that a format, as Pillow writes it, has room for; a PNG has it for whatever there is memory for."""

_XMP_CHUNK: Final = "XML:com.adobe.xmp"
_SEGMENT: Final = 65_533  # bytes that a segment of a JPEG has room for
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_MORE_HEAD: Final = 32 + 4 + 4  # name, length and offset before each piece
_NOTHING: Final = Provenance(xmp=False)


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The record of a picture, as its file has it.

    Attributes:
        parameters: The text for other tools.
        sdjp: JSON with everything.
    """

    parameters: str
    sdjp: str


def encode(
    image: Image.Image,
    *,
    format: OutputFormat = "png",
    quality: int = QUALITY,
    texts: Texts | None = None,
    provenance: Provenance = _NOTHING,
) -> bytes:
    """A picture as the bytes of a file.

    Args:
        image: The picture. PNG keeps its mode and every pixel; JPEG and WebP are RGB.
        format: What to write.
        quality: Of JPEG and WebP, 1 to 100; a WebP of 100 has every pixel.
        texts: Its record, if it is to have one.
        provenance: What it says of where it comes from.

    Raises:
        OutputError: If the picture is too large for the format, or cannot be signed.
    """
    check_size(format, *image.size)
    data = _encoded(image, format, quality, texts, provenance)
    return data if provenance.signer is None else sign(data, f"image/{format}", provenance.signer)


def _encoded(
    image: Image.Image, format: OutputFormat, quality: int, texts: Texts | None, provenance: Provenance
) -> bytes:
    source_type = TRAINED if provenance.xmp else None
    tool = f"sdjp {__version__}" if provenance.xmp else None
    buffer = io.BytesIO()
    if format == "png":
        info = PngInfo()
        if texts is not None:
            # add_text takes an iTXt chunk (UTF-8) where Latin-1 is not enough.
            info.add_text("parameters", _utf8(texts.parameters))
            info.add_text("sdjp", _utf8(texts.sdjp))
        if provenance.xmp:
            info.add_itxt(_XMP_CHUNK, packet(source_type=source_type, tool=tool).decode())
        image.save(buffer, format="PNG", pnginfo=info)
        return buffer.getvalue()
    own = {} if texts is None else {"record": texts.sdjp}
    more: dict[str, Any] = {}
    if texts is not None and texts.parameters:
        exif = with_comment(_utf8(texts.parameters))
        if format == "webp" or len(exif) <= _SEGMENT:
            more["exif"] = exif
        else:
            own["parameters"] = texts.parameters
    image = image.convert("RGB")
    if format == "webp":
        if own or provenance.xmp:
            more["xmp"] = packet(source_type=source_type, tool=tool, texts=own)
        image.save(buffer, format="WEBP", quality=quality, lossless=quality == 100, **more)
        return buffer.getvalue()
    if own or provenance.xmp:
        more["extra"] = _segments(source_type, tool, own)
    # The colours are not halved: the invisible watermark is in them.
    image.save(buffer, format="JPEG", quality=quality, subsampling=0, **more)
    return buffer.getvalue()


def check_format(format: OutputFormat) -> None:
    """Refuse what pictures cannot be written as.

    Raises:
        InputError: If it is no :data:`OutputFormat`.
    """
    if format not in ENDINGS:
        allowed = ", ".join(map(repr, ENDINGS))
        raise InputError(
            "output.format",
            ja=f"画像の形式に {format!r} は使えません。使える値: {allowed}",
            en=f"pictures cannot be written as {format!r}. Allowed: {allowed}",
        )


def check_size(format: OutputFormat, width: int, height: int) -> None:
    """Refuse a picture that is too large for a format; what is too large is known before it is drawn.

    Raises:
        OutputError: If a side is.
    """
    most = _LONGEST_SIDE.get(format, max(width, height))
    if max(width, height) > most:
        raise OutputError(
            "output.size",
            ja=f"{width}×{height} の絵は、{format} では保存できません（一辺は {most} 画素まで）。"
            "PNG で保存してください。",
            en=f"a picture of {width}×{height} cannot be written as {format}: a side has at most {most} "
            "pixels. Save it as PNG.",
        )


def format_of(name: str) -> OutputFormat | None:
    """The format that the ending of a file's name stands for; None if it is none of ours."""
    return next((format for format, endings in ENDINGS.items() if name.lower().endswith(endings)), None)


def check_quality(quality: int) -> None:
    """Refuse a quality that is none.

    Raises:
        InputError: If it is not a whole number from 1 to 100.
    """
    checks.whole("quality", quality, 1, 100, label="画質")


def checked_quality(format: OutputFormat, quality: int | None) -> int | None:
    """The quality with which a format is written, before anything is drawn; None for PNG, which has none.

    Args:
        format: What is to be written.
        quality: What was asked for; None: nothing.

    Raises:
        InputError: If the format is none, or the quality, or it is asked of a PNG.
    """
    check_format(format)
    if quality is None:
        return None if format == "png" else QUALITY
    if format == "png":
        raise InputError(
            "quality.png",
            ja="画質（quality）は、JPEG と WebP で保存するときのものです。"
            "画像の形式も jpeg か webp にしてください。",
            en="quality is of JPEG and WebP: choose one of these formats, too.",
        )
    check_quality(quality)
    return quality


def find_packet(image: Image.Image) -> Packet | None:
    """The XMP of a picture that was read whole, in whatever format; None if it has none that can be read."""
    segments = [data for name, data in getattr(image, "applist", ()) if name == "APP1"]
    found = image.info.get(_XMP_CHUNK) or image.info.get("xmp")
    if found is None:
        found = next((data[len(_XMP) :] for data in segments if data.startswith(_XMP)), None)
    if isinstance(found, str):
        found = found.encode("utf-8", "replace")
    first = read_packet(found) if isinstance(found, bytes) else None
    if first is None or first.extension is None:
        return first
    rest = read_packet(_joined(first.extension, segments))
    return first if rest is None else merged(first, rest)


def _segments(source_type: str | None, tool: str | None, texts: dict[str, str]) -> bytes:
    """XMP as segments of a JPEG: one, or a second packet in pieces where it is too large."""
    whole = packet(source_type=source_type, tool=tool, texts=texts)
    if len(_XMP) + len(whole) <= _SEGMENT:
        return _segment(_XMP + whole)
    second = packet(source_type=None, tool=None, texts=texts)
    name = hashlib.md5(second, usedforsecurity=False).hexdigest().upper()
    found = [_segment(_XMP + packet(source_type=source_type, tool=tool, extension=name))]
    room = _SEGMENT - len(_MORE_XMP) - _MORE_HEAD
    for at in range(0, len(second), room):
        place = len(second).to_bytes(4, "big") + at.to_bytes(4, "big")
        found.append(_segment(_MORE_XMP + name.encode() + place + second[at : at + room]))
    return b"".join(found)


def _segment(data: bytes) -> bytes:
    return b"\xff\xe1" + (len(data) + 2).to_bytes(2, "big") + data


def _joined(name: str, segments: list[bytes]) -> bytes:
    """The second packet of a JPEG, from its pieces in whatever order."""
    head = _MORE_XMP + name.encode("utf-8", "replace")
    pieces = {}
    for data in segments:
        if data.startswith(head):
            body = data[len(head) :]
            pieces[int.from_bytes(body[4:8], "big")] = body[8:]
    return b"".join(pieces[at] for at in sorted(pieces))


def _utf8(text: str) -> str:
    """A lone surrogate has no UTF-8: it is written as \\udXXX, which JSON reads as the same character."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
