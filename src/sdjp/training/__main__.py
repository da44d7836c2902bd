"""The command line of the training package."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import torch


def main() -> None:
    """Run one training command."""
    parser = argparse.ArgumentParser(prog="python -m sdjp.training", allow_abbrev=False)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/data"), help="artwork, checkpoints and logs"
    )
    parser.add_argument("--threads", type=int, default=2)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("data", help="fetch and render the artwork")
    sub = commands.add_parser("restore", help="go on from shipped weights, where no checkpoints are left")
    sub.add_argument("--source", default="mini", help="the model to begin with")
    sub = commands.add_parser("autoencoder", help="train the autoencoder")
    sub.add_argument("--minutes", type=float, default=45)
    sub.add_argument("--decoder-only", action="store_true", help="leave the latents as they are")
    sub.add_argument("--final", action="store_true", help="let the learning rate fall to zero")
    sub.add_argument("--lr", type=float, default=1.0, help="factor on the learning rates")
    sub = commands.add_parser("pool", help="draw scenes ahead; with --latents, encode them")
    sub.add_argument("--count", type=int, default=12, help="shards of 2,000 scenes")
    sub.add_argument("--latents", action="store_true")
    for name, minutes, help_ in (
        ("text", 25, "train the text encoder"),
        ("diffusion", 240, "train the UNet"),
        ("judge", 20, "train the classifier that judges pictures"),
        ("clip", 60, "train a small CLIP on the same scenes"),
    ):
        sub = commands.add_parser(name, help=help_)
        sub.add_argument("--minutes", type=float, default=minutes)
        sub.add_argument("--final", action="store_true", help="let the learning rate fall to zero")
        sub.add_argument("--lr", type=float, default=1.0, help="factor on the learning rates")
        if name == "diffusion":
            sub.add_argument("--workers", type=int, default=1, help="processes that share a batch")
    sub = commands.add_parser("export-judge", help="write the judge for the tests")
    sub.add_argument("--target", type=Path, default=Path("tests/cases/judge.safetensors"))
    sub = commands.add_parser("export-clip", help="write the small CLIP as Hugging Face has them")
    sub.add_argument("--target", type=Path, default=Path("runs/clip"))
    sub = commands.add_parser("checker", help="make a safety checker of the small CLIP")
    sub.add_argument("--target", type=Path, default=Path("runs/safety_checker"))
    commands.add_parser("pairs", help="fetch sentences and a dictionary in Japanese and English")
    sub = commands.add_parser("translator", help="train the translator from Japanese to English")
    sub.add_argument("--pairs", type=Path, help="tables of pairs (default: pairs, in the folder)")
    sub.add_argument("--prompts", type=Path, help="prompts and their English, to be judged by")
    sub.add_argument("--minutes", type=float, default=240)
    sub.add_argument("--final", action="store_true", help="let the learning rate fall to zero")
    sub.add_argument("--lr", type=float, default=1.0, help="factor on the learning rates")
    sub.add_argument("--workers", type=int, default=1, help="processes that share a step")
    sub = commands.add_parser("adapter", help="train a text encoder that reads Japanese")
    sub.add_argument("--minutes", type=float, default=60)
    sub.add_argument("--model", default="mini", help="the model whose text encoder it takes the place of")
    sub.add_argument("--final", action="store_true", help="let the learning rate fall to zero")
    sub.add_argument("--lr", type=float, default=1.0, help="factor on the learning rates")
    for name, value in (("width", 192), ("heads", 3), ("read-layers", 4), ("write-layers", 2)):
        sub.add_argument(f"--{name}", type=int, default=value, help="of a new adapter")
    sub = commands.add_parser("export-adapter", help="pack the adapter into a folder")
    sub.add_argument("--model", default="mini", help="the model that it was trained for")
    sub.add_argument("--target", type=Path, default=Path("src/sdjp/assets/mini/adapter"))
    sub = commands.add_parser("export-translator", help="pack the translator into a folder")
    sub.add_argument("--target", type=Path, default=Path("src/sdjp/assets/translator"))
    sub = commands.add_parser("export", help="pack the weights into a folder")
    sub.add_argument("--target", type=Path, default=Path("src/sdjp/assets/mini"))
    sub = commands.add_parser("words", help="write the words that the embedded model knows")
    sub.add_argument("--target", type=Path, default=Path("src/sdjp/assets/mini/words.tsv"))
    sub = commands.add_parser("gallery", help="draw the pictures of the documentation")
    sub.add_argument("--target", type=Path, default=Path("docs/img"))
    sub = commands.add_parser("evaluate", help="measure the embedded model, and write that into its card")
    sub.add_argument("--each", type=int, default=1, help="pictures of every subject alone")
    sub.add_argument("--others", type=int, default=60, help="prompts of each other kind")
    sub.add_argument("--prompts", type=Path, help="prompts and their English, for the translator's figures")
    sub.add_argument("--card", type=Path, default=Path("src/sdjp/assets/mini/README.md"))
    args = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(args.threads)
    if args.command == "data":
        from sdjp.training import artwork

        artwork.fetch(args.folder / "packages")
        artwork.render(args.folder / "packages", args.folder / "artwork")
    elif args.command == "restore":
        from sdjp.training import restore

        restore.restore(args.folder, args.source)
    elif args.command == "autoencoder":
        from sdjp.training import autoencoder

        autoencoder.train(
            args.folder, minutes=args.minutes, decoder_only=args.decoder_only, final=args.final, lr=args.lr
        )
    elif args.command == "pool":
        from sdjp.training import pool

        pool.make(args.folder, count=args.count, latents=args.latents)
    elif args.command == "text":
        from sdjp.training import text

        text.train(args.folder, minutes=args.minutes, final=args.final, lr=args.lr)
    elif args.command == "judge":
        from sdjp.training import judge

        judge.train(args.folder, minutes=args.minutes, final=args.final, lr=args.lr)
    elif args.command == "export-judge":
        from sdjp.training import judge

        judge.export(args.folder, args.target)
    elif args.command == "clip":
        from sdjp.training import clip

        clip.train(args.folder, minutes=args.minutes, final=args.final, lr=args.lr)
    elif args.command == "export-clip":
        from sdjp.training import clip_export

        clip_export.export(args.folder, args.target)
    elif args.command == "checker":
        from sdjp.training import clip_export

        print(clip_export.checker(args.folder, args.target))
    elif args.command == "diffusion":
        from sdjp.training import diffusion

        diffusion.train(
            args.folder,
            minutes=args.minutes,
            final=args.final,
            lr=args.lr,
            workers=args.workers,
            threads=args.threads,
        )
    elif args.command == "pairs":
        from sdjp.training import translation_sources

        translation_sources.fetch(args.folder / "pairs")
    elif args.command == "translator":
        from sdjp.training import translator

        translator.train(
            args.folder / "translator",
            args.pairs if args.pairs is not None else args.folder / "pairs",
            minutes=args.minutes,
            final=args.final,
            lr=args.lr,
            workers=args.workers,
            threads=args.threads,
            prompts=args.prompts,
        )
    elif args.command == "adapter":
        from sdjp.training import adapter

        adapter.train(
            args.folder,
            minutes=args.minutes,
            source=args.model,
            final=args.final,
            lr=args.lr,
            sizes={
                "width": args.width,
                "mlp_width": 4 * args.width,
                "heads": args.heads,
                "read_layers": args.read_layers,
                "write_layers": args.write_layers,
            },
        )
    elif args.command == "export-adapter":
        from sdjp.training import adapter

        adapter.export(args.folder, args.target, source=args.model)
    elif args.command == "export-translator":
        from sdjp.training import translation_export

        translation_export.export(args.folder / "translator", args.target)
    elif args.command == "export":
        from sdjp.training import export

        export.export(args.folder, args.target)
    elif args.command == "evaluate":
        from sdjp.training import card, evaluate

        figures = evaluate.measure(args.folder, each=args.each, others=args.others, prompts=args.prompts)
        print(json.dumps(figures, ensure_ascii=False, indent=2))
        card.write(figures, args.card)
    elif args.command == "words":
        from sdjp.training import words

        words.write(args.target)
    elif args.command == "gallery":
        from sdjp.training import gallery

        gallery.draw(args.target)


if __name__ == "__main__":
    main()
