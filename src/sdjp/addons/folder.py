"""A folder of small files of weights that are called by name: the file's name without its ending."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sdjp.errors import InputError

SUFFIXES: Final = (".safetensors", ".pt", ".bin", ".ckpt", ".pth")
GENERIC: Final = ("learned_embeds", "pytorch_lora_weights", "adapter_model")
"""Names that diffusers and peft give every file; there the folder's name tells what it is."""
LISTED: Final = 20
"""How many names an error lists."""


class Shelf:
    """The files of a folder and of the folders in it. It is looked at anew for each call.

    Args:
        folder: The folder.
        option: What the user calls it: the name of the argument and of the option of the command line.

    Raises:
        InputError: If there is no such folder.
    """

    def __init__(self, folder: str | Path, *, option: str) -> None:
        self.folder = Path(os.path.expanduser(folder))
        if not self.folder.is_dir():
            raise InputError(
                f"{option}.missing",
                ja=f"{option} のフォルダー {self.folder} がありません。パスを確かめてください。",
                en=f"there is no folder {self.folder} ({option}). Check the path.",
            )

    def files(self) -> Mapping[str, tuple[Path, ...]]:
        """Return each name and its files: one, unless several files have the same name."""
        found: dict[str, list[Path]] = {}
        for folder, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                    generic = path.stem in GENERIC and path.parent != self.folder
                    stem = path.parent.name if generic else path.stem
                    found.setdefault(unicodedata.normalize("NFC", stem), []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}


def choose(files: Mapping[str, tuple[Path, ...]], name: str, *, kind: str, code: str) -> Path:
    """Return the file that ``name`` calls; case and width do not matter unless two names differ in them.

    Args:
        files: What :meth:`Shelf.files` gave.
        name: What the user wrote.
        kind: What it is, in errors: ``"LoRA"``.
        code: First part of the error's code.

    Raises:
        InputError: If there is none, with the nearest names; or if it calls several files.
    """
    wanted = unicodedata.normalize("NFC", name)
    matches = [wanted] if wanted in files else [other for other in files if same(other) == same(wanted)]
    paths = [path for match in matches for path in files[match]]
    if len(paths) == 1:
        return paths[0]
    if paths:
        listed = ", ".join(map(str, paths))
        raise InputError(
            f"{code}.several",
            ja=f"{kind}「{name}」に当たるファイルがいくつもあります: {listed}。"
            "名前を変えて、1 つにしてください。",
            en=f"several files are called {name!r} ({kind}): {listed}. Rename them, so that one is left.",
        )
    raise unknown(name, files, kind=kind, code=code)


def unknown(name: str, files: Mapping[str, object] | None, *, kind: str, code: str) -> InputError:
    """Return the error for a name that calls no file; ``files`` is None where no folder was given."""
    if files is None:
        return InputError(
            f"{code}.unknown",
            ja=f"{kind}「{name}」はありません。{kind} のフォルダーが指定されていません。"
            f"{code}_dir（コマンドでは --{code}-dir）で指定するか、プロンプトからタグを消してください。",
            en=f"there is no {kind} {name!r}: no folder of them was given. Give {code}_dir "
            f"(--{code}-dir on the command line), or take the tag out of the prompt.",
        )
    keys = {same(other): other for other in files}
    near = [keys[k] for k in difflib.get_close_matches(same(name), keys, n=3, cutoff=0.4)]
    listed = sorted(files)
    more = len(listed) - LISTED
    names = ", ".join(listed[:LISTED]) or "—"
    ja = f"{kind}「{name}」はありません。" + (f"近い名前: {', '.join(near)}。" if near else "")
    en = f"there is no {kind} {name!r}. " + (f"Nearest: {', '.join(near)}. " if near else "")
    return InputError(
        f"{code}.unknown",
        ja=f"{ja}フォルダーにあるもの: {names}" + (f"、ほか {more} 個" if more > 0 else ""),
        en=f"{en}In the folder: {names}" + (f" and {more} more" if more > 0 else ""),
    )


def same(name: str) -> str:
    """Return what two spellings of one name have in common."""
    return unicodedata.normalize("NFKC", name).casefold()
