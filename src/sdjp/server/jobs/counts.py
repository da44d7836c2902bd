"""What is counted of jobs since the start, by the names that Prometheus has it under."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Final

from sdjp.server.jobs.record import OVER, JobRecord

WAITS: Final = (1, 5, 15, 60, 300, 900, 3600)
"""Upper bounds of the histogram of waiting, in seconds."""
_WAIT: Final = "sdjp_queue_wait_seconds"


class Counts:
    """Counters; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: dict[str, float] = defaultdict(float)
        for name in ("jobs_submitted", "jobs_refused", "pictures", "pictures_withheld", "drawing_seconds"):
            self._samples[f"sdjp_{name}_total"] = 0
        for state in OVER:
            self._samples[f'sdjp_jobs_total{{state="{state}"}}'] = 0
        for bound in (*WAITS, "+Inf"):
            self._samples[f'{_WAIT}_bucket{{le="{bound}"}}'] = 0
        self._samples[f"{_WAIT}_sum"] = self._samples[f"{_WAIT}_count"] = 0

    def submitted(self) -> None:
        """A job was accepted."""
        self._add(sdjp_jobs_submitted_total=1)

    def refused(self) -> None:
        """A job found the queue full."""
        self._add(sdjp_jobs_refused_total=1)

    def begun(self, job: JobRecord) -> None:
        """The drawing of a job began."""
        if job.started is not None:
            seconds = max(job.started - job.created, 0.0)
            with self._lock:
                for bound in WAITS:
                    self._samples[f'{_WAIT}_bucket{{le="{bound}"}}'] += seconds <= bound
                self._samples[f'{_WAIT}_bucket{{le="+Inf"}}'] += 1
                self._samples[f"{_WAIT}_sum"] += seconds
                self._samples[f"{_WAIT}_count"] += 1

    def drawn(self, seconds: float) -> None:
        """So many seconds were spent drawing."""
        self._add(sdjp_drawing_seconds_total=seconds)

    def over(self, job: JobRecord) -> None:
        """A job is over."""
        with self._lock:
            self._samples[f'sdjp_jobs_total{{state="{job.state}"}}'] += 1
            self._samples["sdjp_pictures_total"] += len(job.pictures)
            self._samples["sdjp_pictures_withheld_total"] += job.withheld

    def samples(self) -> dict[str, float]:
        """All of them, by name and labels."""
        with self._lock:
            return dict(self._samples)

    def _add(self, **values: float) -> None:
        with self._lock:
            for name, value in values.items():
                self._samples[name] += value
