"""The comment of a photograph (EXIF ``UserComment``), where a JPEG or a WebP has what a PNG has in a text.

EXIF 2.3, 4.6.5: eight bytes name the code of the text behind them. AUTOMATIC1111's web UI writes ``UNICODE``
and UTF-16 with the high byte first, and so do we; others take the order of the bytes of their machine.
"""

from __future__ import annotations

from typing import Final

from PIL import ExifTags, Image

_UNICODE: Final = b"UNICODE\0"
_PLAIN: Final = (b"ASCII\0\0\0", b"\0" * 8)


def read_comment(picture: Image.Image) -> str | None:
    """Return the comment of a picture; None if there is none, or none that can be read."""
    try:
        comment = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except MemoryError:
        raise
    except Exception:  # whatever is damaged in it; the picture may be whole
        return None
    text = _decoded(comment) if isinstance(comment, bytes) else comment
    if not isinstance(text, str) or not text.strip("\0 \r\n"):
        return None
    return text.strip("\0")


def with_comment(text: str) -> bytes:
    """The EXIF data of a picture with a comment and nothing else, as Pillow's ``save`` takes it."""
    exif = Image.Exif()
    comment = _UNICODE + text.encode("utf-16-be", "surrogatepass")
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.UserComment: comment}
    return exif.tobytes()


def _decoded(comment: bytes) -> str | None:
    code, data = comment[:8], comment[8:]
    if code == _UNICODE:
        # Settings are written in ASCII, of which one byte of two is zero.
        low_first = data[1::2].count(0) > data[::2].count(0)
        return data.decode("utf-16-le" if low_first else "utf-16-be", "replace")
    return data.decode("utf-8", "replace") if code in _PLAIN else None
