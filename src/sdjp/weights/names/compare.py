"""The tensors of a file beside those of a model: all that is wrong, in one list."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

LISTED: Final = 20
"""Names that an error lists before it only counts."""

Shape = tuple[int, ...]
Problem = tuple[str, str, Sequence[str]]
"""A title in Japanese and in English, and the names that it stands over."""


def compare(
    file: Mapping[str, Shape], model: Mapping[str, Shape], *, unknown: Collection[str]
) -> tuple[str, str] | None:
    """Compare the tensors of a file with those of a model.

    Args:
        file: Name and shape of each tensor in the file.
        model: Name and shape of each tensor of the model.
        unknown: Names in the file that belong to nothing.

    Returns:
        All that is missing, unknown or misshapen, in Japanese and in English; None if nothing is.
    """
    missing = [name for name in model if name not in file]
    misshapen = [
        f"{name} {show_shape(file[name])} → {show_shape(shape)}"
        for name, shape in model.items()
        if name in file and file[name] != shape
    ]
    if not (missing or unknown or misshapen):
        return None
    return listing([
        (f"足りないテンソル: {len(missing)} 個", f"missing tensors: {len(missing)}", missing),
        (f"知らないテンソル: {len(unknown)} 個", f"unknown tensors: {len(unknown)}", list(unknown)),
        (
            f"形が違うテンソル（ファイル → モデル）: {len(misshapen)} 個",
            f"misshapen tensors (file → model): {len(misshapen)}",
            misshapen,
        ),
    ])  # fmt: skip


def listing(problems: Sequence[Problem]) -> tuple[str, str]:
    """Return problems as lines in Japanese and in English; those without names are left out."""
    return (
        "\n".join(f"{title}\n{_lines(names, 'ほか {} 個')}" for title, _, names in problems if names),
        "\n".join(f"{title}\n{_lines(names, 'and {} more')}" for _, title, names in problems if names),
    )


def _lines(names: Sequence[str], more: str) -> str:
    lines = [f"  {name}" for name in names[:LISTED]]
    return "\n".join(lines + ([f"  {more.format(len(names) - LISTED)}"] if len(names) > LISTED else []))


def show_shape(shape: Shape) -> str:
    """Return a shape as errors write it."""
    return "×".join(map(str, shape)) or "scalar"
