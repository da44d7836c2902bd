"""Folders of LoRA and of textual inversion: small files, each called by its name without the ending."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sdjp.errors import InputError

SUFFIXES: Final = (".safetensors", ".pt", ".bin", ".ckpt", ".pth")
GENERIC: Final = (
    *("learned_embeds", "pytorch_lora_weights", "adapter_model"),
    *("diffusion_pytorch_model", "diffusion_pytorch_model.fp16"),
)
"""Names that diffusers and peft give every file; the folder has the name then."""
LISTED: Final = 20
"""Names that an error lists before it only counts."""


class AddonFolder:
    """A folder of files of weights, and the folders in it; they are listed anew for each call.

    Args:
        folder: The folder.
        option: Name of the argument that it is given by, on the command line too.

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
        """List the files by name: one each, unless several have the same name."""
        by_name: dict[str, list[Path]] = {}
        for folder, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                    generic = path.stem in GENERIC and path.parent != self.folder
                    stem = path.parent.name if generic else path.stem
                    by_name.setdefault(unicodedata.normalize("NFC", stem), []).append(path)
        return {name: tuple(paths) for name, paths in by_name.items()}


def find_file(files: Mapping[str, tuple[Path, ...]], name: str, *, kind: str, code: str) -> Path:
    """Return the file of a name; case and width do not matter unless two names differ in them.

    Args:
        files: The files of a folder, from :meth:`AddonFolder.files`.
        name: The name as the user wrote it.
        kind: The kind of file, in errors: ``"LoRA"``.
        code: First part of the error's code.

    Raises:
        InputError: If there is none, with the nearest names; or if several files have it.
    """
    exact = unicodedata.normalize("NFC", name)
    matches = [exact] if exact in files else [other for other in files if folded(other) == folded(exact)]
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
    raise unknown_name(name, files, kind=kind, code=code)


def unknown_name(name: str, files: Mapping[str, object] | None, *, kind: str, code: str) -> InputError:
    """Return the error for a name that no file has; ``files`` is None where no folder was given."""
    if files is None:
        return InputError(
            f"{code}.unknown",
            ja=f"{kind}「{name}」はありません。{kind} のフォルダーが指定されていません。"
            f"{code}_dir（コマンドでは --{code}-dir）で指定するか、プロンプトからタグを消してください。",
            en=f"there is no {kind} {name!r}: no folder of them was given. Give {code}_dir "
            f"(--{code}-dir on the command line), or take the tag out of the prompt.",
        )
    keys = {folded(other): other for other in files}
    near = [keys[k] for k in difflib.get_close_matches(folded(name), keys, n=3, cutoff=0.4)]
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


def folded(name: str) -> str:
    """Return a name without differences of case and width."""
    return unicodedata.normalize("NFKC", name).casefold()
