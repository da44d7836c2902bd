"""The table of an evaluation, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sdjp.errors import Language, OutputError, get_language, reason

HEADS: Final[Mapping[Language, str]] = {
    "ja": "| モデル | ガイダンスの強さ | 枚数 | CLIP スコア | フレシェ距離 |",
    "en": "| model | guidance scale | pictures | CLIP score | Fréchet distance |",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One point of the figure.

    Attributes:
        model: Name of the model.
        scale: Guidance scale.
        pictures: How many were measured.
        failed: How many could not be drawn: the figures are without them.
        clip_score: Mean of 100 max(cos, 0); None without CLIP, or without pictures.
        frechet: Distance to the reference pictures; None without any, or with fewer than two pictures.
    """

    model: str
    scale: float
    pictures: int
    failed: int = 0
    clip_score: float | None
    frechet: float | None


def write_table(folder: Path, rows: Sequence[Row], about: Mapping[str, Any]) -> None:
    """Write ``results.json``, and ``results.md`` in the language of messages.

    Args:
        folder: Where.
        rows: The table.
        about: What else the JSON has, before the rows.

    Raises:
        OutputError: If they cannot be written.
    """
    figures = {**about, "rows": [asdict(row) for row in rows]}
    lines = [HEADS[get_language()], "|---|---|---|---|---|"]
    lines += [
        f"| {r.model} | {r.scale:g} | {_count(r)} | {_cell(r.clip_score)} | {_cell(r.frechet)} |"
        for r in rows
    ]
    try:
        (folder / "results.json").write_text(
            json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        (folder / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "evaluate.write",
            ja=f"{folder} に結果を書き込めません（{reason(error)[0]}）。"
            "空き容量とアクセス権を確かめてください。",
            en=f"cannot write the results to {folder} ({reason(error)[1]}). "
            "Check free space and permissions.",
        ) from error


def _count(row: Row) -> str:
    """The pictures measured; of how many, if some could not be drawn."""
    return f"{row.pictures}/{row.pictures + row.failed}" if row.failed else str(row.pictures)


def _cell(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
