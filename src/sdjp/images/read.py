"""Pictures from outside: any file and any mode that Pillow reads, as upright RGB."""

from __future__ import annotations

from os import PathLike
from typing import Final, TypeAlias

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sdjp.errors import InputError, reason

Source: TypeAlias = "Image.Image | str | PathLike[str]"
"""A picture, or where its file is."""

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
            picture = ImageOps.exif_transpose(source)
        else:
            with Image.open(source) as file:
                file.load()
                picture = ImageOps.exif_transpose(file)
    except (OSError, SyntaxError, ValueError, ArithmeticError, Image.DecompressionBombError) as error:
        raise unreadable(where, error, code=f"{name}.unreadable") from error
    if picture.width == 0 or picture.height == 0:
        raise InputError(
            f"{name}.empty",
            ja=f"画像{where} の大きさが {picture.width}×{picture.height} です。"
            "中身のある画像を指定してください。",
            en=f"the picture{where} is {picture.width}×{picture.height}: give one that has pixels.",
        )
    return picture


def unreadable(where: str, error: Exception, *, code: str = "image.unreadable") -> InputError:
    """The error for a file that gives no picture; ``where`` is its name after a space, or ``""``."""
    if isinstance(error, UnidentifiedImageError):
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
