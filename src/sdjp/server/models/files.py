"""What in a folder may be a model: files and folders, told by their names alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUFFIXES: Final = (".safetensors", ".ckpt")
"""Endings of files of weights."""

WHOLE: Final = "model.safetensors"
"""The file of a folder that holds all weights of a model."""

Mark = tuple[tuple[str, int, int], ...]
"""Name, size and time of the last change of every file."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file or folder that may be a model.

    Attributes:
        path: Where it is.
        label: Its path below the folder of models, with ``/``.
        mark: Changes whenever its contents do.
        outside: Whether a symbolic link in it leads out of the folder of models; then it is not to be read.
    """

    path: Path
    label: str
    mark: Mark
    outside: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names to call it by, the best one first."""
        name = self.label.rpartition("/")[2]
        stem = name.rpartition(".")[0] if name.lower().endswith(SUFFIXES) else name
        return tuple(dict.fromkeys((stem, name, self.label)))

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(size for _, size, _ in self.mark)

    @property
    def weights(self) -> Path | None:
        """The one file of all its weights, whose checksum is that of the model; None if there are several.

        As it was when it was looked at: it may be gone since.
        """
        names = [name for name, _, _ in self.mark]
        if names == ["."]:  # a file, relative to itself
            return self.path
        return self.path / WHOLE if WHOLE in names else None


def model_file(path: Path, *, label: str | None = None, within: Path | None = None) -> ModelFile:
    """Look at a file or folder.

    Args:
        path: Where it is.
        label: What it is to be called; its name, if None.
        within: The real path of the folder that its links may not lead out of; None allows all.

    Raises:
        OSError: If it is not there.
    """
    outside = within is not None and not _is_within(path, within)
    path.lstat() if outside else path.stat()
    files = [] if outside else [path] if path.is_file() else list(_files_in(path))
    if within is not None:
        outside = outside or not all(_is_within(file, within) for file in files)
    stats = [(file.relative_to(path).as_posix(), file.stat()) for file in files]
    return ModelFile(
        path=path,
        label=label_of(path.name if label is None else label),
        mark=tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats),
        outside=outside,
    )


def find(folder: Path) -> list[ModelFile]:
    """List what may be a model in a folder, and in the folders in it; hidden ones are left out.

    The folder may be a model itself. A link to something that is listed anyway is not listed again. What
    cannot be read, or goes meanwhile, is not there.
    """
    within = Path(os.path.realpath(folder))
    if is_model(folder):
        return [model_file(folder, label=within.name, within=within)]
    found: dict[str, ModelFile] = {}
    for path in sorted(_candidates(folder, within), key=lambda p: (p.is_symlink(), len(p.parts))):
        try:
            file = model_file(path, label=path.relative_to(folder).as_posix(), within=within)
        except OSError:
            continue
        found.setdefault(os.path.realpath(path), file)
    return sorted(found.values(), key=_order)


def is_model(path: Path) -> bool:
    """Whether a folder is one model: a diffusers folder, or one that sdjp wrote."""
    return (path / "model_index.json").is_file() or (
        (path / WHOLE).is_file() and (path / "config.json").is_file()
    )


def label_of(name: str) -> str:
    """A name that can be written as UTF-8: file systems allow others."""
    return os.fsencode(name).decode("utf-8", "replace")


def _order(file: ModelFile) -> tuple[int, str, bool, str]:
    """By name; of two that differ in the ending alone, safetensors first."""
    above, _, _ = file.label.rpartition("/")
    plain = f"{above}/{file.names[0]}".casefold()
    return file.label.count("/"), plain, not file.label.endswith(SUFFIXES[0]), file.label


def _candidates(folder: Path, within: Path, *, levels: int = 1) -> Iterator[Path]:
    for path in _listed(folder):
        leads_out = path.is_symlink() and not _is_within(path, within)
        if path.is_dir():
            if leads_out or is_model(path):
                yield path
            elif levels and not path.is_symlink():  # what a link within the folder leads to is listed there
                yield from _candidates(path, within, levels=levels - 1)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def _files_in(folder: Path) -> Iterator[Path]:
    """The files of a model: in its folder, and in those of its parts."""
    for path in _listed(folder):
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from (inner for inner in _listed(path) if inner.is_file())


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _is_within(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(folder)
