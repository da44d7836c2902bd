"""``kill -9`` of workers, of the process they are forked from, and of the driver, at random moments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.batch import faulty, jobs
from tests.batch.killing import arguments, kill_until_done

SEED = int(os.environ.get("SDJP_KILL_SEED", "0"))
SIZES = [
    pytest.param(60, 10, id="small"),
    pytest.param(
        int(os.environ.get("SDJP_KILL_PICTURES", "2000")),
        int(os.environ.get("SDJP_KILLS", "200")),
        id="large",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("pictures", "kills"), SIZES)
def test_nothing_is_lost_doubled_or_changed(tmp_path: Path, pictures: int, kills: int) -> None:
    source = jobs.write_rows(tmp_path / "in.txt", list(jobs.prompts(pictures)))
    given = arguments("local")
    with jobs.processes(f"{tmp_path} calm", **{faulty.FOLDER: str(tmp_path / "calm faults")}) as own:
        calm = jobs.start(jobs.drive(source, tmp_path / "calm", **given), own, tmp_path / "log")
        assert calm.wait() == 0, (tmp_path / "log").read_text("utf-8")
    with jobs.processes(f"{tmp_path} wild", **{faulty.FOLDER: str(tmp_path / "wild faults")}) as own:
        figures = kill_until_done(
            source,
            str(tmp_path / "wild"),
            own,
            tmp_path / "log",
            pictures=pictures,
            kills=kills,
            seed=SEED,
            arguments=given,
        )
    assert figures.kills.total() == kills
    expected, found = (jobs.checksums(jobs.job_at(tmp_path / kind)) for kind in ("calm", "wild"))
    assert len(found) == pictures
    assert found == expected
