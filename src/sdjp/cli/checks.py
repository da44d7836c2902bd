"""What the command line says of the checks of a prompt and of pictures, and of the watermark."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sdjp.cli.speech import say
from sdjp.cli.watermarks import announce_watermark

if TYPE_CHECKING:
    from sdjp.result import GenerationResult


def announce_checks(result: GenerationResult, told: set[str]) -> None:
    """Say what the checks found, on standard error.

    Args:
        result: What was drawn.
        told: What needs no second telling; what is told now is added.
    """
    for seed, info, reports in zip(result.seeds, result.prompts, result.reports, strict=True):
        for report in reports:
            flagged = report.data.get("flagged") is True
            if report.name == "prompt_check" and flagged and info is not None and info.source not in told:
                told.add(info.source)
                say(ja=f"注意: {report.ja}", en=f"note: {report.en}", file=sys.stderr)
            elif report.name == "safety" and (flagged or report.status == "failed"):
                say(
                    ja=f"注意（シード {seed}）: {report.ja}",
                    en=f"note (seed {seed}): {report.en}",
                    file=sys.stderr,
                )
            elif report.name == "watermark":
                announce_watermark(report, seed, told)
