"""The figure: seconds of the contenders of every part, and speed over the work that a picture needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from machine import describe


def plot(results: Mapping[str, Any], path: Path) -> Path | None:
    """Write ``path`` (PNG or SVG, by its name); None if nothing in ``results`` can be drawn.

    All that is written in it is English: fonts with Japanese letters are not everywhere.
    """
    from matplotlib.figure import Figure  # not pyplot: no window, no state of its own

    parts = results["parts"]
    bars = {name: _medians(part["rows"]) for name, part in parts.items() if name != "batches"}
    bars = {name: found for name, found in bars.items() if found}
    curves = [row for row in parts.get("batches", {}).get("rows", ()) if "tflop_per_second" in row]
    if not bars and not curves:
        return None
    panels = len(bars) + 2 * bool(curves)
    figure = Figure(figsize=(9.0, 3.2 * panels), layout="constrained")
    axes = list(figure.subplots(panels, 1, squeeze=False)[:, 0])
    for name, found in bars.items():
        _bars(axes.pop(0), name, found)
    if curves:
        _by_batch(axes.pop(0), curves)
        _by_work(axes.pop(0), curves)
    machines = dict.fromkeys(describe(part["machine"]) for part in parts.values())
    figure.suptitle("\n".join(machines), fontsize=9)
    figure.savefig(path, dpi=120)
    return path


def _medians(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Name of a row to its seconds."""
    found = {}
    for row in rows:
        seconds = row.get("seconds")
        if isinstance(seconds, Mapping) and "median" in seconds:
            words = (row[key] for key in ("case", "contender") if key in row)
            found[", ".join(str(word) for word in words if str(word).isascii() or "×" in str(word))] = seconds
    return found


def _bars(axes: Any, title: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """Medians, and quartiles as whiskers."""
    names = list(found)[::-1]
    medians = [found[name]["median"] for name in names]
    below = [found[name]["median"] - found[name]["low"] for name in names]
    above = [found[name]["high"] - found[name]["median"] for name in names]
    colours = ["tab:orange" if "sdjp" in name else "tab:gray" for name in names]
    axes.barh(names, medians, xerr=[below, above], color=colours)
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("seconds (median, quartiles)", fontsize=8)
    axes.tick_params(labelsize=7)


def _by_batch(axes: Any, rows: list[dict[str, Any]]) -> None:
    """Pictures a minute over the pictures drawn together, one line for each size that has several."""
    for size in dict.fromkeys(row["size"] for row in rows):
        line = [row for row in rows if row["size"] == size]
        axes.plot(
            [row["batch"] for row in line],
            [row["pictures_per_minute"] for row in line],
            marker="o",
            label=size,
        )
    axes.set_xlabel("pictures drawn together", fontsize=8)
    axes.set_ylabel("pictures a minute, 50 steps", fontsize=8)
    axes.set_yscale("log")
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)


def _by_work(axes: Any, rows: list[dict[str, Any]]) -> None:
    """What the processor achieves over the work that one picture needs."""
    for row in rows:
        axes.plot(row["tflop"], row["tflop_per_second"], marker="o", color="tab:orange")
        label = f"{row['size']} x {row['batch']}"
        point = (row["tflop"], row["tflop_per_second"])
        axes.annotate(label, point, textcoords="offset points", xytext=(4, 4), fontsize=7)
    axes.set_xscale("log")
    axes.set_xlabel("work of one picture, TFLOP", fontsize=8)
    axes.set_ylabel("TFLOP/s", fontsize=8)
    axes.grid(alpha=0.3)
