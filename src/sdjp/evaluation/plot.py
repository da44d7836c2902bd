"""The figure: one line for each model, one point for each guidance scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdjp.errors import MissingDependencyError
from sdjp.evaluation.table import Row


def check_plot() -> None:
    """Refuse before hours of drawing, not after.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "evaluate.matplotlib",
            ja='図を描くには matplotlib が必要です。「pip install "sdjp[evaluate]"」を実行するか、'
            "--no-plot を付けてください。",
            en='the figure needs matplotlib: pip install "sdjp[evaluate]", or add --no-plot.',
        ) from error


def plot(rows: Sequence[Row], path: Path) -> Path:
    """Write the figure as a PNG or SVG, by the name of ``path``.

    Fréchet distance against CLIP score where both were measured, else the one there is against the scale.
    """
    from matplotlib.figure import Figure  # not pyplot: no window, no state of its own

    frechet = any(row.frechet is not None for row in rows)
    both = frechet and any(row.clip_score is not None for row in rows)
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    for model in dict.fromkeys(row.model for row in rows):
        points = [row for row in rows if row.model == model]
        y = [_figure(row.frechet if frechet else row.clip_score) for row in points]
        x = [_figure(row.clip_score) if both else row.scale for row in points]
        axes.plot(x, y, marker="o", label=model)
        if both:
            for row, at in zip(points, zip(x, y, strict=True), strict=True):
                axes.annotate(f"{row.scale:g}", at, textcoords="offset points", xytext=(4, 4), fontsize=7)
    axes.set_xlabel("CLIP score (higher is better)" if both else "guidance scale")
    axes.set_ylabel("Fréchet distance (lower is better)" if frechet else "CLIP score (higher is better)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    return path


def _figure(value: float | None) -> float:
    """matplotlib leaves a gap where a figure is missing."""
    return float("nan") if value is None else value
