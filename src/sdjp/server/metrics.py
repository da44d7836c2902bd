"""Figures in the text format of Prometheus (version 0.0.4); they say nothing of prompts.

Names and units follow Prometheus' "Metric and label naming" and, for the process, its client libraries. To
add one: a row in :data:`FAMILIES`, and its samples where it is counted.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram", "untyped"]
Samples = Mapping[str, float]
"""Value by name and labels, as :func:`sample` writes them."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Samples that have a name in common.

    Attributes:
        name: The name; samples of a histogram have ``_bucket``, ``_sum`` or ``_count`` after it.
        kind: What may be computed from it.
        help: What it is, in one line.
    """

    name: str
    kind: Kind
    help: str


FAMILIES: Final = (
    Family(name="sdjp_build_info", kind="gauge", help="Versions of sdjp, Python and PyTorch; always 1."),
    Family(name="sdjp_ready", kind="gauge", help="1 once a model was loaded."),
    Family(name="sdjp_model_info", kind="gauge", help="The model that is in use; always 1."),
    Family(name="sdjp_jobs", kind="gauge", help="Jobs that are not over, by state."),
    Family(name="sdjp_jobs_submitted_total", kind="counter", help="Jobs that were accepted."),
    Family(name="sdjp_jobs_refused_total", kind="counter", help="Jobs that found the queue full."),
    Family(name="sdjp_jobs_total", kind="counter", help="Jobs that are over, by state."),
    Family(name="sdjp_pictures_total", kind="counter", help="Pictures that were finished."),
    Family(name="sdjp_pictures_withheld_total", kind="counter", help="Of those, held back as unsafe."),
    Family(name="sdjp_pictures_bytes", kind="gauge", help="Bytes of the pictures that are kept."),
    Family(name="sdjp_drawing_seconds_total", kind="counter", help="Time spent drawing."),
    Family(name="sdjp_queue_wait_seconds", kind="histogram", help="Time from a job's arrival to its start."),
    Family(name="sdjp_http_requests_total", kind="counter", help="Requests that were answered."),
    Family(name="sdjp_http_requests_in_progress", kind="gauge", help="Requests that are being answered."),
    Family(name="process_resident_memory_bytes", kind="gauge", help="Memory of the process."),
    Family(name="process_cpu_seconds_total", kind="counter", help="Processor time of the process."),
    Family(name="process_start_time_seconds", kind="gauge", help="Start of the server since 1970."),
)
"""All that is told, in order."""

_STARTED: Final = time.time()
_FAMILY_OF: Final = {
    family.name + part: family.name
    for family in FAMILIES
    for part in (("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",))
}


def sample(name: str, **labels: str) -> str:
    """The name and the labels of a value, as the text format writes them."""
    if not labels:
        return name
    return f"{name}{{{','.join(f'{label}={_quoted(value)}' for label, value in labels.items())}}}"


def of_process() -> Samples:
    """What is known of this process; its memory on Linux alone."""
    values = {
        "process_cpu_seconds_total": time.process_time(),
        "process_start_time_seconds": _STARTED,
    }
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        values["process_resident_memory_bytes"] = pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    return values


def text(samples: Samples) -> str:
    """Write samples; those of no known family come last."""
    by_family: dict[str, list[str]] = {}
    for key, value in samples.items():
        name = key.partition("{")[0]
        by_family.setdefault(_FAMILY_OF.get(name, name), []).append(f"{key} {_number(value)}")
    known = {family.name: family for family in FAMILIES}
    others = (Family(name=name, kind="untyped", help="") for name in by_family if name not in known)
    return "".join(_block(family, by_family.get(family.name, ())) for family in (*FAMILIES, *others))


def _block(family: Family, lines: Iterable[str]) -> str:
    lines = tuple(lines)
    if not lines:
        return ""
    head = (f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}")
    return "".join(f"{line}\n" for line in (*head, *lines))


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(value: str) -> str:
    printable = re.sub(r"[\ud800-\udfff]", "\ufffd", value)  # UTF-8 has no others
    return '"' + _escaped(printable).replace('"', r"\"") + '"'
