"""The models that a server draws with: which one is in use, and the one that is loaded."""

from __future__ import annotations

import dataclasses
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from sdjp.allocator import give_back
from sdjp.errors import InputError, SdjpError
from sdjp.server.models.catalog import Catalog, ModelUnknown
from sdjp.server.models.entry import License, ModelEntry, problem_of
from sdjp.server.models.files import Mark, ModelFile
from sdjp.weights import EMBEDDED_MODEL

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

__all__ = ["License", "ModelEntry", "ModelShelf", "ModelUnknown"]


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    mark: Mark
    pipeline: Pipeline


class ModelShelf:
    """The embedded model, those of a folder, and the one that is loaded.

    A file that comes, changes or goes is noticed at the next call. One model is loaded at a time. The
    embedded one stays beside it: its weights take 42 MB in bfloat16, 83 MB in float32.

    All of it may be called from any thread, :meth:`pipeline` from the one that draws.

    Args:
        folder: Models are the ``.safetensors`` and ``.ckpt`` files and the diffusers folders in it, and in
            the folders in it; it may also be a diffusers folder itself. Links that lead out of it are not
            followed. None for the embedded model alone.
        first: The model that is in use at first: a name, or the path or hub id of one that is elsewhere.
        load: Makes a pipeline of what :meth:`sdjp.Pipeline.from_pretrained` takes as ``source``.
        data: A folder to keep checksums in, which take many seconds; None computes them again each time.

    Raises:
        InputError: If there is no such folder, or the first model cannot be used.
        WeightsError: If there is no such model.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        first: str = EMBEDDED_MODEL,
        load: Callable[[str | Path], Pipeline],
        data: Path | None = None,
    ) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._failures: dict[Path, tuple[Mark, SdjpError]] = {}
        self._pipelines: dict[str, _Loaded] = {}
        self._drawing: str | None = None
        self._ready = False
        self._catalog = Catalog(folder, data=data)
        self._in_use = EMBEDDED_MODEL
        self.use(self.resolve(first) or self._catalog.put(first))
        self._catalog.examine_aside()

    @property
    def names(self) -> tuple[str, ...]:
        """The models that can be used; new files are read for it, see :meth:`entries`."""
        return self._catalog.usable()

    @property
    def in_use(self) -> str:
        """The model that jobs get that name none."""
        return self._in_use

    def use(self, name: str) -> None:
        """Have jobs that name no model drawn with this one; nothing is loaded yet.

        Args:
            name: What :meth:`resolve` understands.

        Raises:
            ModelUnknown: If there is none.
            InputError: If it cannot be used.
        """
        self._in_use = self._usable(name)[0]

    def entries(self) -> tuple[ModelEntry, ...]:
        """All of them, with files that turned out to be none; the embedded one is the first.

        New files are read for it, which takes a second for each or less: not for the thread of an event loop.
        """
        entries = tuple(self._entry(name, file) for name, file in self._catalog.files().items())
        self._catalog.examine_aside()
        return entries

    def entry(self, name: str | None = None) -> ModelEntry:
        """One of them; the one in use, if ``name`` is None.

        Raises:
            ModelUnknown: If there is none.
        """
        return self._entry(*self._catalog.find(self._in_use if name is None else name))

    def resolve(self, text: str) -> str | None:
        """The name of the model that ``text`` means; None if there is none.

        Args:
            text: A name, a file's name, a title, or eight or more digits of a checksum, in any case. The
                checksum in a title finds a file that was renamed; where it finds none, the name counts.
        """
        found = self._catalog.resolve(text)
        return None if found is None else found[0]

    def pipeline(self, name: str | None = None) -> Pipeline:
        """Return a model, loaded; the one in use, if ``name`` is None. For the thread that draws.

        The former one is freed before: whoever still holds it keeps its memory. If the new one cannot be
        loaded, the former one is loaded again as soon as it is asked for.

        Raises:
            ModelUnknown: If there is none.
            InputError: If it cannot be used.
            SdjpError: If it cannot be loaded; what ``load`` raises that is no SdjpError becomes one.
        """
        with self._loading:
            found, file = self._usable(self._in_use if name is None else name)
            loaded = self._pipelines.get(found)
            if loaded is None or loaded.mark != file.mark:
                del loaded  # not to be held here while another one is loaded
                if found != EMBEDDED_MODEL:
                    self._free()
                loaded = self._loaded_from(file)
            with self._lock:
                self._pipelines[found] = loaded
                self._drawing, self._ready = found, True
            return loaded.pipeline

    @property
    def loaded(self) -> Pipeline | None:
        """The pipeline that was asked for last, while it is loaded."""
        with self._lock:
            loaded = None if self._drawing is None else self._pipelines.get(self._drawing)
        return None if loaded is None else loaded.pipeline

    def loaded_as(self, name: str) -> Pipeline | None:
        """The pipeline of a model, if it is loaded."""
        with self._lock:
            loaded = self._pipelines.get(name)
        return None if loaded is None else loaded.pipeline

    @property
    def ready(self) -> bool:
        """Whether a model was loaded: from then on jobs can be drawn, even while another one is loaded."""
        return self._ready

    def explain_with(self) -> Pipeline | None:
        """A pipeline to read prompts with: the loaded one, else the embedded one if that is loaded."""
        with self._lock:
            loaded = self._pipelines.get(self._drawing or "") or self._pipelines.get(EMBEDDED_MODEL)
        return None if loaded is None else loaded.pipeline

    def addons(self) -> dict[str, tuple[str, ...]]:
        """The names of add-ons that a job may call: ``"loras"``, ``"embeddings"``, ``"controlnets"``."""
        pipe = self.explain_with()
        return {"loras": (), "embeddings": (), "controlnets": ()} if pipe is None else pipe.addons.names

    def _usable(self, name: str) -> tuple[str, ModelFile]:
        found, file = self._catalog.find(name)
        problem = self._catalog.read(file).problem
        if problem is None:
            return found, file
        raise InputError(
            "model.unusable",
            ja=f"モデル「{found}」は使えません: {problem.ja}",
            en=f"the model {found!r} cannot be used: {problem.en}",
        )

    def _entry(self, name: str, file: ModelFile) -> ModelEntry:
        entry = self._catalog.entry(name, file, in_use=name == self._in_use)
        with self._lock:
            mark, failure = self._failures.get(file.path, (None, None))
        return dataclasses.replace(entry, problem=failure) if mark == file.mark else entry

    def _free(self) -> None:
        """Let go of all but the embedded model."""
        with self._lock:
            self._pipelines = {n: p for n, p in self._pipelines.items() if n == EMBEDDED_MODEL}
        gc.collect()  # networks are in cycles
        give_back()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _loaded_from(self, file: ModelFile) -> _Loaded:
        try:
            pipeline = self._load(self._catalog.source(file))
        except Exception as error:
            with self._lock:
                self._failures[file.path] = file.mark, problem_of(error, file)
            raise problem_of(error, file) from error
        with self._lock:
            self._failures.pop(file.path, None)
        return _Loaded(mark=file.mark, pipeline=pipeline)
