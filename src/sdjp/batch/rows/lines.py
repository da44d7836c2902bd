"""Lines of a file of any size, counted as an editor counts them, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sdjp.batch.rows.raw import MAX_BYTES
from sdjp.batch.rows.source import CHUNK
from sdjp.errors import InputError

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def pieces(chunks: Iterable[bytes], source: str) -> Iterator[bytes]:
    r"""Cut a file into lines, which keep their endings: ``\n``, ``\r\n`` or ``\r``.

    A line that is very long comes in several pieces, of which only the last one ends with a line ending. A
    BOM is taken away.

    Args:
        chunks: The file.
        source: Its name, for the message.

    Raises:
        InputError: If it is UTF-16, which a line cannot tell.
    """
    first, rest = True, b""
    for chunk in chunks:
        found = (rest + chunk).splitlines(keepends=True)  # of bytes: at these three endings, and at no other
        rest = b"" if found[-1].endswith(b"\n") else found.pop()
        if len(rest) > CHUNK and not rest.endswith(b"\r"):  # after \r there may be \n
            found.append(rest)
            rest = b""
        if first and found:
            found[0] = _without_bom(found[0], source)
            first = False
        yield from found
    if rest:
        yield _without_bom(rest, source) if first else rest


def lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Put pieces together to lines.

    Yields:
        The number of a line, from 1, and what it holds, without the ending. Of a line that is longer than
        ``MAX_BYTES``, one byte more than that.
    """
    number, line = 1, b""
    for piece in pieces:
        line = (line + piece)[: MAX_BYTES + 2]  # as many, and "\r\n"
        if piece.endswith((b"\n", b"\r")):
            yield number, line.rstrip(b"\r\n")[: MAX_BYTES + 1]
            number, line = number + 1, b""
    if line:
        yield number, line[: MAX_BYTES + 1]


def _without_bom(piece: bytes, source: str) -> bytes:
    if piece.startswith(_UTF16):
        raise InputError(
            "rows.encoding",
            ja=f"{source} は UTF-16 です。UTF-8 で保存し直してください"
            "（Excel では「CSV UTF-8」を選びます）。",
            en=f'{source} is UTF-16. Save it as UTF-8 (in Excel, choose "CSV UTF-8").',
        )
    return piece.removeprefix(_BOM)
