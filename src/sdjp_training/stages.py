"""Train everything that ships, one after the other: what to start on a GPU that is there for an hour.

Each stage gets its share of the time and ends with a learning rate of nothing. Stages that are done are noted
in ``all.json``, so that a run that was broken off goes on with the one it was in, from its last checkpoint.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from sdjp_training.commands import ASSETS, parser
from sdjp_training.loop import device
from sdjp_training.scenes.shards import COUNT

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How everything is trained.

    Attributes:
        folder: Artwork, tables of pairs, checkpoints, logs.
        assets: Where what ships is written: the ``assets`` of the package.
        device: Where to compute.
        workers: Processes that share a step of the longest trainings; 1 with a GPU.
        threads: Threads of each process.
        prompts: Prompts and their English that the translator is judged by.
        every_emoji: Whether to learn all the concepts that there are drawings of.
        shards: How many shards of scenes, 2,000 each, the UNet learns from.
        samples: How many scenes the UNet draws for the decoder.
    """

    folder: Path
    assets: Path
    device: torch.device
    workers: int = 1
    threads: int = 1
    prompts: Path | None = None
    every_emoji: bool = False
    shards: int = COUNT
    samples: int = 3000

    def do(self, line: str, minutes: float) -> None:
        """Run a command as this plan has it.

        Args:
            line: Its name, and flags of its own.
            minutes: How long it trains, if it does.
        """
        args = parser().parse_args(line.split())
        for name, value in (
            ("folder", self.folder),
            ("minutes", minutes),
            ("final", True),
            ("workers", self.workers),
            ("threads", self.threads),
            ("prompts", self.prompts),
            ("every_emoji", self.every_emoji),
            ("count", self.shards),
            ("scenes", self.samples),
        ):
            if name in args:
                setattr(args, name, value)
        if "target" in args:
            args.target = self.assets / args.target.relative_to(ASSETS)
        with device.on(self.device if args.command.trains else torch.device("cpu")):
            args.command.run(args)


@dataclass(frozen=True)
class Stage:
    """One part of it.

    Attributes:
        name: Its name in ``all.json``.
        share: Its share of the time; those of all stages add up to 1.
        work: A function of the plan and its minutes.
    """

    name: str
    share: float
    work: Callable[[Plan, float], None]


def run(plan: Plan, minutes: float, stages: Sequence[Stage]) -> None:
    """Do the stages that are not done yet, in order.

    Args:
        plan: How.
        minutes: For all of them together; what is computed between trainings (drawing scenes, packing
            weights) takes time besides.
        stages: The stages.
    """
    note = plan.folder / "all.json"
    done: list[str] = json.loads(note.read_text()) if note.exists() else []
    for stage in stages:
        if stage.name not in done:
            log.info("%s: %.1f minutes", stage.name, stage.share * minutes)
            stage.work(plan, stage.share * minutes)
            done.append(stage.name)
            note.write_text(json.dumps(done))


def _data(plan: Plan, minutes: float) -> None:
    for command, made in (("data", "artwork"), ("pairs", "pairs")):
        if not (plan.folder / made).exists():
            plan.do(command, minutes)


def _commands(*lines: str) -> Callable[[Plan, float], None]:
    """The work of a stage that is one or more commands."""

    def work(plan: Plan, minutes: float) -> None:
        for line in lines:
            plan.do(line, minutes)

    return work


STAGES: Final = (
    Stage("data", 0, _data),
    Stage("autoencoder", 0.1, _commands("autoencoder")),
    Stage("pool", 0, _commands("pool", "pool --latents")),
    Stage("text", 0.14, _commands("text")),
    Stage("diffusion", 0.36, _commands("diffusion")),
    Stage("decoder", 0.1, _commands("samples", "decoder")),
    Stage("mini", 0, _commands("export", "words")),
    Stage("judge", 0.03, _commands("judge")),
    Stage("clip", 0.05, _commands("clip")),
    Stage("checker", 0.02, _commands("checker", "export-checker")),
    Stage("adapter", 0.08, _commands("adapter", "export-adapter")),
    Stage("translator", 0.12, _commands("translator", "export-translator")),
)
"""Each relies on those before it. The shares are those of what ships, roughly."""
