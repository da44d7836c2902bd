"""The command line of the training package: one of its commands, or all stages."""

from __future__ import annotations

import logging
from argparse import Namespace
from importlib.resources import files
from pathlib import Path
from typing import Final

import torch

from sdjp.device import resolve_device
from sdjp_training import commands, stages
from sdjp_training.commands import Command
from sdjp_training.loop import device


def _all(args: Namespace) -> None:
    plan = stages.Plan(
        folder=args.folder,
        assets=Path(str(files("sdjp"))) / "assets",
        device=resolve_device(args.device),
        workers=args.workers,
        threads=args.threads,
        prompts=args.prompts,
        every_emoji=args.every_emoji,
        shards=args.count,
    )
    stages.run(plan, args.minutes, stages.STAGES)


ALL: Final = Command(
    "all",
    _all,
    "train everything that ships, one after the other",
    (
        commands.WORKERS,
        commands.PROMPTS,
        ("--minutes", {"type": float, "default": 600, "help": "for all trainings together"}),
        commands.COUNT,
        commands.EVERY_EMOJI,
    ),
)


def main() -> None:
    """Run one command."""
    args = commands.parser(ALL).parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(args.threads)
    with device.on(resolve_device(args.device if args.command.trains else "cpu")):
        args.command.run(args)


if __name__ == "__main__":
    main()
