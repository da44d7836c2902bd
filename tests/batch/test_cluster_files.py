"""The files of examples/cluster, as far as they can be tried without Kubernetes."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sdjp.cli.commands.batch import parser
from tests import markdown

FOLDER: Final = markdown.ROOT / "examples" / "cluster"
JOBS: Final = ("rayjob-cpu.yaml", "rayjob-gpu.yaml")


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def job(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text_of(name)))


def parsed(words: list[str]) -> Any:
    assert words[:2] == ["sdjp", "batch"]
    return parser().parse_args(words[2:])


@pytest.mark.parametrize("name", JOBS)
def test_the_job_runs_what_sdjp_knows(name: str) -> None:
    args = parsed(shlex.split(job(name)["spec"]["entrypoint"]))
    assert (args.batch_engine, args.address) == ("ray", "auto")


@pytest.mark.parametrize("name", JOBS)
def test_all_nodes_see_what_the_job_names(name: str) -> None:
    spec = job(name)["spec"]
    args = parsed(shlex.split(spec["entrypoint"]))
    cluster = spec["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    for path in (args.file, args.out, args.model):
        if path is None or not path.startswith("/"):
            continue
        for pod in pods:
            [mount] = [m for m in pod["containers"][0]["volumeMounts"] if path.startswith(m["mountPath"])]
            assert mount["name"] in {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", JOBS)
def test_the_head_draws_nothing_and_workers_have_room(name: str) -> None:
    spec = job(name)["spec"]
    args = parsed(shlex.split(spec["entrypoint"]))
    cluster = spec["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in cluster["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert int(limits["cpu"]) >= (args.threads or 1)
        assert ("nvidia.com/gpu" in limits) == (args.device == "cuda")


def test_submitting_runs_what_sdjp_knows(tmp_path: Path) -> None:
    (tmp_path / "ray").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    (tmp_path / "ray").chmod(0o755)
    done = subprocess.run(
        ["sh", FOLDER / "submit.sh", "s3://a b/p.jsonl", "s3://a b/out", "--device", "cuda"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    submit, rest = done.stdout.splitlines()[:3], done.stdout.splitlines()[3:]
    assert submit == ["job", "submit", "--"]
    args = parsed(rest)
    assert (args.file, args.out, args.device) == ("s3://a b/p.jsonl", "s3://a b/out", "cuda")
    assert (args.batch_engine, args.address) == ("ray", "auto")


def test_the_image_has_what_the_extra_asks_for() -> None:
    dockerfile = text_of("Dockerfile")
    copied = re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE)
    for source in (source for line in copied for source in line.split()):
        assert (markdown.ROOT / source).exists(), source
    assert '".[ray,s3]"' in dockerfile
    [low, high] = re.findall(r'"ray\[data,default\]>=2\.(\d+),<(\d+)"', dockerfile)[0]
    for name in JOBS:
        major, minor, _ = job(name)["spec"]["rayClusterSpec"]["rayVersion"].split(".")
        assert int(major) < int(high)
        assert int(minor) >= int(low)


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_the_commands_of_the_page(name: str) -> None:
    commands = re.findall(r"^sdjp batch .*$", text_of(name), re.MULTILINE)
    assert commands
    for command in commands:
        assert parsed(shlex.split(command)).batch_engine == "ray"
    for file in re.findall(r"\]\(([\w.-]+)\)", text_of(name)):
        assert (FOLDER / file).exists(), file
