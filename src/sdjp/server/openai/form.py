"""Forms (``multipart/form-data``) with pictures in them, as fields and pictures of a job."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image, ImageChops
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from sdjp.errors import InputError
from sdjp.images.read import unreadable
from sdjp.options import OPTIONS
from sdjp.options.rules import Registered, Rule, Several, Text
from sdjp.server.limits import Limits

MAX_FIELDS: Final = 200
MAX_FILES: Final = 20
_OWN_MASK: Final = "dall-e"
"""Models of this family took the transparent part of a picture itself, if there was no mask."""
_INSIDE: Final = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]")
_WORDS: Final = frozenset("model size quality background output_format response_format user".split())


async def read_form(request: Request) -> tuple[dict[str, Any], dict[str, list[bytes]]]:
    """Read a form.

    ``name[]`` is a value of a list, ``name[key]`` one of an object, as OpenAI's clients write them.

    Returns:
        The fields, and the files by the names of theirs.

    Raises:
        InputError: If it is no such form.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InputError(
            "body.type",
            ja="この入り口は multipart/form-data で送ってください（image に画像のファイルを添えます）。",
            en="send multipart/form-data here, with the file of a picture as image.",
        )
    fields: dict[str, Any] = {}
    files: dict[str, list[bytes]] = {}
    try:
        async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files.setdefault(name.removesuffix("[]"), []).append(await value.read())
                else:
                    _put(fields, name, value)
    except (MultiPartException, HTTPException) as error:
        said = error.message if isinstance(error, MultiPartException) else error.detail
        raise InputError(
            "body.form",
            ja=f"フォームを読めません（{said}）。フィールドは {MAX_FIELDS} 個、ファイルは {MAX_FILES} "
            "個までです。multipart/form-data の区切りが正しいかも確かめてください。",
            en=f"the form cannot be read ({said}). It may have {MAX_FIELDS} fields and {MAX_FILES} files; "
            "check the boundaries of multipart/form-data, too.",
        ) from error
    return fields, files


def given_pictures(
    fields: Mapping[str, Any], files: Mapping[str, list[bytes]], *, limits: Limits
) -> dict[str, str]:
    """The pictures of a form as a job takes them: ``image``, and ``mask`` if there is one.

    Raises:
        InputError: If there is none, or more than one of a kind, or a mask that has nothing transparent.
    """
    for name in ("image", "mask"):
        if fields.get(name) is not None:
            raise InputError(
                f"{name}.file",
                ja=f"{name} は、文字列ではなく画像のファイルで送ってください。",
                en=f"send {name} as the file of a picture, not as text.",
            )
    image = _one(files.get("image"), name="image")
    if image is None:
        raise InputError(
            "image.missing",
            ja="image がありません。元の絵のファイルを添えてください。",
            en="there is no image: add the file of the picture to start from.",
        )
    mask = _one(files.get("mask"), name="mask")
    white = None
    if mask is not None:
        white = _redrawn(mask, name="mask", limits=limits)
        if white is None:
            raise InputError(
                "mask.opaque",
                ja="mask に透明な部分がありません。描き直すところを透明にした PNG を添えてください。",
                en="nothing in the mask is transparent: add a PNG that is transparent where it is to be "
                "redrawn.",
            )
    elif str(fields.get("model")).startswith(_OWN_MASK):
        white = _redrawn(image, name="image", limits=limits)
    return {"image": _base64(image), **({} if white is None else {"mask": _base64(white)})}


def _one(files: list[bytes] | None, *, name: str) -> bytes | None:
    """The one file of a name, if there is one; no model here takes several together."""
    if not files:
        return None
    if len(files) > 1:
        raise InputError(
            f"{name}.count",
            ja=f"{name} は 1 枚だけにしてください（{len(files)} 枚ありました）。何枚もの絵をまとめて"
            "描き直すことはできません。",
            en=f"give one {name}, not {len(files)}: several pictures cannot be redrawn into one.",
        )
    return files[0]


def _base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _redrawn(picture: bytes, *, name: str, limits: Limits) -> bytes | None:
    """The mask that a transparent picture stands for: white where it is transparent (PNG, mode L).

    Returns:
        None if no pixel is transparent.
    """
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            limits.check_picture(*opened.size, name=name)
            if not opened.has_transparency_data:
                return None
            alpha = opened.convert("RGBA").getchannel("A")
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever comes up in what they cannot make sense of
        raise unreadable("", error, code=f"{name}.unreadable") from error
    if alpha.getextrema()[0] == 255:
        return None
    buffer = io.BytesIO()
    ImageChops.invert(alpha).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _put(fields: dict[str, Any], name: str, text: str) -> None:
    """Put a value where its name says.

    Raises:
        InputError: If there is one already.
    """
    inside = _INSIDE.fullmatch(name)
    outer, key = inside.groups() if inside else (name, None)
    value = _value(outer, text)
    if key is None and outer not in fields:
        fields[outer] = value
    elif key == "" and isinstance(known := fields.setdefault(outer, []), list):
        known.append(value)
    elif key and isinstance(known := fields.setdefault(outer, {}), dict) and key not in known:
        known[key] = value
    else:
        raise InputError(
            f"{outer}.twice",
            ja=f"{outer} が 2 回指定されています。1 回だけにしてください。",
            en=f"{outer} is given twice: give it once.",
        )


def _value(name: str, text: str) -> Any:
    """The value that a text stands for: numbers, truth and lists are written as in JSON."""
    if name in _WORDS or (name in OPTIONS and _is_text(OPTIONS[name].rule)):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_text(rule: Rule) -> bool:
    return isinstance(rule, Text | Registered) or (isinstance(rule, Several) and _is_text(rule.of))
