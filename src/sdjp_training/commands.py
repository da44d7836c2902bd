"""The table of commands: what each does, and the arguments that it takes."""

from __future__ import annotations

import json
import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from sdjp.weights import EMBEDDED_MODEL
from sdjp_training.release import (
    adapter_export,
    card,
    checker_export,
    clip_export,
    evaluate,
    gallery,
    mini_export,
    panel,
    restore,
    translator_export,
    upscaler_export,
)
from sdjp_training.scenes import artwork, emoji_names, shards, words
from sdjp_training.trainers import (
    adapter,
    autoencoder,
    checker,
    clip,
    decoder,
    diffusion,
    judge,
    latents,
    samples,
    text_encoder,
)
from sdjp_training.translator import gate, lexicon, sources, tables, train

log = logging.getLogger(__name__)

ASSETS: Final = Path("src/sdjp/assets")
Argument: TypeAlias = tuple[str, dict[str, Any]]
"""The flag of an argument, and what argparse takes besides."""


@dataclass(frozen=True)
class Command:
    """A row of the table.

    Attributes:
        name: As it is typed.
        run: The function of its arguments.
        help: One line.
        arguments: The arguments, beside those of all commands.
        trains: Whether it computes on the device that is asked for; others draw with the product, on the
            processor.
    """

    name: str
    run: Callable[[Namespace], None]
    help: str
    arguments: tuple[Argument, ...] = ()
    trains: bool = False


def _training(minutes: float) -> tuple[Argument, ...]:
    return (
        ("--minutes", {"type": float, "default": minutes}),
        ("--final", {"action": "store_true", "help": "let the learning rate fall to zero"}),
        ("--lr", {"type": float, "default": 1.0, "help": "factor on the learning rates"}),
    )


def _learning(args: Namespace) -> dict[str, Any]:
    """The arguments of every training."""
    return {"minutes": args.minutes, "final": args.final, "lr": args.lr}


def _sharing(args: Namespace) -> dict[str, Any]:
    """The arguments of trainings whose steps several processes share."""
    return {**_learning(args), "workers": args.workers, "threads": args.threads}


def _target(default: str | Path) -> Argument:
    return "--target", {"type": Path, "default": Path(default)}


SIZES: Final = {"width": 192, "heads": 3, "read_layers": 4, "write_layers": 2}
"""Sizes of a new adapter."""
WORKERS: Final = ("--workers", {"type": int, "default": 1, "help": "processes that share a step"})
COUNT: Final = ("--count", {"type": int, "default": shards.COUNT, "help": "shards of 2,000 scenes"})
EVERY_EMOJI: Final = (
    "--every-emoji",
    {"action": "store_true", "help": "1,300 concepts, not the shipped 540"},
)
PROMPTS: Final = (
    "--prompts",
    {"type": Path, "help": "prompts and their English, to judge the translator by"},
)
PAIRS: Final = ("--pairs", {"type": Path, "help": "tables of pairs (default: pairs, in the folder)"})
LATENTS: Final = ("--latents", {"action": "store_true"})
DECODER_ONLY: Final = ("--decoder-only", {"action": "store_true", "help": "leave the latents as they are"})


def _model(help_: str) -> Argument:
    return "--model", {"default": "mini", "help": help_}


def _data(args: Namespace) -> None:
    packages, rendered = args.folder / "packages", args.folder / "artwork"
    artwork.fetch(packages)
    emoji_names.fetch(packages)
    if args.every_emoji:
        log.info("%d concepts", emoji_names.write(packages, rendered / artwork.LIST))
    artwork.render(packages, rendered)


def _pool(args: Namespace) -> None:
    make = latents.encode if args.latents else shards.draw
    make(args.folder, args.count)


def _pairs(args: Namespace) -> None:
    sources.fetch(args.folder / "pairs")
    tables.fetch(args.folder / "pairs")


def _restore(args: Namespace) -> None:
    restore.restore(args.folder, args.source)
    restore.restore_translator(args.folder / "translator")


def _tables(args: Namespace) -> Path:
    folder: Path = args.folder / "pairs" if args.pairs is None else args.pairs
    return folder


def _translator(args: Namespace) -> None:
    train.train(args.folder / "translator", _tables(args), prompts=args.prompts, **_sharing(args))


def _adapter(args: Namespace) -> None:
    sizes = {name: getattr(args, name) for name in SIZES}
    sizes["mlp_width"] = 4 * args.width
    adapter.train(args.folder, source=args.model, sizes=sizes, **_sharing(args))


def _evaluate(args: Namespace) -> None:
    figures = evaluate.measure(
        args.folder,
        model=args.model,
        nouns=args.nouns,
        others=args.others,
        prompts=args.prompts,
        natural=args.natural,
        graded=args.graded,
        grader=args.grader,
    )
    print(json.dumps(figures, ensure_ascii=False, indent=2))
    if args.card is not None or args.model == EMBEDDED_MODEL:
        card.write(figures, args.card or ASSETS / "mini/README.md")


def _panel(args: Namespace) -> None:
    if args.score:
        print(json.dumps(panel.score(args.target), indent=2))
        return
    pipe = evaluate.pipeline("auto", args.model)
    panel.draw(args.target, artwork.Artwork(args.folder / "artwork"), pipe, args.seed)


COMMANDS: Final = (
    Command("data", _data, "fetch and render the artwork", (EVERY_EMOJI,)),
    Command(
        "restore",
        _restore,
        "go on from shipped weights, where no checkpoints are left",
        (("--source", {"default": "mini", "help": "the model to begin with"}),),
    ),
    Command(
        "autoencoder",
        lambda args: autoencoder.train(args.folder, decoder_only=args.decoder_only, **_learning(args)),
        "train the autoencoder",
        (*_training(45), DECODER_ONLY),
        trains=True,
    ),
    Command("pool", _pool, "draw scenes ahead; with --latents, encode them", (COUNT, LATENTS), trains=True),
    Command(
        "text",
        lambda args: text_encoder.train(args.folder, **_sharing(args)),
        "train the text encoder",
        (*_training(60), WORKERS),
        trains=True,
    ),
    Command(
        "diffusion",
        lambda args: diffusion.train(args.folder, **_sharing(args)),
        "train the UNet",
        (*_training(240), WORKERS),
        trains=True,
    ),
    Command(
        "samples",
        lambda args: samples.draw(args.folder, args.scenes),
        "draw scenes of the pool with the UNet, for decoder and checker",
        (("--scenes", {"type": int, "default": 3000}),),
        trains=True,
    ),
    Command(
        "decoder",
        lambda args: decoder.train(args.folder, **_learning(args)),
        "train the decoder further, on what the UNet draws",
        _training(120),
        trains=True,
    ),
    Command(
        "export",
        lambda args: mini_export.export(args.folder, args.target),
        "pack the weights into a folder",
        (_target(ASSETS / "mini"),),
    ),
    Command(
        "judge",
        lambda args: judge.train(args.folder, **_learning(args)),
        "train the classifier that judges pictures",
        _training(20),
        trains=True,
    ),
    Command(
        "gate",
        lambda args: gate.train(args.prompts, args.sentences),
        "fit who translates a text: the lexicon, or the model that ships",
        (
            ("--prompts", {"type": Path, "required": True, "help": "prompts and their English, TSV"}),
            ("--sentences", {"type": Path, "required": True, "help": "sentences and their English, TSV"}),
        ),
    ),
    Command(
        "export-judge",
        lambda args: judge.export(args.folder, args.target),
        "write the judge for the tests",
        (_target("tests/cases/judge.safetensors"),),
    ),
    Command(
        "clip",
        lambda args: clip.train(args.folder, **_learning(args)),
        "train a small CLIP on the same scenes",
        _training(60),
        trains=True,
    ),
    Command(
        "export-clip",
        lambda args: clip_export.export(args.folder, args.target),
        "write the small CLIP as Hugging Face has them",
        (_target("runs/clip"),),
    ),
    Command(
        "checker",
        lambda args: checker.train(args.folder, **_learning(args)),
        "train the safety checker of the embedded model",
        _training(15),
        trains=True,
    ),
    Command(
        "export-checker",
        lambda args: print(checker_export.export(args.folder, args.target)),
        "pack the safety checker into a folder",
        (_target(ASSETS / "mini/safety_checker"),),
    ),
    Command("pairs", _pairs, "fetch sentences, dictionaries and names in Japanese and English"),
    Command(
        "lexicon",
        lambda args: lexicon.build(args.target, _tables(args)),
        "make the derived tables of the lexicon again, of what pairs has fetched",
        (_target(ASSETS / "lexicon"), PAIRS),
    ),
    Command(
        "translator",
        _translator,
        "train the translator from Japanese to English",
        (*_training(240), WORKERS, PROMPTS, PAIRS),
        trains=True,
    ),
    Command(
        "export-translator",
        lambda args: translator_export.export(
            args.folder / "translator", args.target, before=args.before, share=args.share
        ),
        "pack the translator into a folder",
        (
            _target(ASSETS / "translator"),
            ("--before", {"type": Path, "help": "exported weights that it went on from, to mix in"}),
            ("--share", {"type": float, "default": 0.5, "help": "share of the new weights, if mixed"}),
        ),
    ),
    Command(
        "adapter",
        _adapter,
        "train an adapter, which reads Japanese before a text encoder",
        (
            *_training(60),
            WORKERS,
            _model("the model whose text encoder it stands before"),
            *(
                (f"--{name.replace('_', '-')}", {"type": int, "default": value, "help": "of a new adapter"})
                for name, value in SIZES.items()
            ),
        ),
        trains=True,
    ),
    Command(
        "restore-adapter",
        lambda args: restore.restore_adapter(args.folder, args.model, args.source),
        "begin the adapter of a model with that of another, whose tokens may differ",
        (
            _model("the model that it is for"),
            ("--source", {"default": "mini", "help": "the model whose adapter it begins with"}),
        ),
    ),
    Command(
        "export-adapter",
        lambda args: adapter_export.export(args.folder, args.target, source=args.model),
        "pack the adapter into a folder",
        (_target(ASSETS / "mini/adapter"), _model("the model that it was trained for")),
    ),
    Command(
        "export-upscaler",
        lambda args: upscaler_export.export(args.folder / "packages", args.target),
        "fetch the upscaler that ships, and write it as sdjp reads it",
        (_target(ASSETS / "upscaler"),),
    ),
    Command(
        "words",
        lambda args: words.write(args.target, artwork.Artwork(args.folder / "artwork")),
        "write the words that the embedded model knows",
        (_target(ASSETS / "mini/words.tsv"),),
    ),
    Command(
        "gallery",
        lambda args: gallery.draw(args.target),
        "draw the gallery of the documentation",
        (_target("docs"),),
    ),
    Command(
        "panel",
        _panel,
        "draw shuffled sheets for someone to say what is on them; with --score, score the answers",
        (
            _target("runs/panel"),
            _model("the model that draws"),
            ("--seed", {"type": int, "default": 1, "help": "of the pictures and of their order"}),
            ("--score", {"action": "store_true"}),
        ),
    ),
    Command(
        "evaluate",
        _evaluate,
        "measure the embedded model, and write that into its card",
        (
            PROMPTS,
            ("--natural", {"type": Path, "help": "prompts kept for measuring, with English and kind"}),
            _model("the model that draws"),
            ("--nouns", {"type": int, "help": "subjects alone (all, if left out)"}),
            ("--others", {"type": int, "default": 60, "help": "prompts of each other kind"}),
            ("--graded", {"type": Path, "help": "scores.json of a panel"}),
            ("--grader", {"default": "", "help": "who graded it, and how"}),
            ("--card", {"type": Path, "help": "the model card (that of the embedded model, if it draws)"}),
        ),
    ),
)


def parser(*more: Command) -> ArgumentParser:
    """Make the parser of all commands, ``more`` before the others; ``args.command`` is the row."""
    made = ArgumentParser(prog="python -m sdjp_training", allow_abbrev=False)
    made.add_argument("--folder", type=Path, default=Path("runs/data"), help="artwork, checkpoints and logs")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--device", default="cpu", help="where trainings compute: cpu, cuda, auto …")
    subs = made.add_subparsers(required=True, metavar="command")
    for command in (*more, *COMMANDS):
        sub = subs.add_parser(command.name, help=command.help)
        sub.set_defaults(command=command)
        for flag, options in command.arguments:
            sub.add_argument(flag, **options)
    return made
