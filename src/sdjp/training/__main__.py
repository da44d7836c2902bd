"""The command line of the training package."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch


def main() -> None:
    """Run one training command."""
    parser = argparse.ArgumentParser(prog="python -m sdjp.training", allow_abbrev=False)
    parser.add_argument("--folder", type=Path, default=Path("runs/data"), help="artwork, checkpoints and logs")
    parser.add_argument("--threads", type=int, default=2)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("data", help="fetch and render the artwork")
    sub = commands.add_parser("autoencoder", help="train the autoencoder")
    sub.add_argument("--minutes", type=float, default=45)
    sub.add_argument("--decoder-only", action="store_true", help="leave the latents as they are")
    sub.add_argument("--final", action="store_true", help="let the learning rate fall to zero")
    sub.add_argument("--lr", type=float, default=1.0, help="factor on the learning rates")
    args = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(args.threads)
    if args.command == "data":
        from sdjp.training import artwork

        artwork.fetch(args.folder / "packages")
        artwork.render(args.folder / "packages", args.folder / "artwork")
    elif args.command == "autoencoder":
        from sdjp.training import autoencoder

        autoencoder.train(
            args.folder, minutes=args.minutes, decoder_only=args.decoder_only, final=args.final, lr=args.lr
        )


if __name__ == "__main__":
    main()
