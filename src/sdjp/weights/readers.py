"""Files of tensors, read lazily: safetensors, and PyTorch's zip files without running anything that is in them.

A reader gives the names, shapes and dtypes of what is in a file, and one tensor at a time. Both kinds are mapped
into memory, so that a tensor costs memory when it is used and no more than once.
"""

from __future__ import annotations

import io
import json
import mmap
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from sdjp.errors import WeightsError

SAFETENSORS: Final = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
STORAGES: Final = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
# Whoever names one of these in a file of weights means harm: no honest file needs them.
DANGEROUS: Final = frozenset(
    "os posix nt subprocess sys builtins __builtin__ shutil socket runpy importlib ctypes pty code codeop commands "
    "webbrowser operator functools types marshal pickle _pickle dill cloudpickle tempfile pathlib asyncio "
    "multiprocessing threading signal timeit pip pdb bdb cProfile profile trace".split()
)
HARMLESS: Final = {  # globals that honest files name although their module is on the list
    ("builtins", "dict"), ("builtins", "list"), ("builtins", "set"), ("builtins", "tuple"), ("builtins", "int"),
    ("builtins", "float"), ("builtins", "str"), ("builtins", "bool"), ("builtins", "bytes"), ("builtins", "object"),
    ("builtins", "slice"), ("builtins", "range"), ("builtins", "complex"), ("builtins", "frozenset"),
    ("__builtin__", "dict"), ("__builtin__", "list"), ("__builtin__", "set"), ("__builtin__", "object"),
    ("__builtin__", "long"), ("__builtin__", "unicode"), ("__builtin__", "str"),
    ("functools", "partial"), ("pathlib", "PosixPath"), ("pathlib", "WindowsPath"), ("pathlib", "Path"),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One tensor of a file, not yet read.

    Attributes:
        shape: Its shape.
        dtype: Its dtype.
        read: Gives the tensor; it may share memory with the file and must not be written to.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Tensor]


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        entries: Name to tensor.
        metadata: Free text that safetensors files carry.
    """

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]


def read_file(path: Path) -> Contents:
    """Read the table of contents of a safetensors or PyTorch file.

    Raises:
        WeightsError: If the file is missing, empty, cut short, of another kind, or names dangerous code.
    """
    head = _head(path)
    if head.startswith(b"PK\x03\x04"):
        return _read_torch(path)
    if len(head) >= 9 and head[8:9] == b"{":
        return _read_safetensors(path)
    raise _foreign(path, head)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise WeightsError(
            "weights.unreadable",
            ja=f"重みのファイル {path} を読めません（{error.strerror}）。場所と権限を確かめてください。",
            en=f"cannot read the weights {path} ({error.strerror}). Check where the file is and its permissions.",
        ) from error


def _foreign(path: Path, head: bytes) -> WeightsError:
    text = head.lstrip().lower()
    if not head:
        ja, en = "空のファイルです", "the file is empty"
    elif text.startswith(b"version https://git-lfs"):
        ja, en = "git-lfs の参照だけで、中身がありません", "it is a git-lfs pointer, not the file itself"
    elif text.startswith((b"<!doctype", b"<html")):
        ja, en = "ウェブページ（HTML）です", "it is a web page (HTML)"
    elif head.startswith(b"\x80"):
        ja, en = "PyTorch 1.5 以前の古い形式です", "it has the old format of PyTorch 1.5 and before"
    else:
        ja, en = "重みのファイルではないようです", "it does not look like weights"
    return WeightsError(
        "weights.foreign",
        ja=f"{path} を重みとして読めません: {ja}。.safetensors か .ckpt をダウンロードし直して指定してください。",
        en=f"cannot read {path} as weights: {en}. Download the .safetensors or .ckpt again.",
    )


def _damaged(path: Path, why: str) -> WeightsError:
    return WeightsError(
        "weights.damaged",
        ja=f"{path} が壊れているか、途中で切れています（{why}）。ダウンロードし直してください。",
        en=f"{path} is damaged or cut short ({why}). Download it again.",
    )


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _tensor(data: mmap.mmap, offset: int, dtype: torch.dtype, count: int) -> Tensor:
    if count == 0:
        return torch.empty(0, dtype=dtype)
    if offset % dtype.itemsize == 0:
        return torch.frombuffer(data, dtype=dtype, count=count, offset=offset)
    return torch.frombuffer(bytearray(data[offset : offset + count * dtype.itemsize]), dtype=dtype)


def _numel(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def _read_safetensors(path: Path) -> Contents:
    """The format: 8 bytes length, a JSON header, then the bytes of the tensors."""
    data = _map(path)
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise _damaged(path, "header")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        entries = {}
        for name, item in header.items():
            begin, end = item["data_offsets"]
            shape, dtype = tuple(item["shape"]), SAFETENSORS[item["dtype"]]
            count = _numel(shape)
            if 8 + length + end > len(data) or end - begin != count * dtype.itemsize:
                raise _damaged(path, name)
            entries[name] = Entry(shape, dtype, _reader(data, 8 + length + begin, dtype, count, shape))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    return Contents(entries, metadata)


def _reader(
    data: mmap.mmap, offset: int, dtype: torch.dtype, count: int, shape: tuple[int, ...]
) -> Callable[[], Tensor]:
    return lambda: _tensor(data, offset, dtype, count).view(shape)


class Inert:
    """Stands for every object of a file that is neither a tensor nor a plain container. It does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        """Take one item of a foreign list and forget it."""

    def extend(self, values: object) -> None:
        """Take items of a foreign list and forget them."""

    def __call__(self, *_: object, **__: object) -> Inert:
        return self

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True)
class Storage:
    """The bytes behind tensors, by the name of their file inside the zip."""

    key: str
    dtype: torch.dtype


def _rebuild_tensor(storage: object, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> object:
    return Lazy(storage, offset, tuple(size), tuple(stride)) if isinstance(storage, Storage) else Inert()


def _rebuild_parameter(data: object, *_: object) -> object:
    return data


@dataclass(frozen=True)
class Lazy:
    """A tensor as a pickle describes it."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Restricted(pickle.Unpickler):
    """An unpickler that can build containers and descriptions of tensors, and nothing else."""

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """Give what a file asks for by name: one of ours, an inert stand-in, or an error."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        if module in ("torch", "torch.storage") and name in STORAGES:
            return STORAGES[name]
        root = module.split(".")[0]
        if (root in DANGEROUS and (module, name) not in HARMLESS) or name in ("eval", "exec", "system", "__import__"):
            raise WeightsError(
                "weights.malicious",
                ja=f"{self.path} は危険なファイルです: 読み込むと {module}.{name} を実行しようとします。"
                "何も実行せずに中止しました。このファイルは使わないでください。",
                en=f"{self.path} is dangerous: loading it would run {module}.{name}. "
                "Nothing was run. Do not use this file.",
            )
        return Inert

    def persistent_load(self, pid: Any) -> object:
        """Storages are named, not held, by the pickle."""
        if isinstance(pid, tuple) and len(pid) >= 3 and pid[0] == "storage" and isinstance(pid[1], torch.dtype):
            return Storage(str(pid[2]), pid[1])
        return Inert()


def _read_torch(path: Path) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [n for n in archive.namelist() if n.endswith("/data.pkl") or n == "data.pkl"]
            if not pickles:
                raise _foreign(path, b"zip")
            root = pickles[0][: -len("data.pkl")]
            content = Restricted(io.BytesIO(archive.read(pickles[0])), path).load()
            places = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise _damaged(path, str(error)) from error
    except WeightsError:
        raise
    except Exception as error:  # a pickle can fail in any way
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    data = _map(path)
    entries: dict[str, Entry] = {}
    for name, lazy in _lazies(content):
        info = places.get(f"{root}data/{lazy.storage.key}")
        count = _numel(lazy.size)
        reach = lazy.offset + 1 + sum((n - 1) * s for n, s in zip(lazy.size, lazy.stride, strict=True)) if count else 0
        if info is None or info.compress_type != zipfile.ZIP_STORED or reach * lazy.storage.dtype.itemsize > info.file_size:
            raise _damaged(path, name)
        entries[name] = Entry(lazy.size, lazy.storage.dtype, _zip_reader(data, info, lazy, reach))
    return Contents(entries, {})


def _zip_reader(data: mmap.mmap, info: zipfile.ZipInfo, lazy: Lazy, reach: int) -> Callable[[], Tensor]:
    def read() -> Tensor:
        # The local header repeats the name and has an extra field of its own length.
        names, extra = struct.unpack("<HH", data[info.header_offset + 26 : info.header_offset + 30])
        start = info.header_offset + 30 + names + extra
        flat = _tensor(data, start, lazy.storage.dtype, reach)
        return flat.as_strided(lazy.size, lazy.stride, lazy.offset)

    return read


def _lazies(content: object) -> Iterator[tuple[str, Lazy]]:
    """The tensors of a checkpoint: under ``state_dict`` where there is one, else at the top."""
    if isinstance(content, Mapping):
        inner = content.get("state_dict", content)
        if isinstance(inner, Mapping):
            for name, value in inner.items():
                if isinstance(name, str) and isinstance(value, Lazy):
                    yield name, value
