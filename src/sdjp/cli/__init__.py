"""The command line: ``sdjp PROMPT``, ``sdjp explain``, ``sdjp convert``.

Help and parsing load nothing heavy; torch is imported when a picture is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sdjp import errors
from sdjp.cli.parser import parse
from sdjp.cli.speech import say, use_utf8

INTERRUPTED = 130  # what shells expect after Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 is success, 2 a bad option or input, 1 any other error that sdjp knows, 130 after Ctrl-C.
    """
    use_utf8()
    args = parse(sys.argv[1:] if argv is None else list(argv))
    errors.set_language(args.lang)
    try:
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
