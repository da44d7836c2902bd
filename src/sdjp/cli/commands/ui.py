"""``sdjp ui``: the page to draw with, in the browser."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

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
from sdjp.errors import OutputError

if TYPE_CHECKING:
    from sdjp.server.settings import Settings


def parser() -> Parser:
    """The options of ``sdjp ui``: those of the server, and whether to open a browser."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp ui",
        description="Open the page to draw with in the browser. The server behind it (sdjp serve) stops with "
        "Ctrl-C."
        if en
        else "絵を描く画面をブラウザーで開きます。裏で動くサーバー（sdjp serve と同じもの）は、"
        "Ctrl-C で止まります。",
    )
    options.option("--no-browser", dest="browser", action="store_false",
                   ja="ブラウザーを開かない（アドレスを表示するだけ）",
                   en="do not open the browser, only say where the page is")  # fmt: skip
    server_options(options)
    return options


def run(args: argparse.Namespace) -> int:
    """Run the server and open its page, or that of the server that runs already."""
    settings, limits = settings_of(args), limits_of(args)
    check_server()
    say(ja="画面を準備しています…", en="starting …")
    from sdjp.server.run import run, running

    def started(settings: Settings) -> None:
        say_where(settings)
        if args.browser:
            open_page(_signed_in(settings))

    try:
        left = run(
            settings,
            limits,
            loader(args),
            models=None if args.models is None else Path(args.models),
            first=args.model,
            any_port="port" not in args.given,
            log_requests=args.verbose,
            started=started,
            stopping=say_stopping,
        )
    except OutputError as error:
        url = running(settings.data) if error.code == "database.locked" else None
        if url is None:
            raise
        say(ja=f"すでに動いているので、その画面を開きます: {url}", en=f"it runs already, at {url}")
        if args.browser:
            open_page(url).join()
        return 0
    say_left(left)
    return 0


def open_page(url: str) -> threading.Thread:
    """Open a page in the browser, where there is one to be seen; aside, as a browser may take its time."""

    def opened() -> None:
        if not (has_display() and webbrowser.open(url)):
            say(
                ja="ブラウザーを開けません。上のアドレスをブラウザーで開いてください。",
                en="there is no browser to open. Open the address above in one.",
                file=sys.stderr,
            )

    thread = threading.Thread(target=opened, name="sdjp browser", daemon=True)
    thread.start()
    return thread


def has_display() -> bool:
    """Whether a window could be seen: else a browser of the terminal would take it over."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _signed_in(settings: Settings) -> str:
    """The address of the page, with the first token, if one is needed."""
    from sdjp.server.addresses import url_of

    token = next(iter(settings.tokens.values()), None)
    return url_of(settings) if token is None else f"{url_of(settings)}?{urlencode({'token': token})}"
