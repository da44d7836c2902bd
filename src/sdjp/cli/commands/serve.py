"""``sdjp serve``: run the server that other programs use."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdjp import errors
from sdjp.cli.parser import Parser
from sdjp.cli.server_options import (
    check_server,
    limits_of,
    loader,
    say_left,
    say_stopping,
    say_where,
    server_options,
    settings_of,
)
from sdjp.cli.speech import say


def parser() -> Parser:
    """The options of ``sdjp serve``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp serve",
        description="Run a server: other programs draw with it (its own API, OpenAI's, AUTOMATIC1111's), and "
        "browsers open its page. It stops with Ctrl-C, when the picture that is being drawn is finished."
        if en
        else "サーバーを動かします。ほかのプログラム（独自の API、OpenAI や AUTOMATIC1111 と同じ API）や、"
        "ブラウザーの画面から絵を描けます。Ctrl-C を押すと、描いている途中の絵を描き終えてから止まります。",
    )
    server_options(options)
    return options


def run(args: argparse.Namespace) -> int:
    """Run the server until it is stopped; the set-up is looked at before anything is loaded."""
    settings, limits = settings_of(args), limits_of(args)
    check_server()
    say(ja="サーバーを起動しています…", en="starting …")
    from sdjp.server.run import run

    left = run(
        settings,
        limits,
        loader(args),
        models=None if args.models is None else Path(args.models),
        first=args.model,
        started=say_where,
        stopping=say_stopping,
    )
    say_left(left)
    return 0
