"""The command line: ``sdjp PROMPT``, ``sdjp explain``, ``sdjp convert`` …

Help and parsing load nothing heavy; torch is imported when a picture is drawn.

How to add a command:

1. Write ``commands/<name>.py`` with ``parser()``, which gives its options (see ``parser.py``, ``options.py``;
   each help text in Japanese and English), and ``run(args)``, which does the work and gives the exit code.
   Import what is heavy inside ``run``.
2. Add one row to :data:`COMMANDS` below.
3. Describe it on its page in docs/ja and docs/en, and in both READMEs.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple

from sdjp import errors
from sdjp.cli import threads
from sdjp.cli.parser import language
from sdjp.cli.speech import as_typed, at_home, drop_output, open_streams, say, use_utf8


class Command(NamedTuple):
    """A command: where it is, and what it does."""

    module: str
    ja: str
    en: str


COMMANDS: Final[Mapping[str, Command]] = {
    name: Command(f"sdjp.cli.commands.{name}", ja, en)
    for name, ja, en in (
        ("batch", "ファイルのプロンプトを全部描く（何枚でも）", "draw all prompts of a file, however many"),
        ("check", "安全性チェッカーで画像を調べる", "look at pictures with a safety checker"),
        ("convert", "重みをほかの形式に変換する", "convert weights to another layout"),
        ("detect", "絵の来歴（透かし、署名など）を調べる", "look where pictures come from"),
        ("evaluate", "モデルを評価して表と図にする", "measure models; a table and a figure"),
        ("explain", "プロンプトがどう読まれるかを表示する", "show how a prompt is read"),
        (
            "img2img",
            "元の img2img.py と同じ引数で描き直す",
            "redraw, with the flags of the original img2img.py",
        ),
        (
            "info",
            "重みの中身や、絵の描き方の記録を見る",
            "show what a model holds, or how a picture was made",
        ),
        ("licenses", "ライセンスと、することを見る", "what is installed, and what its licences ask"),
        ("report", "おかしな訳を知らせるファイルを作る", "write down a wrong translation, to be sent"),
        ("serve", "ほかのプログラムから使うサーバーを動かす", "run a server that other programs use"),
        ("txt2img", "元の txt2img.py と同じ引数で描く", "draw, with the flags of the original txt2img.py"),
        ("ui", "ブラウザーで使う画面を開く", "open the page to draw with, in a browser"),
        ("upscale", "絵を拡大して描き込む", "enlarge pictures and draw in details"),
        ("words", "自分の語を足す、語を調べる", "your own words; what the tables know of a word"),
    )
}
"""The commands; a command line that begins with none of them draws a picture."""

FLAGS: Final = ("help", "version")
"""What other programs have as commands, and this one as flags."""

TEXTS: Final = (
    *("prompt", "prompt_option", "negative_prompt", "watermark", "text", "expected", "note"),
    "token",
)
"""Arguments that are words of the user, not names of files."""
INTERRUPTED: Final = 130  # what shells expect after Ctrl-C
_WORD: Final = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_NEAR: Final = 0.75  # two letters changed places in a word of five and more, or one is wrong in four


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; ``run`` of the result is the function to call with it."""
    errors.set_language(language(argv))
    known = bool(argv) and argv[0] in COMMANDS
    if argv and not known:
        check_word(argv[0])
    command = import_module(COMMANDS[argv[0]].module if known else "sdjp.cli.commands.draw")
    parser, words = command.parser(), argv[1:] if known else argv
    args: argparse.Namespace = parser.parse_args(words)
    args.given = parser.given(words)
    if not known and args.prompt is not None:
        check_word(args.prompt)  # it may stand behind options
    for name in TEXTS:
        if isinstance(getattr(args, name, None), str):
            setattr(args, name, as_typed(getattr(args, name)))
    for name, value in vars(args).items():
        if name not in TEXTS:
            setattr(args, name, at_home(value))
    args.run = command.run
    args.skipped = set()  # lines of --from-file that are no prompts
    return args


def check_word(prompt: str) -> None:
    """Refuse a prompt that is most likely a command with a slip in it.

    Raises:
        InputError: If it is one word that is almost the name of a command.
    """
    if _WORD.fullmatch(prompt) is None:
        return
    near = difflib.get_close_matches(prompt.lower(), (*COMMANDS, *FLAGS), n=1, cutoff=_NEAR)
    if near:
        meant = f"--{near[0]}" if near[0] in FLAGS else near[0]
        raise errors.InputError(
            "command.unknown",
            ja=f"{prompt} というコマンドはありません。もしかして: sdjp {meant}\n"
            f"この語の絵を描くには: sdjp --prompt {prompt}",
            en=f"there is no command {prompt}. Did you mean: sdjp {meant}\n"
            f"To draw this word: sdjp --prompt {prompt}",
        )


def complain(*, ja: str, en: str, code: str) -> None:
    """Tell the error that ends a command; a last line has its code, under which docs/ja/errors.md has it."""
    say(ja=f"エラー: {ja}\n（コード: {code}）", en=f"error: {en}\n(code: {code})", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 is success, 2 a bad option or input (of --from-file perhaps one line: the others were used), 1 any other
    error that sdjp knows, 130 after Ctrl-C.
    """
    open_streams()
    use_utf8()
    if "torch" not in sys.modules:
        threads.settle(os.environ)
    try:
        args = parse(sys.argv[1:] if argv is None else list(argv))
        return int(args.run(args)) or (2 if args.skipped else 0)
    except errors.SdjpError as error:
        complain(ja=error.ja, en=error.en, code=error.code)
        return 2 if isinstance(error, errors.InputError) else 1
    except KeyboardInterrupt:
        say(ja="中止しました。", en="stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return 1
    except (MemoryError, RuntimeError) as error:
        if not errors.is_out_of_memory(error):
            raise
        complain(
            ja="メモリーが足りません。--low-memory を付ける、絵を小さくする（-W、-H）、"
            "--tile でタイルに分ける、--dtype float16 にする、などをお試しください。",
            en="out of memory. Try --low-memory, a smaller picture (-W, -H), tiles (--tile) or "
            "--dtype float16.",
            code="memory.full",
        )
        return 1
