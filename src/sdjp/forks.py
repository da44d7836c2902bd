"""``os.fork`` and threads: an error in the place of a child that would never come to an end.

GNU OpenMP, which PyTorch computes with on Linux, keeps helpers for each thread that has called it. A child of
``os.fork`` inherits the record of them and not the helpers, and waits for them for ever. Only the thread that
called ``os.fork`` lives on in the child, so what counts is whether that very thread has computed before.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

import torch

from sdjp.errors import InputError

_OWN: Final = threading.local()
"""Of each thread: the process in which it has computed with several threads."""


def about_to_compute() -> None:
    """Note that this thread is going to compute with several threads.

    Raises:
        InputError: If it did so before the fork that this process began with.
    """
    if sys.platform != "linux" or torch.get_num_threads() == 1:
        return
    here = os.getpid()
    if getattr(_OWN, "process", here) != here:
        raise InputError(
            "process.forked",
            ja="os.fork で分かれた子プロセスでは、親がすでに計算に使った PyTorch のスレッドを使えません。"
            "multiprocessing.set_start_method('spawn') を使うか、分かれたあとで初めて Pipeline を"
            "作ってください。torch.set_num_threads(1) としても動きます。",
            en="in a child of os.fork PyTorch cannot use the threads that its parent computed with. Use "
            "multiprocessing.set_start_method('spawn'), or make the first Pipeline after the fork; with "
            "torch.set_num_threads(1) it works, too.",
        )
    _OWN.process = here
