"""What OpenAI's fields ask for: the body of a job, and how it is to be answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from sdjp import checks
from sdjp.checks import shown
from sdjp.errors import InputError
from sdjp.options import OPTIONS

Answer: TypeAlias = Literal["url", "b64_json"]
FileFormat: TypeAlias = Literal["png", "jpeg", "webp"]

MAX_PARTIAL_IMAGES: Final = 3
_BEST: Final = 100  # per cent, where no output_compression is given
_BY_ADDRESS: Final = "dall-e"
"""Models of this family answered with addresses unless told otherwise, and their clients expect it."""

_JOB: Final = frozenset([*OPTIONS, "image", "mask", "image_prompt", "controls"]) - {"prompt"}
"""Fields of a job that a request may have besides OpenAI's."""
_READ: Final = frozenset(
    "prompt model n size output_format output_compression response_format stream partial_images".split()
)
_WITHOUT_EFFECT: Final = ("auto", "opaque")  # a background that every picture has
_SIZE: Final = re.compile(r"\s*([0-9]{1,9})\s*[xX×]\s*([0-9]{1,9})\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ImageCall:
    """A request for pictures.

    Attributes:
        body: As ``POST /v1/jobs`` takes it.
        model: The model that was asked for, if it is none of the server's.
        answer: Whether the answer holds the pictures, or their addresses.
        output_format: Of the pictures that it holds.
        quality: Of JPEG and WebP, 0 to 100.
        stream: Whether it is a stream of events.
        partial_images: As many previews of each picture at most.
        unused: Fields that change nothing.
    """

    body: Mapping[str, Any]
    model: str | None
    answer: Answer
    output_format: FileFormat
    quality: int
    stream: bool
    partial_images: int
    unused: tuple[str, ...]


def read_call(
    given: Mapping[str, Any], *, resolve: Callable[[str], str | None], max_pictures: int
) -> ImageCall:
    """Read the fields of a request; None stands for a field that is not there.

    Any name of a model is taken, since clients have OpenAI's names built in.

    Args:
        given: The fields of OpenAI's and of a job, by their names.
        resolve: Finds the model of the server that a name means, if there is one.
        max_pictures: As many may be drawn at once.

    Raises:
        InputError: If a value cannot be used, or two fields say the same thing.
    """
    fields = {name: value for name, value in given.items() if value is not None}
    if "prompt" not in fields:
        raise InputError(
            "prompt.missing",
            ja="prompt がありません。描きたいものを文字列で指定してください。",
            en="there is no prompt: say what to draw, as a string.",
        )
    for name in ("prompt", "model"):
        if name in fields:
            checks.text(name, fields[name])
    asked = fields.get("model") or None
    body = {name: value for name, value in fields.items() if name in _JOB}
    body["prompt"] = fields["prompt"]
    found = None if asked is None else resolve(asked)
    if found is not None:
        body["model"] = found
    body.update(_count(fields, max_pictures=max_pictures))
    body.update(_size(fields))

    stream = _chosen(fields, "stream", (False, True))
    partial_images = fields.get("partial_images", 0)
    checks.whole("partial_images", partial_images, 0, MAX_PARTIAL_IMAGES)
    quality = fields.get("output_compression", _BEST)
    checks.whole("output_compression", quality, 0, 100)
    output_format = _chosen(fields, "output_format", get_args(FileFormat))
    by_address = asked is not None and asked.startswith(_BY_ADDRESS) and not stream
    answers: tuple[Answer, ...] = ("url", "b64_json") if by_address else ("b64_json", "url")
    answer: Answer = "b64_json" if stream else _chosen(fields, "response_format", answers)
    if answer == "url" and output_format != "png":
        raise InputError(
            "output_format.url",
            ja=f"アドレス（url）で渡す絵は PNG だけです。{output_format} で受け取るには、"
            "response_format に b64_json を指定してください。",
            en=f"pictures at an address (url) are PNG only. For {output_format}, set response_format to "
            "b64_json.",
        )
    return ImageCall(
        body=body,
        model=asked if found is None else None,
        answer=answer,
        output_format=output_format,
        quality=quality,
        stream=stream,
        partial_images=partial_images if stream else 0,
        unused=_unused(fields, output_format=output_format, stream=stream),
    )


def _count(fields: Mapping[str, Any], *, max_pictures: int) -> dict[str, Any]:
    if "n" not in fields:
        return {}
    _refuse_both(fields, "n", "num_images_per_prompt")
    checks.whole("n", fields["n"], 1, max_pictures)
    return {"num_images_per_prompt": fields["n"]}


def _size(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Width and height; none for ``"auto"``, which is the model's own size."""
    size = fields.get("size", "auto")
    if size == "auto":
        return {}
    for side in ("width", "height"):
        _refuse_both(fields, "size", side)
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise InputError(
            "size.form",
            ja="size は、512x512 のような「幅x高さ」か auto で指定してください"
            f"（指定された値: {shown(size)}）。",
            en=f"size must be WIDTHxHEIGHT, such as 512x512, or auto, not {shown(size)}.",
        )
    return {"width": int(found[1]), "height": int(found[2])}


def _refuse_both(fields: Mapping[str, Any], name: str, own: str) -> None:
    if own in fields:
        raise InputError(
            f"{name}.twice",
            ja=f"{name} と {own} は同じことを指定します。どちらか 1 つにしてください。",
            en=f"{name} and {own} say the same thing: give one of them.",
        )


def _chosen(fields: Mapping[str, Any], name: str, values: tuple[Any, ...]) -> Any:
    """One of a few values; the first, if none is given."""
    value = fields.get(name, values[0])
    checks.choice(name, value, values)
    return value


def _unused(fields: Mapping[str, Any], *, output_format: FileFormat, stream: bool) -> tuple[str, ...]:
    """The names of fields that change nothing, in the order in which they came.

    Raises:
        InputError: If the picture would not be what one of them asks for.
    """
    if fields.get("background") == "transparent":
        raise InputError(
            "background.transparent",
            ja="背景が透明な絵は描けません。background を opaque か auto にするか、外してください。",
            en="pictures with a transparent background cannot be drawn: set background to opaque or auto, "
            "or leave it out.",
        )
    used = _READ | _JOB
    if output_format == "png":
        used -= {"output_compression"}  # which is lossless, whatever it is
    used -= {"response_format"} if stream else {"partial_images"}
    if fields.get("background") in _WITHOUT_EFFECT:
        used |= {"background"}
    return tuple(name for name in fields if name not in used)
