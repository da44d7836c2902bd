"""From an error to the HTTP status, the headers and the JSON body that tell it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from sdjp.errors import (
    Cancelled,
    InputError,
    Language,
    MissingDependencyError,
    OutputError,
    SdjpError,
    TranslationError,
    WeightsError,
)

MAX_RETRY_AFTER: Final = 120  # seconds; OpenAI's clients take no longer one for an answer
_RETRY_AFTER: Final = 5.0

_BY_CODE: Final[Mapping[str, int]] = {
    "attention.off": 404,
    "body.json": 400,
    "body.slow": 408,
    "body.type": 415,
    "host.unknown": 421,
    "job.expired": 410,
    "job.unknown": 404,
    "limit.body": 413,
    "method.unknown": 405,
    "origin.foreign": 403,
    "picture.deleted": 410,
    "picture.expired": 410,
    "picture.unknown": 404,
    "queue.full": 429,
    "route.unknown": 404,
    "server.stopping": 503,
    "token.missing": 401,
    "token.often": 429,
    "token.wrong": 401,
}
"""Codes whose status is not that of their class."""


class NotReady(SdjpError):
    """The server cannot take this now: no model is loaded yet, or it is about to stop. Ask again later."""


class WithheldError(InputError):
    """The safety checker held back every picture of a request: never an empty list in their place."""

    @classmethod
    def of(cls, count: int, *, code: str = "pictures.withheld") -> WithheldError:
        """The error for ``count`` pictures."""
        return cls(
            code,
            ja=f"安全性チェッカーが {count} 枚すべてを不適切と判定したか、確かめられなかったので、"
            "お渡しできません。プロンプトかシードを変えてお試しください。",
            en=f"the safety checker flagged all {count} pictures, or could not check them; "
            "they are withheld. Try another prompt or another seed.",
        )


_BY_CLASS: Final[tuple[tuple[type[SdjpError], int], ...]] = (
    (NotReady, 503),
    (InputError, 422),
    (TranslationError, 422),
    (WeightsError, 422),  # the model, LoRA or ControlNet that was asked for: asking again does not help
    (MissingDependencyError, 501),
    (OutputError, 507),
    (Cancelled, 409),
)


def status_of(error: SdjpError) -> int:
    """The HTTP status of an error: 4xx where the request must change, 429 and 503 where it may come again."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_CLASS if isinstance(error, kind)), 500)


def body_of(error: SdjpError, language: Language) -> dict[str, Any]:
    """The JSON body of an error: ``{"error": {"code", "message", "ja", "en"}}``.

    Args:
        error: What happened.
        language: Of ``message``, see :func:`language_of`.
    """
    message = error.message(language)
    return {"error": {"code": error.code, "message": message, "ja": error.ja, "en": error.en}}


def headers_of(error: SdjpError) -> dict[str, str]:
    """Headers of an error: ``Retry-After`` in seconds, where the same request may come again.

    An error that knows for how long carries it as ``retry_after``.
    """
    if status_of(error) not in (429, 503):
        return {}
    seconds = math.ceil(float(getattr(error, "retry_after", _RETRY_AFTER)))
    return {"Retry-After": str(min(max(seconds, 1), MAX_RETRY_AFTER))}


def unexpected() -> SdjpError:
    """What a client is told of an error that nobody foresaw; the rest is in the server's log."""
    return SdjpError(
        "server.error",
        ja="サーバーで予期しないエラーが起きました。サーバーの画面（ログ）をご覧ください。",
        en="something unforeseen went wrong in the server. See its log.",
    )


def language_of(accepted: str | None, default: Language) -> Language:
    """The language of an answer.

    Args:
        accepted: The header ``Accept-Language`` (RFC 9110, 12.5.4), if there is one.
        default: Of the server, for clients that ask for neither Japanese nor English.
    """
    ranked: list[tuple[float, Language]] = []
    for item in (accepted or "").split(","):
        tag, _, parameter = item.partition(";")
        language = tag.strip().lower().split("-")[0]
        weight = _weight(parameter)
        if weight > 0 and language == "ja":
            ranked.append((weight, "ja"))
        elif weight > 0 and language == "en":
            ranked.append((weight, "en"))
    return max(ranked, key=lambda one: one[0], default=(0.0, default))[1]


def _weight(parameter: str) -> float:
    """The ``q`` of a language; 1 without one, 0 where it cannot be read."""
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
