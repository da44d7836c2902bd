"""What went wrong in an object store: whether it is worth another try, and how it is told.

Each of fsspec's file systems has errors of its own, of packages that may not be installed; they are known by
the names of their classes, and by the HTTP status that they carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sdjp.errors import reason

_ANSWERED_BADLY: Final = frozenset({408, 409, 425, 429})  # time-out, conflict, too early, too many requests
_NO_CREDENTIALS: Final = frozenset(
    {
        # botocore
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
        *("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError"),
        "GoogleAuthError",
        "ClientAuthenticationError",  # Azure
        "SSHException",  # paramiko: AuthenticationException among them
    }
)
_UNREACHABLE: Final = frozenset(
    {
        *("ConnectionError", "TimeoutError", "gaierror", "HTTPClientError"),  # Python, botocore
        *("ClientConnectionError", "ClientPayloadError", "FSTimeoutError"),  # aiohttp, fsspec
        *("ServiceRequestError", "ServiceResponseError", "TransportError"),  # Azure, Google
    }
)


def code_of(error: Exception) -> str:
    """The code that S3 gives its errors, such as ``"NoSuchBucket"``; empty if there is none."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def status_of(error: Exception) -> int:
    """The HTTP status of the answer; 0 if there is none."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        for found in (
            metadata.get("HTTPStatusCode"),
            getattr(each, "status_code", None),
            getattr(each, "status", None),
            getattr(each, "code", None),
        ):
            if isinstance(found, int) and 100 <= found < 600:
                return found
    return 0


def is_final(error: Exception) -> bool:
    """Whether another try would fail, too: the store has answered, and means it."""
    status = status_of(error)
    if status:
        return status == 501 or (400 <= status < 500 and status not in _ANSWERED_BADLY)
    if isinstance(error, (PermissionError, NotImplementedError, TypeError, ValueError)):
        return True
    return bool(_names(error) & _NO_CREDENTIALS)


def why(error: Exception) -> tuple[str, str]:
    """Why a store cannot be used, in Japanese and in English; with no secret in it."""
    names, status = _names(error), status_of(error)
    if names & _NO_CREDENTIALS:
        return (
            "認証情報が見つからないか、使えません。S3 なら環境変数 AWS_ACCESS_KEY_ID と"
            " AWS_SECRET_ACCESS_KEY などで与えます",
            "there are no credentials, or they cannot be used; for S3 set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, for example",
        )
    if isinstance(error, PermissionError) or status in (401, 403):
        return "アクセスが拒まれました", "access is denied"
    if code_of(error) == "NoSuchBucket":
        return NO_BUCKET
    if status >= 500 or status in _ANSWERED_BADLY:
        return (
            f"サーバーが混み合っているか、故障しています。HTTP {status}",
            f"the server is busy, or out of order: HTTP {status}",
        )
    if names & _UNREACHABLE:
        return "サーバーにつながりません", "the server cannot be reached"
    if isinstance(error, NotImplementedError):
        return "この種類の保管場所では、できないことです", "this kind of store cannot do that"
    ja, en = reason(error)
    return without_secrets(ja), without_secrets(en)


NO_BUCKET: Final = ("バケットがありません", "there is no such bucket")


def without_secrets(text: str) -> str:
    """A text without what addresses in it may give away: ``user:password@``, and what follows a ``?``."""
    text = re.sub(r"://[^/@\s]*@", "://", text)
    return re.sub(r"(://[^\s?\"']*)\?[^\s\"']*", r"\1", text)


def _chain(error: Exception) -> Iterator[Any]:
    """An error, and those that it was made of."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _names(error: Exception) -> set[str]:
    return {cls.__name__ for each in _chain(error) for cls in type(each).__mro__}
