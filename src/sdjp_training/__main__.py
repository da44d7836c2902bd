"""The command line of the training package: one function for each command."""

from __future__ import annotations

import json
import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import torch

from sdjp.device import resolve_device
from sdjp_training.loop import device


def _all(args: Namespace) -> None:
    from sdjp_training import stages

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


def _data(args: Namespace) -> None:
    from sdjp_training import stages

    stages.draw_artwork(args.folder, every_emoji=args.every_emoji)


def _restore(args: Namespace) -> None:
    from sdjp_training.release import restore

    restore.restore(args.folder, args.source)


def _autoencoder(args: Namespace) -> None:
    from sdjp_training.trainers import autoencoder

    autoencoder.train(args.folder, decoder_only=args.decoder_only, **_learning(args))


def _pool(args: Namespace) -> None:
    from sdjp_training.scenes import shards as pool

    pool.make(args.folder, count=args.count, latents=args.latents)


def _text(args: Namespace) -> None:
    from sdjp_training.trainers import text_encoder

    text_encoder.train(args.folder, **_learning(args))


def _diffusion(args: Namespace) -> None:
    from sdjp_training.trainers import diffusion

    diffusion.train(args.folder, workers=args.workers, threads=args.threads, **_learning(args))


def _judge(args: Namespace) -> None:
    from sdjp_training.trainers import judge

    judge.train(args.folder, **_learning(args))


def _export_judge(args: Namespace) -> None:
    from sdjp_training.trainers import judge

    judge.export(args.folder, args.target)


def _clip(args: Namespace) -> None:
    from sdjp_training.trainers import clip

    clip.train(args.folder, **_learning(args))


def _export_clip(args: Namespace) -> None:
    from sdjp_training.release import clip_export

    clip_export.export(args.folder, args.target)


def _checker(args: Namespace) -> None:
    from sdjp_training.trainers import checker

    checker.train(args.folder, **_learning(args))


def _export_checker(args: Namespace) -> None:
    from sdjp_training.trainers import checker

    print(checker.export(args.folder, args.target))


def _pairs(args: Namespace) -> None:
    from sdjp_training.translator import sources, tables

    sources.fetch(args.folder / "pairs")
    tables.fetch(args.folder / "pairs")


def _translator(args: Namespace) -> None:
    from sdjp_training.translator import train

    train.train(
        args.folder / "translator",
        args.pairs if args.pairs is not None else args.folder / "pairs",
        workers=args.workers,
        threads=args.threads,
        prompts=args.prompts,
        **_learning(args),
    )


def _export_translator(args: Namespace) -> None:
    from sdjp_training.translator import export as translation_export

    translation_export.export(args.folder / "translator", args.target)


def _adapter(args: Namespace) -> None:
    from sdjp_training.trainers import adapter

    sizes = {name: getattr(args, name) for name in ADAPTER}
    sizes["mlp_width"] = 4 * args.width
    adapter.train(args.folder, source=args.model, sizes=sizes, **_learning(args))


def _export_adapter(args: Namespace) -> None:
    from sdjp_training.trainers import adapter

    adapter.export(args.folder, args.target, source=args.model)


def _export(args: Namespace) -> None:
    from sdjp_training.release import export

    export.export(args.folder, args.target)


def _words(args: Namespace) -> None:
    from sdjp_training.scenes import words
    from sdjp_training.scenes.artwork import Artwork

    words.write(args.target, Artwork(args.folder / "artwork"))


def _gallery(args: Namespace) -> None:
    from sdjp_training.release import gallery

    gallery.draw(args.target)


def _evaluate(args: Namespace) -> None:
    from sdjp_training.release import card, evaluate

    figures = evaluate.measure(args.folder, each=args.each, others=args.others, prompts=args.prompts)
    print(json.dumps(figures, ensure_ascii=False, indent=2))
    card.write(figures, args.card)


ADAPTER: Final = {"width": 192, "heads": 3, "read_layers": 4, "write_layers": 2}
"""Sizes of a new adapter."""


def _learning(args: Namespace) -> dict[str, Any]:
    """What every training takes."""
    return {"minutes": args.minutes, "final": args.final, "lr": args.lr}


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m sdjp_training", allow_abbrev=False)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/data"), help="artwork, checkpoints and logs"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where trainings compute: cpu, cuda, auto …")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[[Namespace], None], help_: str) -> ArgumentParser:
        sub = commands.add_parser(name, help=help_)
        sub.set_defaults(run=run)
        return sub

    def training(name: str, run: Callable[[Namespace], None], minutes: float, help_: str) -> ArgumentParser:
        sub = command(name, run, help_)
        sub.add_argument("--minutes", type=float, default=minutes)
        sub.add_argument("--final", action="store_true", help="let the learning rate fall to zero")
        sub.add_argument("--lr", type=float, default=1.0, help="factor on the learning rates")
        return sub

    def target(sub: ArgumentParser, default: str) -> ArgumentParser:
        sub.add_argument("--target", type=Path, default=Path(default))
        return sub

    def workers(sub: ArgumentParser) -> ArgumentParser:
        sub.add_argument("--workers", type=int, default=1, help="processes that share a step")
        return sub

    def count(sub: ArgumentParser) -> ArgumentParser:
        sub.add_argument("--count", type=int, default=28, help="shards of 2,000 scenes")
        return sub

    def every_emoji(sub: ArgumentParser) -> ArgumentParser:
        sub.add_argument("--every-emoji", action="store_true", help="1,300 concepts, not the shipped 260")
        return sub

    def prompts(sub: ArgumentParser) -> ArgumentParser:
        sub.add_argument("--prompts", type=Path, help="prompts and their English, to judge the translator by")
        return sub

    sub = prompts(workers(command("all", _all, "train everything that ships, one after the other")))
    sub.add_argument("--minutes", type=float, default=600, help="for all trainings together")
    every_emoji(count(sub))
    every_emoji(command("data", _data, "fetch and render the artwork"))
    sub = command("restore", _restore, "go on from shipped weights, where no checkpoints are left")
    sub.add_argument("--source", default="mini", help="the model to begin with")
    sub = training("autoencoder", _autoencoder, 45, "train the autoencoder")
    sub.add_argument("--decoder-only", action="store_true", help="leave the latents as they are")
    sub = command("pool", _pool, "draw scenes ahead; with --latents, encode them")
    count(sub)
    sub.add_argument("--latents", action="store_true")
    training("text", _text, 25, "train the text encoder")
    workers(training("diffusion", _diffusion, 240, "train the UNet"))
    target(command("export", _export, "pack the weights into a folder"), "src/sdjp/assets/mini")
    training("judge", _judge, 20, "train the classifier that judges pictures")
    target(
        command("export-judge", _export_judge, "write the judge for the tests"),
        "tests/cases/judge.safetensors",
    )
    training("clip", _clip, 60, "train a small CLIP on the same scenes")
    target(command("export-clip", _export_clip, "write the small CLIP as Hugging Face has them"), "runs/clip")
    training("checker", _checker, 15, "train the safety checker of the embedded model")
    target(
        command("export-checker", _export_checker, "pack the safety checker into a folder"),
        "src/sdjp/assets/mini/safety_checker",
    )
    command("pairs", _pairs, "fetch sentences, dictionaries and names in Japanese and English")
    sub = training("translator", _translator, 240, "train the translator from Japanese to English")
    prompts(workers(sub))
    sub.add_argument("--pairs", type=Path, help="tables of pairs (default: pairs, in the folder)")
    sub = command("export-translator", _export_translator, "pack the translator into a folder")
    target(sub, "src/sdjp/assets/translator")
    sub = training("adapter", _adapter, 60, "train an adapter, which reads Japanese before a text encoder")
    sub.add_argument("--model", default="mini", help="the model whose text encoder it stands before")
    for name, value in ADAPTER.items():
        sub.add_argument(f"--{name.replace('_', '-')}", type=int, default=value, help="of a new adapter")
    sub = command("export-adapter", _export_adapter, "pack the adapter into a folder")
    target(sub, "src/sdjp/assets/mini/adapter")
    sub.add_argument("--model", default="mini", help="the model that it was trained for")
    sub = command("words", _words, "write the words that the embedded model knows")
    target(sub, "src/sdjp/assets/mini/words.tsv")
    target(command("gallery", _gallery, "draw the gallery of the documentation"), "docs")
    sub = prompts(command("evaluate", _evaluate, "measure the embedded model, and write that into its card"))
    sub.add_argument("--each", type=int, default=1, help="pictures of every subject alone")
    sub.add_argument("--others", type=int, default=60, help="prompts of each other kind")
    sub.add_argument("--card", type=Path, default=Path("src/sdjp/assets/mini/README.md"))
    return parser


def main() -> None:
    """Run one command."""
    args = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(args.threads)
    trains = "lr" in args or args.command == "pool"  # others draw with the product, on the processor
    with device.on(resolve_device(args.device if trains else "cpu")):
        args.run(args)


if __name__ == "__main__":
    main()
