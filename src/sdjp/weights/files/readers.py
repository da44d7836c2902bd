"""Open files of tensors: safetensors, and what ``torch.save`` writes and used to write, running nothing.

All formats end up as a :class:`~sdjp.weights.files.tensorfile.TensorFile`: a table of places in a file that
is mapped into memory. The contents tell the format, not the name.
"""

from __future__ import annotations

import io
import math
import mmap
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import torch

from sdjp.errors import WeightsError, reason
from sdjp.weights.files.faults import damaged, faults_of, foreign
from sdjp.weights.files.foreign import not_weights
from sdjp.weights.files.json_file import parse_json
from sdjp.weights.files.pickle_scan import MAX_BYTES, scan, too_large
from sdjp.weights.files.tensorfile import Entry, TensorFile
from sdjp.weights.files.unpickler import MAX_DIMENSIONS, MAX_SIZE, PickledTensor, RestrictedUnpickler

DTYPES: Final = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""Names of the safetensors format."""
OTHER_DTYPES: Final = (
    "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64", "U16", "U32", "U64",
)  # fmt: skip
"""Those of the format that no weights of this family are in."""
MAX_HEADER: Final = 10_000_000
"""Bytes of a safetensors header, and of the list of a zip archive; of Stable Diffusion v1 with averages they
have 300 kB."""
MAX_LEVELS: Final = 4
"""Dictionaries within each other that tensors are looked for in."""
USUAL: Final = ("state_dict", "string_to_param", "params_ema", "params")
"""Names that tensors are under; averages before what they are averages of."""
IP_ADAPTER: Final = ("image_proj", "ip_adapter")
"""The two dictionaries of an IP-Adapter, which belong together."""
MAX_TENSORS: Final = 50_000
"""Of one file; those of Stable Diffusion v1 have 2,000, with all that training needs some 6,000."""
MAX_TIMES: Final = 4
"""How often the bytes of a file may be used: tensors may share them, but not without end."""
LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
HEAD: Final = 512
"""Bytes at the start that tell the format."""

Contents = tuple[Mapping[str, Entry], Mapping[str, str]]
"""Places of the tensors by name, and the metadata of the file."""
Reader = Callable[[IO[bytes], mmap.mmap], Contents]


def open_file(path: Path) -> TensorFile:
    """Read the table of contents of a file of weights.

    Raises:
        WeightsError: If the file cannot be read, is no file of weights, is damaged, or contains an attack.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise not_regular(path)
        with path.open("rb") as file, faults_of(path):
            read = _reader(file.read(HEAD))
            # Pages are read when they are used, and copied when they are written to.
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            entries, metadata = read(file, buffer)
            _check_sizes(entries, len(buffer))
            return TensorFile(path=path, entries=entries, buffer=buffer, metadata=metadata)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> WeightsError:
    """Return the error for a file that cannot be opened."""
    return WeightsError(
        "weights.unreadable",
        ja=f"重み {path} を開けません（{reason(error)[0]}）。パスとアクセス権を確かめてください。",
        en=f"cannot open the weights {path} ({reason(error)[1]}). Check path and permissions.",
    )


def _reader(head: bytes) -> Reader:
    """The reader of the format that a file with these first bytes is in."""
    if head.startswith(b"PK\x03\x04"):
        return _torch_zip
    if head[8:9] == b"{":
        return _safetensors
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return _torch_legacy
    raise not_weights(head)


def _safetensors(_: IO[bytes], buffer: mmap.mmap) -> Contents:
    """Eight bytes with the length of a JSON header, the header, then the bytes of the tensors."""
    start = 8 + struct.unpack("<Q", buffer[:8])[0]
    if start > len(buffer) or start > MAX_HEADER:
        raise damaged("先頭の目次が読めません", "its header cannot be read")
    try:
        header = parse_json(buffer[8:start])
        metadata = {str(k): str(v) for k, v in (header.pop("__metadata__", None) or {}).items()}
        if len(header) > MAX_TENSORS:
            raise too_large(f"{len(header):,}")
        entries = {name: _safetensors_entry(item, start) for name, item in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise damaged(f"目次の誤り: {error}", f"an error in its header: {error}") from error
    size = max((entry.end for entry in entries.values()), default=start)
    if size > len(buffer):
        raise damaged(
            f"{size:,} バイトのはずが {len(buffer):,} バイトしかありません",
            f"it should have {size:,} bytes and has {len(buffer):,}",
        )
    return entries, metadata


def _safetensors_entry(item: Mapping[str, Any], start: int) -> Entry:
    if item["dtype"] in OTHER_DTYPES:
        raise foreign(
            f"sdjp にない型 {item['dtype']!r} のテンソルがあります。"
            "float16 などで保存されたものを指定してください",
            f"it has tensors of the type {item['dtype']!r}, which sdjp does not know. Give a file in float16",
        )
    (begin, end), shape, dtype = item["data_offsets"], tuple(item["shape"]), DTYPES[item["dtype"]]
    if len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"{len(shape)} dimensions")
    if not all(type(n) is int and 0 <= n < MAX_SIZE for n in (begin, end, *shape)):
        raise ValueError("a number out of range")
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{end - begin} bytes for {shape} {dtype}")
    return Entry(dtype=dtype, shape=shape, start=start + begin)


class _Guarded:
    """A file that gives no more than ``most`` bytes at once: zipfile reads the list of an archive whole.

    Attributes:
        most: ``MAX_HEADER`` at first.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.most = MAX_HEADER
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read as a file does.

        Raises:
            WeightsError: If it is asked for more.
        """
        if size > self.most:
            raise too_large(f"{size:,} > {self.most:,}")
        return self._file.read(self.most if size < 0 else size)


def _torch_zip(file: IO[bytes], buffer: mmap.mmap) -> Contents:
    """A zip archive, not compressed: a pickle, and one file for each storage (PyTorch 1.6 and later)."""
    guarded = _Guarded(file)
    try:
        with zipfile.ZipFile(guarded) as archive:
            guarded.most = MAX_BYTES + 1
            members = {info.filename: info for info in archive.infolist()}
            root = _torch_root(members)
            if members[root + "data.pkl"].file_size > MAX_BYTES:
                raise damaged("data.pkl が大きすぎます", "its data.pkl is too large")
            if root + "byteorder" in members and archive.read(root + "byteorder") != b"little":
                raise foreign(
                    "ビッグエンディアンの計算機で保存されたファイルです。リトルエンディアンで保存し直してください",
                    "it was written on a big-endian machine. Save it again on a little-endian one",
                )
            with archive.open(root + "data.pkl") as pickled:
                content, _ = _unpickle(io.BytesIO(pickled.read(MAX_BYTES + 1)))
    except (WeightsError, OSError):
        raise
    except Exception as error:  # a broken archive can raise anything
        raise damaged(f"zip の誤り: {error}", f"an error in the zip archive: {error}") from error
    entries = {}
    for name, tensor in _tensors(content):
        info = members.get(f"{root}data/{tensor.storage.key}")
        if info is None or info.compress_type != zipfile.ZIP_STORED:
            raise damaged(f"{name} の中身がありません", f"there is no data for {name}")
        start = _data_offset(buffer, info)
        entries[name] = _entry(name, tensor, start, min(start + info.file_size, len(buffer)))
    return entries, {}


def _torch_root(members: Mapping[str, object]) -> str:
    """The folder inside the archive that everything is in."""
    roots = [
        name[: -len("data.pkl")] for name in members if name.endswith("/data.pkl") and name.count("/") == 1
    ]
    if len(roots) == 1 and roots[0] + "constants.pkl" not in members:
        return roots[0]
    if roots:
        raise foreign(
            "TorchScript のプログラムです。重みだけを保存したファイルを指定してください",
            "it is a TorchScript program. Give a file that holds weights only",
        )
    listed = ", ".join(list(members)[:5]) + (" …" if len(members) > 5 else "")
    raise foreign(
        f"zip ファイルですが、重みではありません（中身: {listed}）。展開して、中にある重みを指定してください",
        f"it is a zip archive of something else ({listed}). Unpack it and give the weights inside",
    )


def _data_offset(buffer: mmap.mmap, info: zipfile.ZipInfo) -> int:
    """The start of the bytes of a member: its local header repeats the name and has padding of its own."""
    local = buffer[info.header_offset : info.header_offset + 30]
    if len(local) < 30 or not local.startswith(b"PK\x03\x04"):
        raise damaged(f"{info.filename} が読めません", f"{info.filename} cannot be read")
    name, padding = struct.unpack("<HH", local[26:30])
    return info.header_offset + 30 + int(name) + int(padding)


def _torch_legacy(_file: IO[bytes], buffer: mmap.mmap) -> Contents:
    """Five pickles one after the other, then each storage: its number of elements and its bytes."""
    file = io.BytesIO(buffer[:MAX_BYTES])  # the pickles; what follows them is not read here
    magic, _ = _unpickle(file)
    if magic != LEGACY_MAGIC:
        raise foreign(
            "pickle ですが、PyTorch の重みではありません。重みのファイルを指定してください",
            "it is a pickle, but not weights of PyTorch. Give a file of weights",
        )
    _unpickle(file)  # version of the protocol
    _unpickle(file)  # byte order and sizes of C types
    content, unpickler = _unpickle(file)
    keys, _ = _unpickle(file)
    position = file.tell()
    places = {}
    for key in keys if isinstance(keys, list) else []:
        if key not in unpickler.storages or position + 8 > len(buffer):
            raise damaged(f"{key} の中身がありません", f"there is no data for {key}")
        start, count = position + 8, struct.unpack("<Q", buffer[position : position + 8])[0]
        position = start + count * unpickler.storages[key].dtype.itemsize
        places[key] = (start, min(position, len(buffer)))
    entries = {}
    for name, tensor in _tensors(content):
        if tensor.storage.key not in places:
            raise damaged(f"{name} の中身がありません", f"there is no data for {name}")
        entries[name] = _entry(name, tensor, *places[tensor.storage.key])
    return entries, {}


def _unpickle(file: io.BytesIO) -> tuple[object, RestrictedUnpickler]:
    start = file.tell()
    scan(file)
    file.seek(start)
    unpickler = RestrictedUnpickler(file)
    try:
        return unpickler.load(), unpickler
    except (WeightsError, OSError):
        raise
    except Exception as error:  # a broken pickle can raise anything
        said = f"{type(error).__name__}: {str(error)[:100]}"
        raise damaged(f"pickle の誤り: {said}", f"an error in its pickle: {said}") from error


def _tensors(content: object) -> Iterator[tuple[str, PickledTensor]]:
    """The tensors of a checkpoint: at the top, under ``state_dict`` or the like, or one bare tensor.

    Those of textual inversion are under ``string_to_param``, those of an IP-Adapter in two dictionaries.
    """
    if isinstance(content, PickledTensor):
        yield "*", content
        return
    content = _joined(content) or _innermost(content)
    if not isinstance(content, dict):
        raise foreign(
            "重みではなく、プログラムのオブジェクトが保存されています。"
            "state_dict を保存したファイル（.safetensors や .ckpt）を指定してください",
            "it holds an object of a program rather than weights. "
            "Give a file with a state_dict in it (.safetensors, .ckpt)",
        )
    for name, tensor in content.items():
        if isinstance(name, str) and isinstance(tensor, PickledTensor):
            yield name, tensor


def _joined(content: object) -> dict[str, object] | None:
    """The two dictionaries of an IP-Adapter as one, under the names that safetensors files have."""
    if not isinstance(content, dict) or not all(isinstance(content.get(part), dict) for part in IP_ADAPTER):
        return None
    return {f"{part}.{name}": tensor for part in IP_ADAPTER for name, tensor in content[part].items()}


def _innermost(content: object) -> object:
    """The dictionary with the most tensors: under the usual names first, else wherever it is."""
    seen, wanted = set(), [content]
    best, most = content, 0
    for _ in range(MAX_LEVELS):
        inside = []
        for one in wanted:
            if not isinstance(one, dict) or id(one) in seen:
                continue
            seen.add(id(one))
            usual = [one[key] for key in USUAL if isinstance(one.get(key), dict)]
            tensors = sum(isinstance(k, str) and isinstance(v, PickledTensor) for k, v in one.items())
            if tensors > most and not usual:
                best, most = one, tensors
            inside += usual or [value for value in one.values() if isinstance(value, dict)]
        wanted = inside
    return best


def _entry(name: str, tensor: PickledTensor, start: int, stop: int) -> Entry:
    """Place a tensor in the storage that has the bytes from ``start`` to ``stop``."""
    dtype = tensor.storage.dtype
    stride = None if tensor.stride == _in_order(tensor.shape) else tensor.stride
    entry = Entry(
        dtype=dtype, shape=tensor.shape, start=start + tensor.offset * dtype.itemsize, stride=stride
    )
    if entry.end > stop:
        raise damaged(f"{name} の中身が足りません", f"the data of {name} is incomplete")
    return entry


def _check_sizes(entries: Mapping[str, Entry], size: int) -> None:
    """Refuse tensors that would be many times larger in memory than the file that they are in."""
    if len(entries) > MAX_TENSORS:
        raise too_large(f"{len(entries):,}")
    total = sum(math.prod(entry.shape) * entry.dtype.itemsize for entry in entries.values())
    if total > MAX_TIMES * size:
        raise damaged(
            f"テンソルは {total:,} バイトのはずが、ファイルは {size:,} バイトです",
            f"its tensors should have {total:,} bytes, and the file has {size:,}",
        )


def not_regular(path: Path) -> WeightsError:
    """Return the error for a device, a pipe or the like, which is not opened: it may never end."""
    return WeightsError(
        "weights.unreadable",
        ja=f"{path} はふつうのファイルではありません（パイプやデバイス）。"
        "ファイルに保存してから指定してください。",
        en=f"{path} is no regular file but a pipe, a device or the like. Save it to a file and give that.",
    )


def _in_order(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
