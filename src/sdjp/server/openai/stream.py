"""Answers as a stream of server-sent events, with previews on the way."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from PIL import Image

from sdjp.server.jobs.record import JobRecord
from sdjp.server.openai.answer import BACKGROUND, Content, Notes, about, converted, given, size_of, usage
from sdjp.server.openai.fields import ImageCall

Kind: TypeAlias = Literal["image_generation", "image_edit"]
BEAT: Final = b": \n\n"  # a comment, which clients pass over


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """One event of a stream (HTML standard, 9.2.5)."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class PartialImages:
    """Which previews of a job are sent on: as many of each picture as were asked for, evenly spread.

    Args:
        kind: What the events are called by.
        call: What was asked for.
        size: Of the pictures, as OpenAI writes it.
    """

    def __init__(self, kind: Kind, call: ImageCall, *, size: str) -> None:
        self._kind, self._call, self._size = kind, call, size
        self._sent: dict[int, int] = {}
        self._done = 0.0

    def progress(self, step: int, total: int) -> None:
        """Note how far the pictures are that are drawn now."""
        self._done = step / max(total, 1)

    def preview(self, index: int, uri: str) -> bytes | None:
        """The event of a preview, if it is time for one.

        Args:
            index: Of the picture.
            uri: The preview as a data URI.
        """
        most = self._call.partial_images
        number = self._sent.get(index, 0)
        if number >= most or self._done < (number + 1) / (most + 1):
            return None
        self._sent[index] = number + 1
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
            data = base64.b64encode(converted(picture, self._call)).decode()
        name = f"{self._kind}.partial_image"
        said = {"b64_json": data, "partial_image_index": number, "sdjp": {"picture": index}}
        return event(name, {"type": name, **said, **_common(self._call, self._size)})


def completed(
    kind: Kind, call: ImageCall, job: JobRecord, contents: list[Content], *, notes: Notes
) -> list[bytes]:
    """The last events: one for each picture of :func:`~sdjp.server.openai.answer.given`."""
    name = f"{kind}.completed"
    more = {"usage": usage(job), "sdjp": about(call, job, notes=notes)}
    return [
        event(
            name,
            {
                "type": name,
                "b64_json": one.value,
                "revised_prompt": picture.english,
                **_common(call, size_of(picture.width, picture.height)),
                **more,
            },
        )
        for one, picture in zip(contents, given(job), strict=True)
    ]


def _common(call: ImageCall, size: str) -> dict[str, Any]:
    return {
        "created_at": int(time.time()),
        "size": size,
        "quality": "auto",  # there is one only
        "background": BACKGROUND,
        "output_format": call.output_format,
    }
