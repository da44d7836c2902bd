"""A child of ``os.fork`` stops with an error where it would wait for threads that it does not have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import uncounted

# One parent for all: its main thread computes with several threads only before the last three children,
# so that nothing of it is left to the others.
PROGRAM = """
import os, signal, threading, torch
from sdjp import Pipeline, SdjpError

pipe = None

def load():
    global pipe
    pipe = Pipeline.from_pretrained(safety="off", watermark=False)
    draw()

def draw():
    pipe.generate("猫", num_inference_steps=1, width=64, height=64)

def fork(parent, threads=2):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # rather than for ever
        torch.set_num_threads(threads)
        try:
            draw() if pipe else load()
            pipe.encode_prompt("猫")
        except SdjpError as error:
            print(parent + ":", error.code, flush=True)
            os._exit(3)
        os._exit(0)
    print(parent + ": ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

torch.set_num_threads(2)
fork("nothing")
torch.set_num_threads(1)
load()
fork("one thread, then two")
torch.set_num_threads(2)
one = threading.Thread(target=draw)
one.start()
one.join()
fork("another of its threads")
draw()
fork("two threads, then one", threads=1)
fork("two threads")
pipe = None
fork("two threads, loaded again")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other OpenMP, or no fork")
def test_what_cannot_compute_says_so() -> None:
    done = subprocess.run(
        # A warning of Python 3.12: fork among threads.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM],
        env={**uncounted(), "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout.splitlines() == [
        "nothing: ended with 0",
        "one thread, then two: ended with 0",
        "another of its threads: ended with 0",
        "two threads, then one: ended with 0",
        "two threads: process.forked",
        "two threads: ended with 3",
        "two threads, loaded again: process.forked",
        "two threads, loaded again: ended with 3",
    ], done.stderr
