"""Pictures as clients send them: base64 or a data URI. An address or a path is never opened."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Final

from PIL import Image

from sdjp import images
from sdjp.errors import InputError
from sdjp.images.read import load_file, unreadable
from sdjp.server.limits import Limits

_DATA_URI: Final = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


def from_base64(text: str) -> bytes | None:
    """The bytes of a picture that is sent as text; None if it is neither base64 nor a data URI."""
    try:
        return base64.b64decode("".join(_DATA_URI.sub("", text, count=1).split()), validate=True)
    except (ValueError, binascii.Error):
        return None


def check_size(name: str, data: bytes, limits: Limits) -> None:
    """Refuse a picture by what its header says, before it is decoded.

    Args:
        name: What messages call it.
        data: Its file.
        limits: How many pixels it may have.

    Raises:
        LimitError: If it has more.
        InputError: If it is no picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as header:
            limits.check_picture(*header.size, name=name)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever comes up in what they cannot make sense of
        raise unreadable(f" {name}", error, code=f"{name}.unreadable") from error


def opened(name: str, data: bytes, limits: Limits) -> Image.Image:
    """The picture in a file, upright, of any mode. Raises as :func:`check_size` does."""
    check_size(name, data, limits)
    try:
        with load_file(io.BytesIO(data)) as whole:
            picture = whole.copy()
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise unreadable(f" {name}", error, code=f"{name}.unreadable") from error
    return images.open_picture(picture, name=name)
