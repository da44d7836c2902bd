"""The command line: ``sdjp PROMPT``, ``sdjp explain``, ``sdjp convert`` …

Help and parsing load nothing heavy; torch is imported when a picture is drawn.

How to add a command:

1. Write ``commands/<name>.py`` with ``parser()``, which gives its options (see ``parser.py``, ``options.py``;
   each help text in Japanese and English), and ``run(args)``, which does the work and gives the exit code.
   Import what is heavy inside ``run``.
2. Add one line to :data:`COMMANDS` below.
3. Describe it on its page in docs/ja and docs/en, and in both READMEs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from sdjp import errors
from sdjp.cli.parser import language
from sdjp.cli.speech import as_typed, at_home, say, use_utf8

COMMANDS: Final[Mapping[str, str]] = {
    "check": "sdjp.cli.commands.check",
    "convert": "sdjp.cli.commands.convert",
    "detect": "sdjp.cli.commands.detect",
    "evaluate": "sdjp.cli.commands.evaluate",
    "explain": "sdjp.cli.commands.explain",
    "img2img": "sdjp.cli.commands.img2img",
    "info": "sdjp.cli.commands.info",
    "txt2img": "sdjp.cli.commands.txt2img",
    "upscale": "sdjp.cli.commands.upscale",
}
"""The module of each command; a command line that begins with none of them draws a picture."""

TEXTS: Final = ("prompt", "prompt_option", "negative_prompt", "watermark", "text")
"""Arguments that are words of the user, not names of files."""
_NO_MEMORY: Final = re.compile(r"out of memory|can't allocate memory", re.IGNORECASE)  # what torch says
INTERRUPTED: Final = 130  # what shells expect after Ctrl-C


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; ``run`` of the result is the function to call with it."""
    errors.set_language(language(argv))
    known = bool(argv) and argv[0] in COMMANDS
    command = import_module(COMMANDS[argv[0]] if known else "sdjp.cli.commands.draw")
    parser, words = command.parser(), argv[1:] if known else argv
    args: argparse.Namespace = parser.parse_args(words)
    args.given = parser.given(words)
    for name in TEXTS:
        if isinstance(getattr(args, name, None), str):
            setattr(args, name, as_typed(getattr(args, name)))
    for name, value in vars(args).items():
        if name not in TEXTS:
            setattr(args, name, at_home(value))
    args.run = command.run
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 is success, 2 a bad option or input, 1 any other error that sdjp knows, 130 after Ctrl-C.
    """
    use_utf8()
    try:
        args = parse(sys.argv[1:] if argv is None else list(argv))
        return int(args.run(args))
    except errors.SdjpError as error:
        say(ja=f"エラー: {error.ja}", en=f"error: {error.en}", file=sys.stderr)
        return 2 if isinstance(error, errors.InputError) else 1
    except KeyboardInterrupt:
        say(ja="中止しました。", en="stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _NO_MEMORY.search(str(error)):
            raise
        say(
            ja="エラー: メモリーが足りません。--low-memory を付ける、絵を小さくする（-W、-H）、"
            "--tile でタイルに分ける、--dtype float16 にする、などをお試しください。",
            en="error: out of memory. Try --low-memory, a smaller picture (-W, -H), tiles (--tile) or "
            "--dtype float16.",
            file=sys.stderr,
        )
        return 1
