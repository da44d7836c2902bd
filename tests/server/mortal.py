"""A server with a small model of random weights, which begins anew whenever it dies, as under systemd.

    python -m tests.server.mortal FOLDER [--batch N]

Each life is a process of its own, whose number is in FOLDER.pid; how it ended is a line of what this writes.
It is forked from one that has everything imported, so that thirty lives take seconds. A picture of
:data:`DEADLY` pixels ends the process in the middle of its work.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import Final

import torch
from PIL import Image

from sdjp.pipeline import Pipeline
from sdjp.records import Report
from sdjp.server.limits import Limits
from sdjp.server.run import run
from sdjp.server.settings import Settings
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from tests.conftest import SMALL, random_models

DEADLY: Final = (80, 64)
STATUS: Final = 86
"""The exit status of a process that died of such a picture."""


class Deadly:
    """Ends the process at the sight of a certain size; the server must not catch it."""

    name = "deadly"

    def __call__(self, images: list[Image.Image], /) -> tuple[list[Image.Image], list[Report]]:
        if any(image.size == DEADLY for image in images):
            os._exit(STATUS)
        report = Report(name=self.name, status="done", ja="無事", en="alive")
        return list(images), [report for _ in images]


def live(folder: Path, batch: int, pipe: Pipeline) -> None:
    """One life of the server."""
    settings = Settings(data=folder, port=0, batch=batch)
    run(settings, Limits(max_queue=20), lambda _: pipe, log_requests=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)  # threads do not survive a fork
    pipe = Pipeline(
        random_models(SMALL),
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("lexicon"),
        postprocessors=[Deadly()],
    )
    file = args.folder.with_suffix(".pid")
    child = 0

    def stop(number: int, frame: object) -> None:
        if child:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            live(args.folder, args.batch, pipe)
            os._exit(0)
        file.write_text(str(child), encoding="ascii")
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
