"""What is kept of a finished picture, and told of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sdjp.errors import InputError
from sdjp.server.jobs.drawing import Row
from sdjp.server.jobs.record import PictureRecord

if TYPE_CHECKING:
    from sdjp.result import GenerationResult


def record_of(row: Row, result: GenerationResult, index: int, *, size: int) -> PictureRecord:
    """What is known of a picture.

    Args:
        row: Whose it is.
        result: What it is in.
        index: Its number in the result.
        size: Bytes of its file.
    """
    info, image = result.prompts[index], result.images[index]
    safety = [report.data for report in result.reports[index] if report.name == "safety"]
    return PictureRecord(
        job=row.job.id,
        index=row.index,
        seed=result.seeds[index],
        width=image.width,
        height=image.height,
        bytes=size,
        flagged=result.flagged[index],
        withheld=any(data.get("action") in ("blur", "black") for data in safety),
        created=time.time(),
        prompt="" if info is None else info.source,
        english="" if info is None else info.english,
        unknown=() if info is None else info.unknown,
        model=row.job.request.model,
    )


def attention_of(result: GenerationResult, index: int) -> bytes:
    """What of a picture each word of its prompt drew, as the JSON that the server gives."""
    info = result.prompts[index]
    words, height, width = [], 0, 0
    seen: set[str] = set()
    for part in () if info is None else info.parts:
        if part.english and part.source not in seen:
            seen.add(part.source)
            try:
                values = result.attention(part.source, index).values
            except InputError:  # no token came from it
                continue
            height, width = values.shape
            peak = float(values.max()) or 1.0
            levels = (values / peak * 255).round().astype("uint8").tobytes()
            words.append(
                {
                    "source": part.source,
                    "english": part.english,
                    "map": base64.b64encode(levels).decode("ascii"),
                }
            )
    return json.dumps({"height": height, "width": width, "words": words}, ensure_ascii=False).encode()


def notes_of(result: GenerationResult, index: int) -> list[Mapping[str, str]]:
    """What of the reports is more than that all went as it should."""
    return [
        {"ja": report.ja, "en": report.en}
        for report in result.reports[index]
        if report.status in ("failed", "unavailable", "skipped")
        or report.data.get("flagged") is True
        or report.name == "negative_prompt"
    ]
