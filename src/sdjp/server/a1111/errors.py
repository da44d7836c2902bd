"""Errors as the web UI's API tells them, and as FastAPI does where a field cannot be read."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse

from sdjp.errors import SdjpError
from sdjp.server.a1111.fields import FieldError
from sdjp.server.errors import headers_of, status_of

_STATUS: Final = {"sampler.unknown": 404}
_PREFIX: Final = {"sampler.unknown": "Sampler not found"}
"""What clients look for, of AUTOMATIC1111's own."""


def error_response(error: SdjpError, *, status: int | None = None) -> JSONResponse:
    """The reply for an error: Japanese and English in ``detail``, for clients show nothing else of it.

    Args:
        error: What happened.
        status: The HTTP status; None: that of the error.
    """
    said = [_PREFIX[error.code]] if error.code in _PREFIX else []
    detail: Any = "\n".join([*said, error.ja, error.en])
    body = {
        "error": type(error).__name__,
        "detail": detail,
        "body": "",
        "errors": error.en,
        "sdjp": {"code": error.code, "ja": error.ja, "en": error.en},
    }
    if isinstance(error, FieldError):
        body["detail"] = [{"loc": ["body", error.field], "msg": detail, "type": "value_error"}]
    code = _STATUS.get(error.code, status_of(error)) if status is None else status
    return JSONResponse(body, status_code=code, headers=headers_of(error))
