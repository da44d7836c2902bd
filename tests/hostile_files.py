"""Files that were made to crash, stall or fill a machine, each written by a few lines; nothing here is read.

:data:`FILES` has one function for each, which writes it into a folder and returns its path. How it is read
is the first word of its name: ``model``, ``lora``, ``vectors`` (textual inversion), ``config`` (YAML).
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file

PRIME: Final = 2**61 - 1
"""All multiples of it have the hash 0."""
PROTOCOL: Final = b"\x80\x02"
STORAGE: Final = (
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
)
REBUILD: Final = b"ctorch._utils\n_rebuild_tensor_v2\n"


def number(n: int) -> bytes:
    """A number in a pickle."""
    return pickle.dumps(n, 2)[2:-1]


def text(s: str) -> bytes:
    """A string in a pickle."""
    return b"X" + struct.pack("<I", len(s.encode())) + s.encode()


def tuple_of(numbers: list[int]) -> bytes:
    return b"(" + b"".join(map(number, numbers)) + b"t"


def tensor(shape: bytes, stride: bytes, storage: bytes = STORAGE) -> bytes:
    """The description of a tensor in a pickle."""
    return REBUILD + b"(" + storage + b"K\x00" + shape + stride + b"\x89NtR"


def named(content: bytes) -> bytes:
    """A dictionary with one entry."""
    return b"}" + text("w") + content + b"s"


def zipped(folder: Path, body: bytes, name: str = "model.ckpt", compressed: bool = False) -> Path:
    """A file as ``torch.save`` writes it, around the operations of a pickle."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        archive.writestr("archive/data.pkl", PROTOCOL + body + b".", kind)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data/0", bytes(16))
    return path


def listing(folder: Path, files: int, name: bytes = b"", announced: int | None = None) -> Path:
    """A zip archive with so many files in its list; each has the same name, or one with its number."""
    path = folder / "model.ckpt"
    zipped(folder, b"}")
    whole = path.read_bytes()
    begin = whole.index(b"PK\x01\x02")
    own, end = whole[begin : whole.rindex(b"PK\x05\x06")], bytearray(whole[whole.rindex(b"PK\x05\x06") :])
    rows = []
    for i in range(files):
        called = name % i if name else b""
        rows.append(own[:28] + len(called).to_bytes(2, "little") + bytes(16) + called)
    inside = own + b"".join(rows)
    end[12:16] = (len(inside) if announced is None else announced).to_bytes(4, "little")
    path.write_bytes(whole[:begin] + inside + end)
    return path


def legacy(folder: Path, body: bytes) -> Path:
    """A file as ``torch.save`` wrote it before 2020."""
    path = folder / "model.pt"
    head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    path.write_bytes(b"".join(head) + PROTOCOL + body + b"." + pickle.dumps(["0"], 2) + bytes(24))
    return path


def header(folder: Path, content: Any, data: int = 16) -> Path:
    """A safetensors file with this header."""
    path = folder / "model.safetensors"
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + bytes(data))
    return path


def entry(shape: Any, offsets: Any = (0, 16), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


def metadata(folder: Path, config: Any) -> Path:
    """A file whose own configuration is this."""
    return header(folder, {"__metadata__": {"sdjp.config": json.dumps(config)}, "w": entry([4])})


def lora(folder: Path, patterns: Any) -> Path:
    """A LoRA of one layer whose alphas are told by patterns."""
    site = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    tensors = {f"{site}.lora_A.weight": torch.ones(2, 32), f"{site}.lora_B.weight": torch.ones(32, 2)}
    settings = {"unet.lora_alpha": 2, "unet.alpha_pattern": patterns}
    save_file(tensors, folder / "lora.safetensors", {"lora_adapter_metadata": json.dumps(settings)})
    return folder / "lora.safetensors"


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def pipe(folder: Path) -> Path:
    path = folder / "pipe.safetensors"
    os.mkfifo(path)
    return path


def linked(folder: Path, target: str) -> Path:
    path = folder / "link.safetensors"
    path.symlink_to(folder / target if not target.startswith("/") else target)
    return path


def _twice(depth: int) -> bytes:
    """A tuple that holds one tuple twice, which holds one twice …: 2 ** depth in all."""
    return b")" + b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(depth))


DEEP: Final = b")" + b"\x85" * 200_000
COLLIDING: Final = [n * PRIME for n in range(1, 60_000)]
OPERATIONS: Final[Mapping[str, bytes]] = {
    "a nested tuple as a key": b"}" + DEEP + b"Ns",
    "a nested tuple among keys": b"}(" + DEEP + b"Nu",
    "a nested tuple in DICT": b"(" + DEEP + b"Nd",
    "a nested tuple in a set": b"\x8f(" + DEEP + b"\x90",
    "a nested tuple in a frozenset": b"(" + DEEP + b"\x91",
    "a nested tuple from the memo": DEEP + b"q\x000}h\x00Ns",
    "a nested tuple twice": DEEP + b"20}(" + DEEP + b"Nu",
    "a nested tuple for OrderedDict": b"ccollections\nOrderedDict\n]" + b"]" + DEEP + b"aNaa\x85R",
    "nested frozensets": b"(" * 3000 + b"\x91" * 3000,
    "a nested tuple as a name": named(DEEP),
    "a nested tuple as a storage": DEEP + b"Q",
    "a nested tuple as an argument": b"csome\nthing\n" + DEEP + b"R",
    "a nested tuple as a shape": named(tensor(DEEP, b")")),
    "nested lists": b"]" * 100_000 + b"a" * 99_999,
    "nested dictionaries": named(b"}" * 1 + (text("a") + b"}") * 50_000 + b"s" * 50_000),
    "nested calls": named(b"ctorch._tensor\n_rebuild_from_type_v2\n(N" + b"(" * 5_000 + b"t" * 5_000 + b"tR"),
    "two to the power of 60 in a key": b"}" + _twice(60) + b"Ns",
    "keys of one hash": b"}(" + b"".join(number(n) + b"N" for n in COLLIDING) + b"u",
    "keys of one hash, one by one": b"}" + b"".join(number(n) + b"Ns" for n in COLLIDING),
    "a set of one hash": b"\x8f(" + b"".join(map(number, COLLIDING)) + b"\x90",
    "keys of one hash for OrderedDict": b"ccollections\nOrderedDict\n](" + b"".join(
        b"(" + number(n) + b"Nt" for n in COLLIDING) + b"e\x85R",
    "pairs as keys": b"}(" + b"".join(number(n) + number(n * PRIME) + b"\x86N" for n in range(40_000)) + b"u",
    "100,000 dimensions": named(tensor(tuple_of([1] * 100_000), tuple_of([1] * 100_000))),
    "17 dimensions": named(tensor(tuple_of([1] * 17), tuple_of([1] * 17))),
    "stride 0": named(tensor(tuple_of([1_000_000, 1_000_000]), tuple_of([0, 0]))),
    "stride 0 within bounds": named(tensor(tuple_of([4, 1_000_000]), tuple_of([1, 0]))),
    "a shape beyond all numbers": named(tensor(tuple_of([2**300]), tuple_of([1]))),
    "a place far away in the memo": b"Nr\xff\xff\xff\x7f.",
    "a number of a million digits": b"L" + b"9" * 1_000_000 + b"L\n",
    "a large number": b"\x8b" + struct.pack("<i", 4_000_000) + b"\x7f" * 4_000_000,
    "a string that is not there": b"\x8d" + struct.pack("<Q", 2**40) + b"a",
    "a frame that is not there": b"\x95" + struct.pack("<Q", 2**60) + b"N",
    "two million operations": b"(" + b"}" * 2_000_000 + b"l",
    "one tuple used without end": b"csome\nthing\nq\x000" + tuple_of([1] * 100_000) + b"q\x010"
    + b"h\x00h\x01R0" * 100_000 + b"N",
    "one list used without end": b"ccollections\nOrderedDict\nq\x000](" + b"".join(
        text(str(n)) + b"N\x86" for n in range(20_000)) + b"e\x85q\x010" + b"h\x00h\x01R0" * 80_000 + b"N",
    "100,000 names": b"".join(b"ca%d\nb\n0" % n for n in range(100_000)) + b"N",
    "a name without end": b"c" + b"a" * 5_000_000 + b"\nb\n",
    "no value": b"", "nothing but marks": b"(" * 1_000_000, "an empty stack": b"a" * 10,
}  # fmt: skip

CONFIGS: Final[Mapping[str, Any]] = {
    "10 ** 9 layers": {"text": {"layers": 10**9}},
    "10 ** 9 blocks": {"unet": {"num_res_blocks": 10**9}},
    "10 ** 9 levels": {"vae": {"ch_mult": [1] * 10**5}},
    "100 layers without tensors": {"text": {"layers": 100}},
    "no heads": {"text": {"heads": 0}},
    "no heads of the UNet": {"unet": {"num_heads": 0}},
    "a string for a number": {"text": {"layers": "12"}},
    "a list for a part": {"unet": []},
    "null for a part": {"vae": None},
    "a fraction of channels": {"unet": {"model_channels": 1.5}},
    "a negative width": {"text": {"width": -64}},
    "10 ** 12 timesteps": {"schedule": {"num_train_timesteps": 10**12}},
    "an endless picture": {"defaults": {"height": 10**12}},
    "not a number": {"vae": {"scaling_factor": float("nan")}},
    "no levels": {"unet": {"channel_mult": []}},
    "a string of levels": {"unet": {"channel_mult": "1244"}},
    "a switch for a number": {"unet": {"norm_groups": True}},
}
HEADERS: Final[Mapping[str, Any]] = {
    "100,000 dimensions": {"w": entry([1] * 100_000)},
    "a dimension beyond all numbers": {"w": entry([10**400])},
    "offsets beyond all numbers": {"w": entry([4], (0, 10**400))},
    "one place for all": {f"w{n}": entry([4]) for n in range(40_000)},
    "a million tensors": b"{" + b",".join(b'"%d":{}' % n for n in range(900_000)) + b"}",
    "an endless header": b"[" * 9_000_000,
    "empty lists": b"[" + b"[]," * 3_000_000 + b"[]]",
    "a list": [1, 2], "a number": 3, "entries that are numbers": {"w": 3},
    "a shape that is a string": {"w": entry("4")},
    "a dtype that is a list": {"w": entry([4], dtype=[])},
    "offsets that are strings": {"w": entry([4], ("0", "16"))},
    "too many digits": b'{"w":' + b"9" * 100_000 + b"}",
}  # fmt: skip
PATTERNS: Final[Mapping[str, Any]] = {
    "nested repetition": {"(([a-z0-9_.]+)+)+!": 1},
    "choices": {"(a|a|b|.)" * 30 + "!": 1},
    "options": {".?" * 60 + "x" * 60: 1},
    "repetition in a row": {".*.*.*.*.*.*.*.*!": 1},
    "counted": {"(.{1,50}){50}!": 1},
    "a million": {f"a{n}": 1 for n in range(200_000)},
    "no table": [1],
    "no expression": {"(": 1},
    "no number": {".*to_q": "x"},
    "too large": {".*to_q": 10**400},
}
YAMLS: Final[Mapping[str, str]] = {
    "a day that is none": "model: 2023-13-45",
    "an empty int": "model: !!int ''",
    "an empty float": "model: !!float ''",
    "no timestamp": "model: !!timestamp x",
    "no bool": "model: !!bool x",
    "digits": f"model: {'9' * 10_000}",
    "sixties": f"model: {':'.join(['59'] * 1_000)}.5",
    "binary": "model: 0b_", "base64": "model: !!binary '…'",
    "keys of one hash": "".join(f"{n * PRIME}: 0\n" for n in range(1, 40_000)),
    "aliases": "a: &a [0]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(100)),
    "nesting": "[" * 50_000,
    "a set": "model: !!set {? [1] : null}",
    "omap": "model: !!omap 1",
    "a python object": "model: !!python/object/apply:os.system [echo]",
    "merge": "model: {<<: 3}",
}  # fmt: skip


def _yaml(content: str, folder: Path) -> Path:
    return written(folder, "config.yaml", content)


UNUSUAL: Final[Mapping[str, Callable[[Path], Path]]] = {
    "a pipe": pipe,
    "a device": partial(linked, target="/dev/zero"),
    "a link to nothing": partial(linked, target="gone"),
    "a link to itself": partial(linked, target="link.safetensors"),
    "a folder": lambda folder: folder,
}
FILES: Final[Mapping[str, Callable[[Path], Path]]] = {
    **{f"model: {name}": partial(zipped, body=body) for name, body in OPERATIONS.items()},
    **{
        f"model: {name}, of before 2020": partial(legacy, body=OPERATIONS[name])
        for name in ("a nested tuple as a key", "stride 0", "keys of one hash", "a string that is not there")
    },
    "model: a hundred thousand files": partial(listing, files=100_000, name=b"archive/data/%d"),
    "model: two million files without a name": partial(listing, files=2_000_000),
    "model: a list of 4 GB": partial(listing, files=1, announced=0xFFFFFFF0),
    "vectors: a nested tuple as a key": lambda folder: zipped(folder, b"}" + DEEP + b"Ns", "v.pt"),
    "vectors: stride 0": lambda folder: zipped(
        folder, b"}" + text("*") + tensor(tuple_of([500_000, 768]), tuple_of([0, 0])) + b"s", "v.pt"
    ),
    "lora: keys of one hash": lambda folder: zipped(folder, OPERATIONS["keys of one hash"], "l.pt"),
    "model: a packed pickle": lambda folder: zipped(folder, text("a" * 90_000_000), compressed=True),
    "model: a packed pickle within bounds": lambda folder: zipped(
        folder, text("€" * 10_000_000), compressed=True
    ),
    **{f"model: configuration, {name}": partial(metadata, config=c) for name, c in CONFIGS.items()},
    **{f"model: header, {name}": partial(header, content=content) for name, content in HEADERS.items()},
    **{f"lora: pattern, {name}": partial(lora, patterns=patterns) for name, patterns in PATTERNS.items()},
    **{f"config: {name}": partial(_yaml, content) for name, content in YAMLS.items()},
    **{
        f"{kind}: {name}": write
        for kind in ("model", "lora", "vectors", "config")
        for name, write in UNUSUAL.items()
    },
}  # fmt: skip
