"""What every API reads of a request: its JSON, and who asks."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from starlette.requests import Request

from sdjp.errors import InputError

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


async def read_json(request: Request) -> Any:
    """The JSON of a body.

    Raises:
        InputError: ``body.json``, if it is none.
    """
    body = await request.body()
    try:
        text = body.decode("utf-8-sig")  # RFC 8259, 8.1
        data = json.loads(text, parse_constant=_no_constant)
        if _SURROGATE.search(text):  # half of one is no character: nothing could be made of it
            json.dumps(data, ensure_ascii=False).encode()
        return data
    except (ValueError, RecursionError) as error:
        raise InputError(
            "body.json",
            ja=f"本文を JSON として読めません（{error}）。",
            en=f"the body cannot be read as JSON ({error}).",
        ) from error


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        InputError: ``body.json`` or ``body.object``, if it is none.
    """
    body = await read_json(request)
    if not isinstance(body, dict):
        raise InputError(
            "body.object",
            ja="本文は JSON のオブジェクトにしてください。",
            en="the body must be a JSON object.",
        )
    return body


def owner_of(request: Request) -> str:
    """Who asks, as the security layer has found out."""
    return str(getattr(request.state, "owner", "local"))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
