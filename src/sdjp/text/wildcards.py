"""Wildcards: text files of options, one a line, that ``__name__`` stands for in a dynamic prompt.

``__animals/dogs__`` is ``animals/dogs.txt`` below the folder, and ``*`` stands for any part of a name. Blank
lines and lines that begin with ``#`` are no options.
"""

from __future__ import annotations

import difflib
import fnmatch
import unicodedata
from functools import cached_property
from pathlib import Path
from typing import Final

from sdjp.errors import InputError, reason

ENDING: Final = ".txt"
NEAR: Final = 3
"""Names that a message offers in place of an unknown one."""


class Wildcards:
    """The wildcards of a folder; each file is read once.

    Args:
        folder: The folder; None has no wildcards.

    Raises:
        InputError: If it is no folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = None if folder is None else Path(folder).expanduser()
        self._read: dict[str, tuple[str, ...]] = {}
        if self.folder is not None and not self.folder.is_dir():
            raise InputError(
                "wildcards.folder",
                ja=f"--wildcards に指定された {self.folder} はフォルダーではありません。"
                "名前.txt を入れたフォルダーを指定してください。",
                en=f"{self.folder}, given as --wildcards, is no folder. Give one with files NAME.txt in it.",
            )

    @cached_property
    def files(self) -> dict[str, Path]:
        """Each name and its file, in the order of the names."""
        if self.folder is None:
            return {}
        found = (path for path in self.folder.rglob(f"*{ENDING}") if path.is_file())
        names = {_name(path.relative_to(self.folder).as_posix().removesuffix(ENDING)): path for path in found}
        return dict(sorted(names.items()))

    def options(self, name: str) -> tuple[str, ...]:
        """The options of a wildcard, as they stand in its file, or files where there is a ``*`` in it.

        Raises:
            InputError: If there is none of the name, or its file cannot be read or has no options.
        """
        name = _name(name)
        if name not in self._read:
            matching = fnmatch.filter(self.files, name) if "*" in name else [name]
            if not matching or matching[0] not in self.files:
                raise self._unknown(name)
            self._read[name] = tuple(option for one in matching for option in self._lines(self.files[one]))
        return self._read[name]

    def _lines(self, path: Path) -> list[str]:
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            ja, en = (
                reason(error) if isinstance(error, OSError) else ("UTF-8 ではありません", "it is not UTF-8")
            )
            raise InputError(
                "wildcards.unreadable",
                ja=f"ワイルドカードのファイル {path} を読めません（{ja}）。UTF-8 のテキストにしてください。",
                en=f"cannot read the wildcard {path} ({en}). It has to be text in UTF-8.",
            ) from error
        options = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not options:
            raise InputError(
                "wildcards.empty",
                ja=f"ワイルドカードのファイル {path} に候補がありません。1 行に 1 つ書いてください。",
                en=f"there are no options in the wildcard {path}. Write one on each line.",
            )
        return options

    def _unknown(self, name: str) -> InputError:
        if self.folder is None:
            return InputError(
                "wildcards.unknown",
                ja=f"ワイルドカード __{name}__ の候補がありません。{name}{ENDING} のあるフォルダーを "
                f"--wildcards で指定するか、文字のまま使うには \\__{name}__ と書いてください。",
                en=f"nothing tells the options of the wildcard __{name}__. Give the folder of "
                f"{name}{ENDING} with --wildcards, or write \\__{name}__ for the characters themselves.",
            )
        near = [f"__{one}__" for one in difflib.get_close_matches(name, self.files, n=NEAR, cutoff=0.4)]
        return InputError(
            "wildcards.unknown",
            ja=f"フォルダー {self.folder} にワイルドカード __{name}__（{name}{ENDING}）がありません"
            f"（近い名前: {'、'.join(near) or 'なし'}）。"
            f"文字のまま使うには \\__{name}__ と書いてください。",
            en=f"there is no wildcard __{name}__ ({name}{ENDING}) in the folder {self.folder} "
            f"(near it: {', '.join(near) or 'none'}). Write \\__{name}__ for the characters themselves.",
        )


def _name(name: str) -> str:
    """A name in one spelling: file systems and keyboards differ in how they write が."""
    return unicodedata.normalize("NFKC", name)
