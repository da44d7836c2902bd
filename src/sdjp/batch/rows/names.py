"""What a row may say: the options, and an id."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

from sdjp.checks import shown
from sdjp.errors import InputError
from sdjp.options import OPTIONS

ID: Final = "id"
NAMES: Final = frozenset([ID, *OPTIONS])
_SHOWN: Final = 10
"""Unknown names that a message lists: whoever forgot the header may have many."""


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Put pairs of a name and a value together.

    Raises:
        InputError: If a name is there twice: which value is meant?
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = ", ".join(shown(name) for name, count in counts.items() if count > 1)
        raise InputError(
            "rows.twice",
            ja=f"同じ名前が 2 回以上あります: {twice}。1 つにしてください。",
            en=f"the same name is there more than once: {twice}. Leave one.",
        )
    return found


def check_names(names: Collection[str]) -> None:
    """Refuse names of a row that mean nothing.

    Raises:
        InputError: If there are some, with the nearest ones that do.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        ja, en = _unknown(unknown)
        raise InputError("rows.unknown", ja=f"知らない項目があります: {ja}", en=f"unknown names: {en}")


def check_columns(columns: Sequence[str], source: str) -> None:
    """Refuse the columns of a table if one means nothing, or is there twice, or there is none for the prompt.

    Args:
        columns: Their names.
        source: The name of the table, for the message.

    Raises:
        InputError: If so.
    """
    unknown = [name for name in columns if name not in NAMES]
    if unknown:
        ja, en = _unknown(unknown)
        raise InputError(
            "rows.columns",
            ja=f"{source} に知らない列があります: {ja}。1 行目には列の名前を書きます（例: prompt,seed）。",
            en=f"unknown columns in {source}: {en}. The first line has the names of the columns, such as "
            "prompt,seed.",
        )
    twice = [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
    if twice:
        names = ", ".join(twice)
        raise InputError(
            "rows.columns",
            ja=f"{source} に同じ名前の列が 2 つ以上あります: {names}。1 つにしてください。",
            en=f"several columns of {source} have the same name: {names}. Leave one of each.",
        )
    if "prompt" not in columns:
        raise InputError(
            "rows.columns",
            ja=f"{source} に prompt の列がありません（ある列: {', '.join(columns) or 'なし'}）。"
            "描きたいものの列の名前を prompt にしてください。",
            en=f"{source} has no column prompt (columns: {', '.join(columns) or 'none'}). "
            "Call the one that says what to draw prompt.",
        )


def _unknown(names: Sequence[str]) -> tuple[str, str]:
    """Unknown names, each with the nearest that is known, and then all of these; in both languages."""
    ja, en = [], []
    for name in names[:_SHOWN]:
        near = difflib.get_close_matches(name.lower(), NAMES, n=1)
        ja.append(shown(name) + "".join(f"（{one} のことですか）" for one in near))
        en.append(shown(name) + "".join(f" (did you mean {one}?)" for one in near))
    more = len(names) - _SHOWN
    allowed = ", ".join([ID, *(name for name in OPTIONS if name != "attention")])
    return (
        ", ".join(ja) + (f"、ほか {more} 個" if more > 0 else "") + f"。使える名前: {allowed}",
        ", ".join(en) + (f" and {more} more" if more > 0 else "") + f". Names that can be used: {allowed}",
    )
