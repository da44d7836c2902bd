"""Pictures as prompts on the command line: an IP-Adapter and what it is to look at."""

from __future__ import annotations

import argparse
from typing import Any

from sdjp.cli.parser import Parser


def image_prompt_options(parser: Parser) -> None:
    """The pictures, their weight, and the files that they need."""
    parser.option("--image-prompt", "--image_prompt", dest="image_prompt", action="append", metavar="F",
                  ja="プロンプトに加える絵（何度でも指定できる。--ip-adapter と一緒に）",
                  en="a picture as a prompt (may be given several times; with --ip-adapter)")  # fmt: skip
    parser.generation("image_prompt_scale", "--image-prompt-scale", "--image_prompt_scale", metavar="X")
    adapter_options(parser)


def adapter_options(parser: Parser) -> None:
    """The files that a picture as a prompt needs."""
    parser.option("--ip-adapter", "--ip_adapter", dest="ip_adapter", metavar="F",
                  ja="IP-Adapter のファイル", en="file of an IP-Adapter")  # fmt: skip
    parser.option("--image-encoder", "--image_encoder", dest="image_encoder", metavar="D",
                  ja="IP-Adapter の画像エンコーダー（省略時は、ファイルの隣の image_encoder）",
                  en="its image encoder (image_encoder beside the file, if left out)")  # fmt: skip


def open_image_prompts(args: argparse.Namespace) -> dict[str, Any]:
    """Read the pictures of ``--image-prompt`` once, before a model is loaded.

    Raises:
        InputError: If one cannot be read, or there is no IP-Adapter to look at them.
    """
    if args.image_prompt is None:
        return {}
    from sdjp.generation.image_prompt import no_adapter
    from sdjp.images import open_picture

    if args.ip_adapter is None:
        raise no_adapter()
    return {"image_prompt": [open_picture(path, name="image_prompt") for path in args.image_prompt]}
