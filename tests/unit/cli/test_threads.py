"""How many threads there are where a control group limits the processor; folders stand for those of Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdjp.cli.threads import processors, quota, settle


def system(root: Path, groups: str, **files: str) -> Path:
    """A root with ``/proc/self/cgroup`` and files under ``/sys/fs/cgroup``, named with ``__`` for ``/``."""
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups, encoding="utf-8")
    for name, text in files.items():
        path = root / "sys" / "fs" / "cgroup" / name.replace("__", "/").replace("cpu_", "cpu.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


VERSION_1 = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/\n"


def version_1(folder: str, limit: int, period: int = 100_000) -> dict[str, str]:
    names = (f"{folder}__cpu_cfs_quota_us", f"{folder}__cpu_cfs_period_us")
    return dict(zip(names, (f"{limit}\n", f"{period}\n"), strict=True))


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu_max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu_max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a__cpu_max": "200000 100000\n", "a__b__cpu_max": "max 100000\n"}, 2.0),
        ("0::/a/b\n", {"a__cpu_max": "50000 100000\n", "a__b__cpu_max": "300000 100000\n"}, 0.5),
        ("0::/outside/only\n", {"cpu_max": "400000 100000\n"}, 4.0),
        ("0::/\n", {"unified__cpu_max": "100000 100000\n"}, 1.0),
        (VERSION_1, version_1("cpu,cpuacct", 300_000), 3.0),
        (VERSION_1, version_1("cpu__docker__a", 50_000, 25_000), 2.0),
        (VERSION_1, version_1("cpu", -1), None),
        (VERSION_1, version_1("memory", 100_000), None),
        ("0::/\n", {"cpu_max": "100000 0\n"}, None),
        ("0::/\n", {"cpu_max": "soon\n"}, None),
        ("what is this\n", {"cpu_max": "100000 100000\n"}, None),
    ],
)
def test_the_least_limit_of_all_groups_counts(
    groups: str, files: dict[str, str], expected: float | None, tmp_path: Path
) -> None:
    assert quota(system(tmp_path, groups, **files)) == expected


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert quota(tmp_path) is None


def test_the_machine_here_can_be_asked() -> None:
    limit = quota()
    assert limit is None or limit > 0


@pytest.mark.parametrize(
    ("limit", "threads"), [(0.5, "1"), (1.0, "1"), (2.9, "2"), (3.0, "3"), (4.0, None), (64.0, None)]
)
def test_no_more_threads_than_the_quota_feeds(
    limit: float, threads: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdjp.cli.threads.processors", lambda: 4)
    root = system(tmp_path, "0::/\n", cpu_max=f"{int(limit * 100_000)} 100000\n")
    environment: dict[str, str] = {}
    settle(environment, root=root)
    assert environment.get("OMP_NUM_THREADS") == threads


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_the_count_of_the_user_stays(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdjp.cli.threads.processors", lambda: 64)
    environment = {name: "8"}
    settle(environment, root=system(tmp_path, "0::/\n", cpu_max="100000 100000\n"))
    assert environment == {name: "8", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"])
def test_the_waiting_of_the_user_stays(name: str, tmp_path: Path) -> None:
    environment = {name: "ACTIVE"}
    settle(environment, root=tmp_path)
    assert environment == {name: "ACTIVE"}


def test_there_is_a_processor() -> None:
    assert processors() >= 1
