"""Weights on the nodes of a cluster: where they are at hand, or sent through Ray's object store, once a node.

A node keeps what it was sent in its folder of temporary files, under the checksum of the content, so that all
actors on it, and later jobs, have it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sdjp.batch.pipelines import checksum, files_in
from sdjp.batch.spec import JobSpec
from sdjp.errors import InputError, reason

_PIECE: Final = 256 << 20
"""Bytes of an object: a node needs room for few of them at a time, beside its disk."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file or folder in the object store.

    Attributes:
        name: Its name, without its folder.
        files: Of each file its path below ``name`` (``""`` for a file itself) and its pieces.
    """

    name: str
    files: tuple[tuple[str, tuple[Any, ...]], ...]


def sendable(spec: JobSpec) -> dict[str, Path]:
    """The files and folders of a job that nodes need and do not have with sdjp itself, by argument."""
    found = {}
    for name in spec.weights:
        path = _path(name, spec.model.get(name))
        if path is not None and path.exists():
            found[name] = path
    return found


def send(path: Path) -> Sent:
    """Put a file or folder into the object store."""
    if path.is_file():
        return Sent(name=path.name, files=(("", tuple(_pieces(path))),))
    return Sent(
        name=path.name,
        files=tuple((file.relative_to(path).as_posix(), tuple(_pieces(file))) for file in files_in(path)),
    )


def size_of(path: Path) -> int:
    """The bytes of a file or folder."""
    return sum(file.stat().st_size for file in (files_in(path) if path.is_dir() else [path]))


def at_hand(spec: JobSpec, names: tuple[str, ...], sent: Mapping[str, Sent]) -> dict[str, Any]:
    """The arguments of the model of a job as they are on this node.

    Args:
        spec: The job.
        names: The arguments that name files.
        sent: What of these was sent.

    Raises:
        InputError: If a file is neither here nor sent, or cannot be kept.
    """
    model = dict(spec.model)
    for name in names:
        if name in sent:
            path = _receive(sent[name], spec.weights[name].rpartition(":")[2])
            model[name] = _with_path(name, model[name], path)
            continue
        wanted = _path(name, model[name])
        if wanted is not None and not wanted.exists():
            node = socket.gethostname()
            raise InputError(
                "batch.node_weights",
                ja=f"ノード {node} に {wanted}（{name}）がありません。すべてのノードから見える共有フォルダー"
                "に置くか、--ship-weights で送ってください。",
                en=f"node {node} has no {wanted} ({name}). Put it into a folder that all nodes share, or "
                "send it with --ship-weights.",
            )
    return model


def _path(name: str, value: object) -> Path | None:
    """The path in an argument; that of a translator has the kind before it."""
    if not isinstance(value, str):
        return None
    text = value.partition(":")[2] if name == "translator" else value
    return Path(text) if os.path.isabs(text) else None


def _with_path(name: str, value: str, path: Path) -> str:
    return f"{value.partition(':')[0]}:{path}" if name == "translator" else str(path)


def _pieces(path: Path) -> Iterator[Any]:
    import numpy as np
    import ray

    with path.open("rb") as file:
        while data := file.read(_PIECE):
            yield ray.put(np.frombuffer(data, dtype=np.uint8))  # an array is read without a copy


def _receive(sent: Sent, sha256: str) -> Path:
    """Write what was sent to the disk of this node, unless it is there; the others wait for the first."""
    node = socket.gethostname()
    cache = Path(tempfile.gettempdir(), f"sdjp-weights-{os.getuid() if hasattr(os, 'getuid') else 0}")
    place = cache / sha256
    try:
        cache.mkdir(mode=0o700, exist_ok=True)
        with _alone(cache / f"{sha256}.lock"):
            if place.exists() and checksum(place / sent.name) != sha256:  # such as after a loss of power
                shutil.rmtree(place)
            if not place.exists():
                part = cache / f".{sha256}.{secrets.token_hex(4)}"
                try:
                    _write(sent, part / sent.name)
                    if checksum(part / sent.name) != sha256:
                        raise InputError(
                            "batch.weights_changed",
                            ja=f"{sent.name} が、ジョブを始めたあとで変わりました。元に戻すか、別の --out で"
                            "はじめから描いてください。",
                            en=f"{sent.name} has changed since the job was begun. Restore it, or begin anew "
                            "with another --out.",
                        )
                    part.rename(place)
                finally:
                    shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        ja, en = reason(error)
        raise InputError(
            "batch.node_cache",
            ja=f"ノード {node} で、送られた重みを {cache} に置けません（{ja}）。空き容量を確かめるか、"
            "TMPDIR で別の場所を指定してください。",
            en=f"node {node} cannot keep the weights that it was sent in {cache} ({en}). See to the free "
            "space, or name another place with TMPDIR.",
        ) from error
    return place / sent.name


def _write(sent: Sent, path: Path) -> None:
    import ray

    for below, pieces in sent.files:
        target = path / below if below else path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for piece in pieces:
                file.write(memoryview(ray.get(piece)))
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, which goes with the process; without locks (Windows) all write, and the first counts."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
