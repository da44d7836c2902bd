"""Pictures as clients send them, where more is to be done with them than to hand them on."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Final

from PIL import Image, ImageOps

from sdjp import images
from sdjp.errors import InputError
from sdjp.images.files import to_png
from sdjp.images.read import load_file, unreadable
from sdjp.server.limits import Limits

_DATA_URI: Final = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


def decoded(name: str, text: str) -> bytes:
    """The bytes of a picture, of base64 or a data URI; an address or a path is never opened.

    Args:
        name: What messages call it.
        text: As it was sent.

    Raises:
        InputError: If it is neither.
    """
    try:
        return base64.b64decode("".join(_DATA_URI.sub("", text, count=1).split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise InputError(
            f"{name}.form",
            ja=f"{name} には、base64 の画像を指定してください（URL やパスは開きません）。",
            en=f"{name} must be a picture as base64 (URLs and paths are not opened).",
        ) from error


def opened(name: str, data: bytes, limits: Limits) -> Image.Image:
    """The picture of some bytes, upright, of any mode.

    Raises:
        LimitError: If it has too many pixels; it is not decoded then.
        InputError: If it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(data)) as header:
            limits.check_picture(*header.size, name=name)
        with load_file(io.BytesIO(data)) as whole:
            return images.open_picture(whole, name=name)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever comes up in what they cannot make sense of
        raise unreadable(f" {name}", error, code=f"{name}.unreadable") from error


def data_uri(picture: Image.Image) -> str:
    """A picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(to_png(picture)).decode('ascii')}"


def mask_of(text: str, *, invert: bool, limits: Limits) -> str:
    """A mask of the web UI as one of ours, where white is redrawn.

    One with transparency is painted where it is opaque, whatever its colour.

    Args:
        text: As it was sent.
        invert: Whether what is painted is to be kept, and the rest redrawn.
        limits: Of the pixels that it may have.

    Raises:
        InputError: If it cannot be read.
    """
    mask = opened("mask", decoded("mask", text), limits)
    alpha = mask.convert("RGBA").getchannel("A") if mask.has_transparency_data else None
    painted = alpha is not None and alpha.getextrema() != (255, 255)
    if not painted and not invert:
        return text
    grey = (
        alpha
        if painted and alpha is not None
        else images.to_rgb(mask, background="black", name="mask").convert("L")
    )
    return data_uri(ImageOps.invert(grey) if invert else grey)
