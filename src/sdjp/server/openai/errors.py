"""Errors in OpenAI's form, ``{"error": {"message", "type", "param", "code"}}``, and when to ask again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from sdjp.errors import Cancelled, InputError, SdjpError
from sdjp.options import OPTIONS
from sdjp.server.errors import WithheldError, headers_of, language_of, status_of
from sdjp.server.jobs.record import JobRecord

_AGAIN: Final = (429, 503)
"""Nothing was drawn yet, and the same request may fare better later."""
_BAD: Final = 400
"""What OpenAI says of every value that it cannot use; the API of our own says 422."""
_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

_NOT_THE_REQUEST: Final = ("job.", "nan.", "output.")
"""How codes begin of what went wrong in drawing, whatever was asked for."""

_PARAMETERS: Final = {
    # By the first part of a code, where OpenAI's name is another; of limits, by the second.
    "height": "size",
    "width": "size",
    "num_images_per_prompt": "n",
    "pictures": "n",
    "pixels": "size",
    "picture_pixels": "image",
    "steps": "num_inference_steps",
}
_OWN_PARAMETERS: Final = frozenset(
    "image mask model n size background output_format output_compression response_format stream "
    "partial_images".split()
)


class ModelUnknownError(InputError):
    """There is no such model, which a request for pictures would not mind."""

    @classmethod
    def of(cls, name: str, known: Sequence[str]) -> ModelUnknownError:
        """The error for a name; its code is the one that OpenAI gives."""
        names = ", ".join(known)
        return cls(
            "model_not_found",
            ja=f"モデル {name} はありません。あるのは {names} です。",
            en=f"there is no model {name}. There are: {names}.",
        )


def outcome(job: JobRecord) -> SdjpError | None:
    """What a job that is over ended with; None if there are pictures to give."""
    if job.state == "cancelled":
        return Cancelled(
            "job.cancelled",
            ja="このリクエストは、描き終わる前に取り消されました。",
            en="this request was cancelled before it was finished.",
        )
    if job.error is not None:
        kind = SdjpError if job.error["code"].startswith(_NOT_THE_REQUEST) else InputError
        return kind(job.error["code"], ja=job.error["ja"], en=job.error["en"])
    if job.pictures and job.withheld == len(job.pictures):
        return WithheldError.of(job.withheld, code="moderation_blocked")  # as OpenAI calls it
    return None


def error_status(error: SdjpError) -> int:
    """The HTTP status of an error on OpenAI's routes."""
    if isinstance(error, ModelUnknownError):
        return 404
    status = status_of(error)
    return _BAD if status == 422 else status


def error_body(request: Request, error: SdjpError) -> dict[str, object]:
    """The error as JSON data.

    Clients show ``message`` and nothing else: it is in the language that the request asks for, or in Japanese
    and English if it asks for neither.
    """
    status = error_status(error)
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    said = {"message": _message(request, error), "type": kind, "param": _parameter(error), "code": error.code}
    return {"error": said}


def error_response(request: Request, error: SdjpError, *, begun: bool = False) -> JSONResponse:
    """The answer that tells of an error.

    Args:
        request: What it answers.
        error: What happened.
        begun: Whether drawing had begun: then a client must not ask again by itself, which would draw twice.
    """
    status = error_status(error)
    again = status in _AGAIN and not begun
    headers = headers_of(error) if again else {}
    headers["x-should-retry"] = "true" if again else "false"
    return JSONResponse(error_body(request, error), status_code=status, headers=headers)


def _message(request: Request, error: SdjpError) -> str:
    accepted = request.headers.get("accept-language")
    language = language_of(accepted, "ja")
    if language == language_of(accepted, "en"):  # it is asked for, and no default
        return error.message(language)
    return f"{error.ja} / {error.en}"


def _parameter(error: SdjpError) -> str | None:
    """Which field of a request an error is about, as far as its code tells."""
    first, _, rest = error.code.partition(".")
    name = rest if first == "limit" else first
    name = _PARAMETERS.get(name, name)
    return name if name in _OWN_PARAMETERS or name in OPTIONS else None
