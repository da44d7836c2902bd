"""What is wrong with a file of tensors, all of it in one list."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

LISTED: Final = 20
"""How many names an error lists before it only counts."""

Shape = tuple[int, ...]


def compare(
    found: Mapping[str, Shape], wanted: Mapping[str, Shape], *, unknown: Collection[str]
) -> tuple[str, str] | None:
    """Compare the tensors of a file with those of a model.

    Args:
        found: Name and shape of each tensor in the file.
        wanted: Name and shape of each tensor of the model.
        unknown: Names in the file that belong to nothing.

    Returns:
        What is missing, unknown or misshapen, in Japanese and in English; None if nothing is.
    """
    missing = [name for name in wanted if name not in found]
    misshapen = [
        f"{name} {_shape(found[name])} → {_shape(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    problems = [
        (f"足りないテンソル: {len(missing)} 個", f"missing tensors: {len(missing)}", missing),
        (f"知らないテンソル: {len(unknown)} 個", f"unknown tensors: {len(unknown)}", list(unknown)),
        (
            f"形が違うテンソル（ファイル → モデル）: {len(misshapen)} 個",
            f"misshapen tensors (file → model): {len(misshapen)}",
            misshapen,
        ),
    ]
    if not (missing or unknown or misshapen):
        return None
    return (
        "\n".join(f"{title}\n{_listed(names, 'ほか {} 個')}" for title, _, names in problems if names),
        "\n".join(f"{title}\n{_listed(names, 'and {} more')}" for _, title, names in problems if names),
    )


def _listed(names: Sequence[str], more: str) -> str:
    lines = [f"  {name}" for name in names[:LISTED]]
    return "\n".join(lines + ([f"  {more.format(len(names) - LISTED)}"] if len(names) > LISTED else []))


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "scalar"
