"""Options for LoRA and textual inversion, and what the command line says of them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from sdjp.cli.parser import Parser
from sdjp.cli.speech import say
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.result import GenerationResult
    from sdjp.types import PromptInfo


def addon_folders(parser: Parser) -> None:
    """Where files that are called by name are."""
    parser.option("--lora-dir", "--lora_dir", dest="lora_dir", metavar="D",
                  ja="LoRA のファイルがあるフォルダー（プロンプトに <lora:名前:0.8> と書いて使う）",
                  en="folder of LoRA files (write <lora:NAME:0.8> into the prompt)")  # fmt: skip
    parser.option("--embeddings-dir", "--embeddings_dir", dest="embeddings_dir", metavar="D",
                  ja="textual inversion のファイルがあるフォルダー（プロンプトに名前を書いて使う）",
                  en="folder of textual inversion files (write their names into the prompt)")  # fmt: skip


def lora_option(parser: Parser) -> None:
    """LoRAs beside those in the prompt."""
    parser.option("--lora", action="append", default=[], metavar="NAME[:W]",
                  ja="どのプロンプトにも使う LoRA とその重み（何度でも指定できる）",
                  en="a LoRA for every prompt, and its weight (may be given several times)")  # fmt: skip


def lora_argument(args: argparse.Namespace) -> dict[str, float] | None:
    """What ``--lora`` asks for; what is asked for twice adds up.

    Raises:
        InputError: If one has no name, or a weight that is no number.
    """
    found: dict[str, float] = {}
    for text in args.lora:
        name, colon, weight = text.rpartition(":")
        try:
            number = float(weight) if colon else 1.0
        except ValueError:
            number = None
        if number is None or not (name or not colon) or not text:
            raise InputError(
                "lora.option",
                ja=f"--lora {text} は読めません。名前だけか、名前:0.8 の形で指定してください。",
                en=f"cannot read --lora {text}. Give NAME or NAME:0.8.",
            )
        name = name if colon else text
        found[name] = found.get(name, 0.0) + number
    return found or None


def check_names(args: argparse.Namespace, text: str, loras: dict[str, float] | None = None) -> None:
    """See that the folders and the LoRAs of a prompt are there, before a model is loaded.

    Raises:
        InputError: If one is not.
    """
    from sdjp.text.prompt import parse, tags
    from sdjp.text.tags import lora_weights

    wanted = lora_weights(tags(parse(text)), loras)
    if wanted or args.lora_dir is not None or args.embeddings_dir is not None:
        from sdjp.addons.equip import Addons

        Addons(args.lora_dir, args.embeddings_dir).paths(wanted)


def announce_addons(info: PromptInfo) -> None:
    """Say which names stand for vectors, and which tags do nothing."""
    if info.loras:
        loras = ", ".join(f"{name} ({weight:g})" for name, weight in info.loras)
        say(ja=f"LoRA: {loras}", en=f"LoRA: {loras}")
    if info.embeddings:
        names = ", ".join(info.embeddings)
        say(ja=f"textual inversion: {names}", en=f"textual inversion: {names}")
    if info.ignored:
        tags = " ".join(info.ignored)
        say(ja=f"働きのないタグ: {tags}", en=f"tags that do nothing: {tags}", file=sys.stderr)


def announce_unused(result: GenerationResult) -> None:
    """Say what in the files of LoRAs was not used."""
    for report in result.reports[0]:
        if report.name == "lora" and report.data.get("unused"):
            say(ja=f"注意: {report.ja}", en=f"note: {report.en}", file=sys.stderr)
