"""Pictures of the web UI's clients, where more is to be done with them than to hand them on."""

from __future__ import annotations

import base64

from PIL import Image, ImageOps

from sdjp import images
from sdjp.errors import InputError
from sdjp.server.limits import Limits
from sdjp.server.sent_pictures import check_size, from_base64, opened


def decoded(name: str, text: str, limits: Limits) -> bytes:
    """The file of a picture that is sent as text.

    Args:
        name: What messages call it.
        text: As it was sent.
        limits: How many pixels it may have.

    Raises:
        LimitError: If it has more.
        InputError: If it is no picture.
    """
    data = from_base64(text)
    if data is None:
        raise InputError(
            f"{name}.form",
            ja=f"{name} には、base64 の画像を指定してください（URL やパスは開きません）。",
            en=f"{name} must be a picture as base64 (URLs and paths are not opened).",
        )
    check_size(name, data, limits)
    return data


def data_uri(picture: Image.Image) -> str:
    """A picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(images.encode(picture)).decode('ascii')}"


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
    mask = opened("mask", decoded("mask", text, limits), limits)
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
