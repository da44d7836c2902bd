"""The models that are there: in the package, in a folder, and what each of them is."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from sdjp.addons.folder import folded
from sdjp.errors import InputError
from sdjp.server.models.checksums import Checksums
from sdjp.server.models.entry import APACHE, OPENRAIL, Contents, ModelEntry, contents_of
from sdjp.server.models.files import ModelFile, find, model_file
from sdjp.weights import EMBEDDED_MODEL, locate
from sdjp.weights.known import KNOWN
from sdjp.weights.source import is_hub_id

SHORT: Final = 8
"""Digits of a checksum that a title has, and that a model can be asked for by, at least."""

STORE: Final = "checksums.json"
"""What the data folder keeps the checksums in."""

_IN_BRACKETS: Final = re.compile(r"\s*\[([^\[\]]*)\]$")
_LISTED: Final = 20
"""Names that an error lists before it only counts."""


class ModelUnknown(InputError):
    """A model that the server does not have."""


class Catalog:
    """What lies on the disk, by name; nothing is loaded. Threads may share it.

    The folder is looked through at every call; what a file holds is read again only if it changed. Checksums
    are computed in a thread of their own.

    Args:
        folder: The folder of models; None for the embedded one alone.
        data: A folder for the checksums; None computes them again each time.

    Raises:
        InputError: If there is no such folder.
    """

    def __init__(self, folder: Path | None, *, data: Path | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise InputError(
                "models.missing",
                ja=f"モデルのフォルダー {folder} がありません。パスを確かめてください。",
                en=f"there is no folder of models {folder}. Check the path.",
            )
        self._folder = folder
        self._lock = threading.RLock()  # of names and thread
        self._reading = threading.Lock()
        self._names: dict[Path, str] = {}
        self._contents: dict[Path, Contents] = {}
        self._checksums = Checksums(None if data is None else data / STORE)
        self._examiner: threading.Thread | None = None
        # Those that are there whatever the folder holds: what `load` takes, and path and label.
        self._fixed: dict[Path, tuple[str, str]] = {}
        self._fix(EMBEDDED_MODEL, locate(EMBEDDED_MODEL).path)  # before all others: it keeps its name

    def put(self, source: str) -> str:
        """Add a model that may be elsewhere; return its name.

        Raises:
            WeightsError: If there is none.
        """
        path = locate(source).path
        for name, file in self.files().items():
            if not file.outside and os.path.samefile(file.path, path):
                return name
        return self._fix(source, path)

    def source(self, file: ModelFile) -> str | Path:
        """What :meth:`sdjp.Pipeline.from_pretrained` takes for it."""
        return self._fixed[file.path][0] if file.path in self._fixed else file.path

    def files(self) -> dict[str, ModelFile]:
        """All files by the names of the models, as they are now; the embedded one is the first."""
        with self._lock:
            return {self._name(file): file for file in self._found()}

    def usable(self) -> tuple[str, ...]:
        """The names of those that are models."""
        return tuple(name for name, file in self.files().items() if self.read(file).problem is None)

    def resolve(self, text: str) -> tuple[str, ModelFile] | None:
        """The model that ``text`` means, by its name; see :meth:`ModelShelf.resolve`."""
        files = self.files()
        if text in files:
            return text, files[text]
        keys: dict[str, str] = {}
        for name, file in files.items():
            for key in (name, *file.names):
                keys.setdefault(folded(key), name)
        wanted = folded(text.strip().replace("\\", "/"))
        bracketed = None if wanted in keys else _IN_BRACKETS.search(wanted)
        named = keys.get(wanted if bracketed is None else wanted[: bracketed.start()])
        digits = wanted if bracketed is None else bracketed[1]
        alike = [name for name, file in files.items() if self._begins_with(file, digits)]
        found = named if not alike or named in alike else alike[0]
        return None if found is None else (found, files[found])

    def find(self, text: str) -> tuple[str, ModelFile]:
        """The model that ``text`` means, by its name.

        Raises:
            ModelUnknown: If there is none.
        """
        found = self.resolve(text)
        if found is not None:
            return found
        names = self.usable()
        listed, more = ", ".join(names[:_LISTED]), len(names) - _LISTED
        raise ModelUnknown(
            "model.unknown",
            ja=f"モデル「{text}」はありません。使えるモデル: {listed}"
            + (f"、ほか {more} 個" if more > 0 else ""),
            en=f"there is no model {text!r}. There are: {listed}" + (f" and {more} more" if more > 0 else ""),
        )

    def read(self, file: ModelFile) -> Contents:
        """What a file is."""
        with self._reading:  # of several threads that ask, one reads
            if not self._was_read(file):
                self._contents[file.path] = contents_of(file)
            return self._contents[file.path]

    def entry(self, name: str, file: ModelFile, *, in_use: bool) -> ModelEntry:
        """What is known of a model."""
        contents = self.read(file)
        sha256 = self._checksum(file)
        known = None if sha256 is None else KNOWN.get(sha256)
        embedded = name == EMBEDDED_MODEL
        return ModelEntry(
            name=name,
            title=name if sha256 is None else f"{name} [{sha256[:SHORT]}]",
            file=file.label,
            in_use=in_use,
            size=contents.size,
            kind=EMBEDDED_MODEL if embedded else contents.kind,
            sha256=sha256,
            license=APACHE if embedded else contents.license if known is None else OPENRAIL,
            known=known,
            problem=contents.problem,
            config=contents.config,
        )

    def examine_aside(self) -> None:
        """Have new files read, and their checksums computed, in a thread."""
        with self._lock:
            if (self._examiner is None or not self._examiner.is_alive()) and self._unexamined():
                self._examiner = threading.Thread(target=self._examine, name="sdjp-models", daemon=True)
                self._examiner.start()

    def _fix(self, source: str, path: Path) -> str:
        label = source if is_hub_id(source) else Path(os.path.realpath(path)).name
        self._fixed[path] = source, label
        return self._name(model_file(path, label=label))

    def _found(self) -> Iterator[ModelFile]:
        for path, (_, label) in self._fixed.items():
            with suppress(OSError):
                yield model_file(path, label=label)
        if self._folder is not None:
            yield from (file for file in find(self._folder) if file.path not in self._fixed)

    def _name(self, file: ModelFile) -> str:
        """The name of a file, which stays the same while the server runs."""
        if file.path not in self._names:
            taken = {folded(name) for name in self._names.values()}
            further = (f"{file.label} ({n})" for n in count(2))
            names = (name for names in (file.names, further) for name in names)
            self._names[file.path] = next(name for name in names if folded(name) not in taken)
        return self._names[file.path]

    def _was_read(self, file: ModelFile) -> bool:
        contents = self._contents.get(file.path)
        return contents is not None and contents.mark == file.mark

    def _checksum(self, file: ModelFile) -> str | None:
        return None if file.weights is None else self._checksums.get(file.weights)

    def _begins_with(self, file: ModelFile, digits: str) -> bool:
        sha256 = self._checksum(file) if len(digits) >= SHORT else None
        return sha256 is not None and sha256.startswith(digits)

    def _unexamined(self) -> list[ModelFile]:
        return [
            file
            for file in self.files().values()
            if not self._was_read(file) or (self._is_to_be_summed(file) and self._checksum(file) is None)
        ]

    def _is_to_be_summed(self, file: ModelFile) -> bool:
        # One that cannot be used is perhaps still being copied.
        return file.weights is not None and self._contents[file.path].problem is None

    def _examine(self) -> None:
        files = self._unexamined()
        for file in files:
            self.read(file)
        for file in filter(self._is_to_be_summed, files):
            with suppress(OSError):
                self._checksums.compute(file.weights)  # type: ignore[arg-type]
