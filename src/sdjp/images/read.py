"""Pictures from outside: any file and any mode that Pillow reads, as upright RGB."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
from collections.abc import Mapping
from os import PathLike
from typing import IO, Final, TypeAlias

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from sdjp.errors import InputError, reason

Source: TypeAlias = "Image.Image | str | PathLike[str]"
"""A picture, or where its file is."""

_ORIGIN: Final = "sdjp origin"  # goes along with a picture as it is converted and resized
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_EXIF: Final = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
"""Where a picture may say how it is to be turned."""
_TURNS: Final[Mapping[object, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BITS: Final = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def open_picture(source: Source, *, name: str = "image") -> Image.Image:
    """Read a picture whole and turn it upright (EXIF); its mode stays.

    Args:
        source: A PIL image, which is not changed, or a path.
        name: What messages call it: the name of the argument.

    Raises:
        InputError: If it is neither, or the file is missing, broken, cut off or far too large.
    """
    if not isinstance(source, Image.Image | str | PathLike):
        kind = type(source).__name__
        raise InputError(
            f"{name}.type",
            ja=f"{name} には PIL の画像かファイルのパスを指定してください（{kind} が渡されました）。",
            en=f"{name} must be a PIL image or the path of a file, not {kind}.",
        )
    where = "" if isinstance(source, Image.Image) else f" {source or repr(source)}"
    try:
        if isinstance(source, Image.Image):
            source.load()
            picture = _upright(source)
        else:
            with load_file(source) as file:
                picture = _upright(file)
            picture.info[_ORIGIN] = _origin_of_file(source)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever comes up in what they cannot make sense of
        raise unreadable(where, error, code=f"{name}.unreadable") from error
    if picture.width == 0 or picture.height == 0:
        raise InputError(
            f"{name}.empty",
            ja=f"画像{where} の大きさが {picture.width}×{picture.height} です。"
            "中身のある画像を指定してください。",
            en=f"the picture{where} is {picture.width}×{picture.height}: give one that has pixels.",
        )
    return picture


class NoFileError(OSError):
    """What was named as a file is a pipe or a device."""


def load_file(path: str | PathLike[str] | IO[bytes]) -> Image.Image:
    """Read a file whole, as Pillow does; a PNG whose additions it refuses (a large profile) without them.

    Raises:
        NoFileError: If it is a pipe or a device, which may never end.
        OSError: If it cannot be read.
        Exception: Whatever else Pillow raises.
    """
    if not isinstance(path, str | PathLike):
        return _load(path)
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # of a folder, open() says so itself
        raise NoFileError
    try:
        return _load(path)
    except MemoryError:
        raise
    except Exception:
        with open(path, "rb") as file:
            data = file.read()
        if not data.startswith(_PNG):
            raise
        return _load(io.BytesIO(_bare_png(data)))


def _load(file: str | PathLike[str] | IO[bytes]) -> Image.Image:
    picture = Image.open(file)
    try:
        picture.load()
    except BaseException:
        picture.close()
        raise
    return picture


def _bare_png(data: bytes) -> bytes:
    """A PNG without what decides no pixel and is packed; plain text stays."""
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(data):
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        chunk = data[at : at + length + 12]
        at += length + 12
        plain = kind == b"tEXt" or (kind == b"iTXt" and chunk[8:].partition(b"\0")[2][:1] == b"\0")
        text = plain and length <= PngImagePlugin.MAX_TEXT_CHUNK
        if text or kind[:1].isupper() or kind in (b"tRNS", b"eXIf"):
            kept.append(chunk)
    return b"".join(kept)


def _upright(picture: Image.Image) -> Image.Image:
    """A copy, turned as its EXIF says; what was said of turning is gone from it.

    ImageOps.exif_transpose writes the other entries anew, and fails where one of them is damaged.
    """
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # whatever else is damaged in it
        orientation = None
    if orientation is None:
        orientation = _orientation(picture.info.get("exif"))
    turn = _TURNS.get(orientation)
    turned = picture.copy() if turn is None else picture.transpose(turn)
    for key in _EXIF:
        turned.info.pop(key, None)
    return turned


def _orientation(exif: object) -> int | None:
    """The orientation in a damaged block: Pillow gives up at an entry before it that points nowhere."""
    block = exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else b""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return None
    (at,) = struct.unpack_from(f"{order}I", block, 4)
    for entry in range(at + 2, len(block) - 11, 12):  # tag, type, count, value
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", block, entry)
        if (tag, kind, count) == (ExifTags.Base.Orientation, 3, 1):
            return int(value)
    return None


def origin(picture: Image.Image) -> dict[str, str]:
    """What a record says of a picture that a run started from, and no pixels: ``name`` and ``sha256`` of its
    file, if :func:`open_picture` read it from one, else ``pixels_sha256``.
    """
    known: dict[str, str] | None = picture.info.get(_ORIGIN)
    if known is not None:
        return dict(known)
    digest = hashlib.sha256(f"{picture.mode} {picture.width}x{picture.height}\n".encode())
    digest.update(picture.tobytes())
    return {"pixels_sha256": digest.hexdigest()}


def with_origin(picture: Image.Image, known: dict[str, str]) -> Image.Image:
    """The picture, with what :func:`origin` says of the one that it was made of."""
    picture.info[_ORIGIN] = known
    return picture


def _origin_of_file(path: str | PathLike[str]) -> dict[str, str]:
    with open(path, "rb") as file:
        return {"name": os.path.basename(path), "sha256": hashlib.sha256(file.read()).hexdigest()}


def unreadable(where: str, error: Exception, *, code: str = "image.unreadable") -> InputError:
    """The error for a file that gives no picture; ``where`` is its name after a space, or ``""``."""
    if isinstance(error, NoFileError):
        ja, en = "ファイルではなく、パイプやデバイスです", "a pipe or a device, not a file"
    elif isinstance(error, UnidentifiedImageError):
        ja, en = "画像の形式ではありません", "not a picture"
    elif isinstance(error, Image.DecompressionBombError):
        ja, en = "画素が多すぎます", "it has too many pixels"
    elif getattr(error, "errno", None) is not None or "null" in str(error):
        ja, en = reason(error)
    else:  # whatever a decoder says of what it cannot make sense of
        ja, en = "壊れているか、途中で切れています", f"broken or cut off: {error or type(error).__name__}"
    return InputError(
        code,
        ja=f"画像{where} を読めません（{ja}）。場所と形式（PNG、JPEG など）を確かめてください。",
        en=f"cannot read the picture{where} ({en}). Check where it is and that it is a PNG, JPEG …",
    )


def to_rgb(picture: Image.Image, *, background: str = "white", name: str = "image") -> Image.Image:
    """Turn a picture of any mode into RGB; what is transparent shows ``background``.

    16 bits a channel become 8 (Pillow by itself would clip them to white). Floats are 0 to 1, or 0 to 255 if
    any is above 1.

    Raises:
        InputError: If there is NaN or infinity in a picture of floats.
    """
    if picture.mode in _SIXTEEN_BITS:
        values = np.asarray(picture).astype(np.int64).clip(0, 65535)
        return Image.fromarray((values // 257).astype(np.uint8)).convert("RGB")
    if picture.mode == "F":
        return _from_floats(np.asarray(picture), name).convert("RGB")
    if picture.has_transparency_data:
        above = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", above.size, background), above)
    return picture.convert("RGB")


def _from_floats(values: np.ndarray, name: str) -> Image.Image:
    if not np.isfinite(values).all():
        raise InputError(
            f"{name}.nan",
            ja="画像に NaN か無限大が含まれています。0〜1 または 0〜255 の値の画像を指定してください。",
            en="there is NaN or infinity in the picture: give values from 0 to 1, or from 0 to 255.",
        )
    scale = 255.0 if values.max() <= 1 else 1.0
    return Image.fromarray((values * scale).round().clip(0, 255).astype(np.uint8))
