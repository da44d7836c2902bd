"""Messages of the command line, in Japanese or English."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from sdjp import errors


def open_streams() -> None:
    """Put a stream that goes nowhere in the place of each one that is not there.

    A console may be closed (``2>&-``), and programs without one (pythonw) never had it. The descriptors are
    taken in order, so that no file that is opened later gets the number of standard error.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (for the whole run)


def use_utf8() -> None:
    """Read and write UTF-8 whatever the locale; what cannot be shown is escaped and stops no run."""
    with suppress(AttributeError, ValueError, OSError):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict")  # type: ignore[union-attr]
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            if (stream.encoding or "").lower().replace("-", "") == "utf8":
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def as_typed(argument: str) -> str:
    """Restore an argument that was typed in UTF-8 where the locale has no Japanese (``LC_ALL=C``).

    Python hands on the bytes as lone surrogates, which is right for the name of a file and no text.

    Raises:
        InputError: If it is in another encoding: its characters would be lost.
    """
    try:
        return _restore(argument)
    except UnicodeError as error:
        raise errors.InputError(
            "argument.encoding",
            ja=f"引数 {argument!r} は UTF-8 ではないため読み取れません。"
            "端末の文字コードを UTF-8 にするか、UTF-8 のファイルに書いて --from-file で渡してください。",
            en=f"the argument {argument!r} is not UTF-8 and cannot be read. Set the terminal to UTF-8, "
            "or write it into a UTF-8 file and give that with --from-file.",
        ) from error


def at_home(value: Any) -> Any:
    """The name of a file, or a list of them, with the home folder for ``~``, which shells leave as it is in
    ``--outdir=~/pictures``; also behind a kind, as in ``marian:~/model``.
    """
    if isinstance(value, list):
        return [at_home(one) for one in value]
    if isinstance(value, str):
        kind, colon, name = value.rpartition(":~")
        if value == "~" or value.startswith("~/"):
            return os.path.expanduser(value)
        if colon and (name == "" or name.startswith("/")):
            return f"{kind}:{os.path.expanduser(f'~{name}')}"
    return value


def _restore(text: str) -> str:
    """Put bytes that Python handed on as lone surrogates back together to characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8")


def say(*, ja: str, en: str, file: TextIO | None = None) -> None:
    """Print one message in the language that is in use."""
    text = en if errors.get_language() == "en" else ja
    with suppress(UnicodeError):  # the name of a file may be in it; one that is not UTF-8 is escaped
        text = _restore(text)
    if file is None or file is sys.stdout:
        put(text)
    else:
        with suppress(OSError):  # standard error: nothing is left to say it with
            print(text, file=file, flush=True)


def put(text: str) -> None:
    """Print text on standard output at once.

    Raises:
        OutputError: If it cannot be written: the disk that it goes to is full, for example.
        BrokenPipeError: If nobody reads it any more.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        ja, en = errors.reason(error)
        raise errors.OutputError(
            "console.write",
            ja=f"標準出力に書き込めません（{ja}）。出力先の空き容量などを確かめてください。",
            en=f"cannot write to standard output ({en}). See whether there is room where it goes.",
        ) from error


def drop_output() -> None:
    """Let what is still to be printed go nowhere, so that Python does not stumble over it when it ends."""
    with suppress(OSError, ValueError):  # in a test there is no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def say_stopped(finished: int) -> None:
    """Say after Ctrl-C how many pictures are on the disk."""
    stays = (f"完成した {finished} 枚はそのまま残っています。", f" The {finished} finished pictures stay.")
    ja, en = stays if finished else ("", "")
    say(ja=f"中止しました。{ja}", en=f"stopped.{en}", file=sys.stderr)
