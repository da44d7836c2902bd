"""A child of ``os.fork`` stops with an error where it would wait for threads that it does not have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import uncounted

PROGRAM = """
import os, signal, threading, torch
from sdjp import Pipeline, SdjpError

torch.set_num_threads({before})
pipe = None

def load():
    global pipe
    pipe = Pipeline.from_pretrained(safety="off", watermark=False)
    pipe.generate("猫", num_inference_steps=1, width=64, height=64)

{parent}
child = os.fork()
if child == 0:
    signal.alarm(60)  # rather than for ever
    torch.set_num_threads({after})
    try:
        pipe = pipe or Pipeline.from_pretrained(safety="off", watermark=False)
        pipe.generate("猫", num_inference_steps=1, width=64, height=64)
        pipe.encode_prompt("猫")
    except SdjpError as error:
        print(error.code, flush=True)
        os._exit(3)
    os._exit(0)
print("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other OpenMP, or no fork")
@pytest.mark.parametrize(
    ("parent", "before", "after", "said"),
    [
        ("load()", 2, 2, "process.forked\nended with 3\n"),
        ("load(); pipe = None", 2, 2, "process.forked\nended with 3\n"),
        ("load()", 2, 1, "ended with 0\n"),
        ("load()", 1, 2, "ended with 0\n"),
        ("pass", 2, 2, "ended with 0\n"),
        ("one = threading.Thread(target=load); one.start(); one.join()", 2, 2, "ended with 0\n"),
    ],
)
def test_what_cannot_compute_says_so(parent: str, before: int, after: int, said: str) -> None:
    code = PROGRAM.format(parent=parent, before=before, after=after)
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            code,
        ],  # of Python 3.12: fork among threads
        env={**uncounted(), "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout == said, done.stderr
