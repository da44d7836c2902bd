"""The answer to a request for pictures, in OpenAI's form; what that has no place for is under ``sdjp``."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from PIL import Image

from sdjp.images.exif_comment import with_comment
from sdjp.server.jobs.record import JobRecord, PictureRecord
from sdjp.server.openai.fields import ImageCall

ReadPicture = Callable[[PictureRecord], bytes]
"""Gives the PNG of a picture, with its record."""
Notes = Sequence[Mapping[str, str]]

BACKGROUND: Final = "opaque"
_LONGEST_EXIF: Final = 65_533  # bytes: a JPEG has it in one segment


class Content(NamedTuple):
    """A picture as it is sent.

    Attributes:
        field: Its field in OpenAI's form, ``b64_json`` or ``url``. Never both: some clients take whichever
            they find first.
        value: The picture as base64, or its address.
        recorded: Whether it has the record of how it was made.
    """

    field: str
    value: str
    recorded: bool


def content(call: ImageCall, picture: PictureRecord, *, read: ReadPicture, base: str) -> Content:
    """A picture in the form that was asked for.

    Args:
        call: What was asked for.
        picture: The picture.
        read: Gives its file.
        base: The address of the server, with no slash at the end.
    """
    if call.answer == "url":
        return Content("url", f"{base}{picture.url}", True)
    png = read(picture)
    data, recorded = (png, True) if call.output_format == "png" else _converted(png, call)
    return Content("b64_json", base64.b64encode(data).decode(), recorded)


def given(job: JobRecord) -> list[PictureRecord]:
    """The pictures that are not withheld."""
    return [picture for picture in job.pictures if not picture.withheld]


def answer(call: ImageCall, job: JobRecord, contents: Sequence[Content], *, notes: Notes) -> dict[str, Any]:
    """The answer with all pictures.

    Args:
        call: What was asked for.
        job: What became of it.
        contents: The pictures of :func:`given`, at least one.
        notes: What the caller should know, each as ``ja`` and ``en``.
    """
    pictures = given(job)
    return {
        "created": int(job.finished or job.created),
        "data": [
            {one.field: one.value, "revised_prompt": picture.english}
            for one, picture in zip(contents, pictures, strict=True)
        ],
        "background": BACKGROUND,
        "output_format": call.output_format,
        "size": size_of(pictures[0].width, pictures[0].height),
        "usage": usage(job),
        "sdjp": about(call, job, contents, notes=notes),
    }


def about(call: ImageCall, job: JobRecord, contents: Sequence[Content], *, notes: Notes) -> dict[str, Any]:
    """What OpenAI's form has no place for.

    ``job`` is the id of the job. ``seeds``, ``unknown`` (what of the prompt was not understood) and
    ``recorded`` (whether the file says how it was made) belong to the pictures in their order. ``withheld``
    is how many were held back by the safety checker, and ``unused`` are the fields of the request that change
    nothing.
    """
    pictures = given(job)
    return {
        "job": job.id,
        "model": job.request.model,
        "seeds": [picture.seed for picture in pictures],
        "unknown": [list(picture.unknown) for picture in pictures],
        "recorded": [one.recorded for one in contents],
        "withheld": job.withheld,
        "unused": list(call.unused),
        "notes": [*notes, *job.notes],
    }


def usage(job: JobRecord) -> dict[str, Any]:
    """Tokens of the prompts. Pictures are not made of tokens here: of these there are none."""
    text = sum(int(prompt["tokens"]) for prompt in job.prompts)
    return {
        "input_tokens": text,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": text},
        "output_tokens": 0,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": text,
    }


def size_of(width: int, height: int) -> str:
    """A size as OpenAI writes it."""
    return f"{width}x{height}"


def converted(picture: Image.Image, call: ImageCall, **more: Any) -> bytes:
    """A picture as a file of the format that was asked for."""
    buffer = io.BytesIO()
    quality = {} if call.output_format == "png" else {"quality": call.quality}
    picture.convert("RGB").save(buffer, call.output_format.upper(), **quality, **more)
    return buffer.getvalue()


def _converted(png: bytes, call: ImageCall) -> tuple[bytes, bool]:
    """A picture as JPEG or WebP, with its record for other tools as a comment, if there is room for it."""
    with Image.open(io.BytesIO(png)) as picture:
        exif = with_comment(str(picture.info.get("parameters", "")))
        fits = call.output_format != "jpeg" or len(exif) <= _LONGEST_EXIF
        return converted(picture, call, **({"exif": exif} if fits else {})), fits
