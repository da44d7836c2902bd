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

from sdjp_training.loop import device

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How everything is trained.

    Attributes:
        folder: Artwork, tables of pairs, checkpoints, logs.
        assets: Where what ships is written: the ``assets`` of the package.
        device: Where to compute.
        workers: Processes that share a step of the two longest trainings; 1 with a GPU.
        threads: Threads of each process.
        prompts: Prompts and their English that the translator is judged by.
        every_emoji: Whether to learn all the concepts that there are drawings of.
        shards: How many shards of scenes, 2,000 each, the UNet learns from.
    """

    folder: Path
    assets: Path
    device: torch.device
    workers: int = 1
    threads: int = 1
    prompts: Path | None = None
    every_emoji: bool = False
    shards: int = 28


@dataclass(frozen=True)
class Stage:
    """One part of it.

    Attributes:
        name: What ``all.json`` calls it.
        share: Its share of the time; those of all stages add up to 1.
        work: What it does; gets the plan and its minutes.
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
        stages: What to do.
    """
    note = plan.folder / "all.json"
    done: list[str] = json.loads(note.read_text()) if note.exists() else []
    for stage in stages:
        if stage.name not in done:
            log.info("%s: %.1f minutes", stage.name, stage.share * minutes)
            with device.on(plan.device):
                stage.work(plan, stage.share * minutes)
            done.append(stage.name)
            note.write_text(json.dumps(done))


def draw_artwork(folder: Path, *, every_emoji: bool) -> None:
    """Fetch and render the artwork: of the shipped concepts, or of every emoji that there is."""
    from sdjp_training.scenes import artwork, emoji_names

    packages, rendered = folder / "packages", folder / "artwork"
    artwork.fetch(packages)
    emoji_names.fetch(packages)
    if every_emoji:
        log.info("%d concepts", emoji_names.write(packages, rendered / artwork.LIST))
    artwork.render(packages, rendered)


def _data(plan: Plan, _: float) -> None:
    from sdjp_training.translator import sources, tables

    if not (plan.folder / "artwork").exists():
        draw_artwork(plan.folder, every_emoji=plan.every_emoji)
    if not (plan.folder / "pairs").exists():
        sources.fetch(plan.folder / "pairs")
        tables.fetch(plan.folder / "pairs")


def _autoencoder(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import autoencoder

    autoencoder.train(plan.folder, minutes=minutes, final=True)


def _pool(plan: Plan, _: float) -> None:
    from sdjp_training.scenes import shards as pool

    for latents in (False, True):
        pool.make(plan.folder, count=plan.shards, latents=latents)


def _text(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import text_encoder

    text_encoder.train(plan.folder, minutes=minutes, final=True)


def _diffusion(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import diffusion

    diffusion.train(plan.folder, minutes=minutes, final=True, workers=plan.workers, threads=plan.threads)


def _mini(plan: Plan, _: float) -> None:
    from sdjp_training.release import export
    from sdjp_training.scenes import words
    from sdjp_training.scenes.artwork import Artwork

    with torch.device("cpu"):
        export.export(plan.folder, plan.assets / "mini")
        words.write(plan.assets / "mini" / "words.tsv", Artwork(plan.folder / "artwork"))


def _judge(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import judge

    judge.train(plan.folder, minutes=minutes, final=True)


def _clip(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import clip

    clip.train(plan.folder, minutes=minutes, final=True)


def _checker(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import checker

    checker.train(plan.folder, minutes=minutes, final=True)
    with torch.device("cpu"):
        checker.export(plan.folder, plan.assets / "mini" / "safety_checker")


def _adapter(plan: Plan, minutes: float) -> None:
    from sdjp_training.trainers import adapter

    adapter.train(plan.folder, minutes=minutes, final=True)
    with torch.device("cpu"):
        adapter.export(plan.folder, plan.assets / "mini" / "adapter")


def _translator(plan: Plan, minutes: float) -> None:
    from sdjp_training.translator import export as translation_export
    from sdjp_training.translator import train

    train.train(
        plan.folder / "translator",
        plan.folder / "pairs",
        minutes=minutes,
        final=True,
        workers=plan.workers,
        threads=plan.threads,
        prompts=plan.prompts,
    )
    with torch.device("cpu"):
        translation_export.export(plan.folder / "translator", plan.assets / "translator")


STAGES: Final = (
    Stage("data", 0, _data),
    Stage("autoencoder", 0.12, _autoencoder),
    Stage("pool", 0, _pool),
    Stage("text", 0.08, _text),
    Stage("diffusion", 0.38, _diffusion),
    Stage("mini", 0, _mini),
    Stage("judge", 0.04, _judge),
    Stage("clip", 0.06, _clip),
    Stage("checker", 0.02, _checker),
    Stage("adapter", 0.1, _adapter),
    Stage("translator", 0.2, _translator),
)
"""Each relies on those before it. The shares are those of what ships, roughly."""
