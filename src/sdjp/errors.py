"""The exception tree, with every message in Japanese and in English.

::

    SdjpError
    ├── InputError (ValueError)        an argument or a prompt that cannot be used
    ├── WeightsError                   a file or folder of weights that cannot be used
    ├── TranslationError               a translator that cannot give a translation
    ├── OutputError (OSError)          a result that cannot be written
    ├── MissingDependencyError (ImportError)   an optional package that is not installed
    ├── NonFiniteError (ArithmeticError)       NaN or infinity inside the model
    └── Cancelled                      the caller asked to stop

Raise with both texts beside each other::

    raise InputError("size.multiple", ja=f"幅 {width} は 8 の倍数に…", en=f"width {width} is not …")

Each text says what was given, what is allowed and what to do.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

Language = Literal["ja", "en"]
LANGUAGES: Final = get_args(Language)

_language: Language = "ja"


def set_language(language: Language) -> None:
    """Choose the language of ``str(error)`` for the whole process: ``"ja"`` (the default) or ``"en"``."""
    if language not in LANGUAGES:
        raise InputError(
            "language.unknown",
            ja=f"言語 {language!r} は使えません。'ja' か 'en' を指定してください。",
            en=f"language {language!r} is not known. Use 'ja' or 'en'.",
        )
    global _language
    _language = language


def get_language() -> Language:
    """Return the language that ``str(error)`` uses now."""
    return _language


_REASONS: Final[Mapping[int, str]] = {
    errno.ENOENT: "見つかりません",
    errno.EISDIR: "フォルダーです",
    errno.ENOTDIR: "パスの途中にあるのが、フォルダーではなくファイルです",
    errno.EEXIST: "同じ名前のファイルがあります",
    errno.EACCES: "アクセス権がありません",
    errno.EPERM: "許可されていません",
    errno.EROFS: "読み取り専用の場所です",
    errno.ENOSPC: "空き容量がありません",
    errno.ENAMETOOLONG: "名前が長すぎます",
    errno.ELOOP: "シンボリックリンクがたどれません。輪になっています",
}


def reason(error: Exception) -> tuple[str, str]:
    """Why the system refused a file, in Japanese and in English, for the two texts of an error."""
    if isinstance(error, FileNotFoundError) and error.errno is None:  # fsspec has only the name in it
        error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if isinstance(error, OSError):
        english = error.strerror or str(error) or type(error).__name__
        return _REASONS.get(error.errno or 0, english), english
    if "null byte" in str(error) or "null character" in str(error):
        return "名前に NUL 文字があります", "there is a NUL in the name"
    if isinstance(error, UnicodeDecodeError):
        return "UTF-8 ではありません", "it is not UTF-8"
    english = str(error) or type(error).__name__
    return english, english


_NO_MEMORY: Final = re.compile(r"out of memory|can't allocate memory", re.IGNORECASE)  # what torch says


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, of Python, of the system or of a GPU."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None
    )


class SdjpError(Exception):
    """Base of all errors that sdjp raises on purpose.

    Attributes:
        code: A stable dotted name such as ``"size.multiple"``, for programs.
        ja: The message in Japanese.
        en: The same message in English.
    """

    def __init__(self, code: str, *, ja: str, en: str) -> None:
        super().__init__(code)
        self.code = code
        self.ja = ja
        self.en = en

    def __str__(self) -> str:
        return self.message()

    def message(self, language: Language | None = None) -> str:
        """Return the message in ``language``, or in the one chosen by :func:`set_language`."""
        return self.en if (language or _language) == "en" else self.ja

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.ja, self.en))


def _rebuild(cls: type[SdjpError], code: str, ja: str, en: str) -> SdjpError:
    return cls(code, ja=ja, en=en)


class InputError(SdjpError, ValueError):
    """An argument or a prompt that cannot be used."""


class WeightsError(SdjpError):
    """A file or folder of weights that is missing, foreign, incomplete or unsafe."""


class TranslationError(SdjpError):
    """A translator that cannot give a translation; never an empty one in its place."""


class OutputError(SdjpError, OSError):
    """A result that cannot be written where it was wanted."""


class MissingDependencyError(SdjpError, ImportError):
    """An optional package that the call needs and that is not installed."""


class NonFiniteError(SdjpError, ArithmeticError):
    """NaN or infinity appeared inside the model and no retry helped."""


class Cancelled(SdjpError):
    """The caller asked to stop; what was finished by then is attached to ``partial``.

    Attributes:
        partial: Whatever the interrupted call had finished (its type is told where it is raised), or None.
    """

    partial: object | None = None
