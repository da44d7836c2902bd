"""``kill -9`` of workers, of the process they are forked from, and of the driver, at random moments.

The large ones take an hour or two; ``SDJP_KILL_PICTURES``, ``SDJP_KILLS`` and ``SDJP_KILL_SEED`` change them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.batch import faulty, jobs
from tests.batch.killing import Figures, arguments, kill_until_done
from tests.batch.s3_server import BUCKET, environment, s3_server, use

SEED = int(os.environ.get("SDJP_KILL_SEED", "0"))
PICTURES = int(os.environ.get("SDJP_KILL_PICTURES", "2000"))
KILLS = int(os.environ.get("SDJP_KILLS", "200"))
SMALL = 48


def source_of(folder: Path, pictures: int) -> Path:
    return jobs.write_rows(folder / "in.txt", jobs.prompts(pictures))


def draw_calmly(folder: Path, pictures: int) -> dict[int, str]:
    """The checksums of pictures that nothing disturbed."""
    log, out = folder / "log", folder / "calm"
    with jobs.processes(str(out), **{faulty.FOLDER: str(folder / "calm faults")}) as own:
        command = jobs.drive(source_of(folder, pictures), out, **arguments("local"))
        assert jobs.start(command, own, log).wait() == 0, log.read_text("utf-8")
    return jobs.checksums(jobs.job_at(out))


def draw_wildly(folder: Path, out: str, pictures: int, kills: int, **environment: str) -> Figures:
    """Draw the same while processes are killed."""
    source = source_of(folder, pictures)
    with jobs.processes(out, **environment, **{faulty.FOLDER: str(folder / "wild faults")}) as own:
        figures = kill_until_done(
            source,
            out,
            own,
            folder / "log",
            pictures=pictures,
            kills=kills,
            seed=SEED,
            arguments=arguments("local"),
        )
    print(figures)
    assert figures.kills.total() == kills
    assert figures.drawn >= pictures
    return figures


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The checksums of a few pictures that nothing disturbed."""
    return draw_calmly(tmp_path_factory.mktemp("calm"), SMALL)


def test_nothing_is_lost_doubled_or_changed(tmp_path: Path, calm: dict[int, str]) -> None:
    draw_wildly(tmp_path, str(tmp_path / "wild"), SMALL, 8)
    assert jobs.checksums(jobs.job_at(tmp_path / "wild")) == calm


def test_nor_in_an_object_store(
    tmp_path: Path, calm: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = 16
    with s3_server() as url:
        use(monkeypatch, url)
        out = f"s3://{BUCKET}/wild"
        draw_wildly(tmp_path, out, few, 4, **environment(url))
        found = jobs.checksums(jobs.job_at(out))
    assert found == {number: calm[number] for number in range(few)}


@pytest.mark.slow
def test_nothing_is_lost_of_a_large_job_that_is_killed_very_often(tmp_path: Path) -> None:
    expected = draw_calmly(tmp_path, PICTURES)
    draw_wildly(tmp_path, str(tmp_path / "wild"), PICTURES, KILLS)
    assert jobs.checksums(jobs.job_at(tmp_path / "wild")) == expected


@pytest.mark.slow
def test_nor_of_a_large_job_in_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, kills = PICTURES // 10, KILLS // 5
    expected = draw_calmly(tmp_path, pictures)
    with s3_server() as url:
        use(monkeypatch, url)
        out = f"s3://{BUCKET}/wild"
        draw_wildly(tmp_path, out, pictures, kills, **environment(url))
        assert jobs.checksums(jobs.job_at(out)) == expected
