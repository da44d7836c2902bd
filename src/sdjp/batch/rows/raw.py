"""A row as it stands in the input, before its values are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sdjp.errors import InputError

MAX_BYTES: Final = 1 << 17
"""Of a line, of a record of a CSV file, of a cell of a Parquet file: nothing longer is kept in memory."""


class RawRow(NamedTuple):
    """A row as it stands in the input.

    Attributes:
        number: The line, as an editor counts them, or the row of a Parquet file, from 1.
        values: What it holds, by name; or why that cannot be said.
        text: What stands there; ``""`` where ``values`` are all there is.
    """

    number: int
    values: Mapping[str, Any] | InputError
    text: str = ""


def utf8(data: bytes) -> str:
    """Read bytes as text.

    Raises:
        InputError: If they are no UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "rows.encoding",
            ja="UTF-8 ではありません。UTF-8 で保存し直してください（Excel では「CSV UTF-8」を選びます）。",
            en='it is not UTF-8. Save it as UTF-8 (in Excel, choose "CSV UTF-8").',
        ) from error


def too_long(ja: str, en: str) -> InputError:
    """The error for what is longer than :data:`MAX_BYTES`.

    Args:
        ja: What it is, in Japanese.
        en: And in English.
    """
    return InputError(
        "rows.long",
        ja=f"{ja}が長すぎます。{MAX_BYTES:,} バイト以内にしてください。",
        en=f"{en} is too long. {MAX_BYTES:,} bytes are the most.",
    )
