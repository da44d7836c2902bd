"""What the command line says of the checks of a prompt and of pictures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sdjp.cli.speech import say
from sdjp.cli.watermarks import announce_watermark

if TYPE_CHECKING:
    from sdjp.result import GenerationResult


def announce_checks(result: GenerationResult, *, new: bool) -> None:
    """Say what the checks found, on standard error; of the prompt only if it is ``new``."""
    for seed, reports in zip(result.seeds, result.reports, strict=True):
        for report in reports:
            if report.name == "prompt_check" and new and report.data.get("flagged"):
                say(ja=f"注意: {report.ja}", en=f"note: {report.en}", file=sys.stderr)
                new = False  # one prompt, however many pictures
            elif report.name == "safety" and (report.data.get("flagged") or report.status == "failed"):
                say(
                    ja=f"注意（シード {seed}）: {report.ja}",
                    en=f"note (seed {seed}): {report.en}",
                    file=sys.stderr,
                )
            elif report.name == "watermark":
                announce_watermark(report, seed)
