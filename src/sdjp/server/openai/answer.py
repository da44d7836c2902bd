"""The answer to a request for pictures, in OpenAI's form; what that has no place for is under ``sdjp``."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from PIL import Image

from sdjp.images import encode, read_metadata
from sdjp.server.jobs.record import JobRecord, PictureRecord
from sdjp.server.openai.fields import ImageCall

ReadPicture = Callable[[PictureRecord], bytes]
"""Gives the PNG of a picture, with its record."""
Notes = Sequence[Mapping[str, str]]

BACKGROUND: Final = "opaque"


class Content(NamedTuple):
    """A picture as it is sent.

    Attributes:
        field: Its field in OpenAI's form, ``b64_json`` or ``url``. Never both: some clients take whichever
            they find first.
        value: The picture as base64, or its address.
    """

    field: str
    value: str


def content(call: ImageCall, picture: PictureRecord, *, read: ReadPicture, base: str) -> Content:
    """A picture in the form that was asked for.

    Args:
        call: What was asked for.
        picture: The picture.
        read: Gives its file.
        base: The address of the server, with no slash at the end.
    """
    if call.answer == "url":
        return Content("url", f"{base}{picture.url}")
    png = read(picture)
    data = png if call.output_format == "png" else _converted(png, call)
    return Content("b64_json", base64.b64encode(data).decode())


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
        "sdjp": about(call, job, notes=notes),
    }


def about(call: ImageCall, job: JobRecord, *, notes: Notes) -> dict[str, Any]:
    """What OpenAI's form has no place for.

    ``job`` is the id of the job. ``seeds`` and ``unknown`` (what of the prompt was not understood) belong to
    the pictures in their order. ``withheld`` is how many were held back by the safety checker, and ``unused``
    are the fields of the request that change nothing.
    """
    pictures = given(job)
    return {
        "job": job.id,
        "model": job.request.model,
        "seeds": [picture.seed for picture in pictures],
        "unknown": [list(picture.unknown) for picture in pictures],
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


def converted(picture: Image.Image, call: ImageCall) -> bytes:
    """A picture without a record, such as a preview, as a file of the format that was asked for."""
    return encode(picture.convert("RGB"), format=call.output_format, quality=call.quality)


def _converted(png: bytes, call: ImageCall) -> bytes:
    """A picture as JPEG or WebP, with its record and what it says of where it comes from."""
    found = read_metadata(io.BytesIO(png))
    with Image.open(io.BytesIO(png)) as picture:
        return encode(
            picture,
            format=call.output_format,
            quality=call.quality,
            texts=found.texts,
            provenance=found.provenance,
        )
