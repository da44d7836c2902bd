"""Files of tensors: what their libraries write is read bit for bit, everything else is refused."""

from __future__ import annotations

import json
import struct
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from sdjp.errors import WeightsError
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool]


def samples() -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(0)
    tensors = {
        f"{dtype}".removeprefix("torch."): (torch.randn(3, 5, generator=g) * 9).to(dtype) for dtype in DTYPES
    }
    return {
        **tensors,
        "名前 with spaces": torch.arange(4.0),
        "scalar": torch.tensor(2.5),
        "none": torch.zeros(0, 3),
    }


def save(path: Path, tensors: dict[str, Tensor], kind: str) -> Path:
    if kind == "safetensors":
        save_file(tensors, path, metadata={"sdjp.config": "{}"})
    else:
        torch.save({"state_dict": tensors}, path, _use_new_zipfile_serialization=kind == "zip")
    return path


def assert_same(file: TensorFile, tensors: dict[str, Tensor]) -> None:
    assert file.entries.keys() == tensors.keys()
    for name, tensor in tensors.items():
        read = file.read(name)
        assert read.dtype == tensor.dtype == file.entries[name].dtype
        assert read.shape == tensor.shape == file.entries[name].shape
        assert torch.equal(read, tensor)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_every_dtype_comes_back_bit_for_bit(folder: Path, kind: str) -> None:
    assert_same(open_file(save(folder / "重み", samples(), kind)), samples())


def test_the_metadata_of_safetensors(folder: Path) -> None:
    assert open_file(save(folder / "a", samples(), "safetensors")).metadata == {"sdjp.config": "{}"}


def test_metadata_that_is_null(folder: Path) -> None:
    header = json.dumps({"__metadata__": None, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    (folder / "a").write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
    assert list(open_file(folder / "a").entries) == ["x"]


def test_a_type_of_tensors_that_is_not_known_is_named(folder: Path) -> None:
    header = json.dumps({"x": {"dtype": "F8_E8M0", "shape": [4], "data_offsets": [0, 4]}})
    (folder / "a").write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
    with pytest.raises(WeightsError, match="F8_E8M0") as caught:
        open_file(folder / "a")
    assert caught.value.code == "weights.foreign"


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_views_transposed_shared_and_parameters(folder: Path, kind: str) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "whole": base,
        "part": base[1:3, 2:4],
        "transposed": base.T,
        "expanded": torch.ones(1).expand(3),
        "parameter": torch.nn.Parameter(base.clone()),
    }
    file = open_file(save(folder / "a.ckpt", tensors, kind))
    assert_same(file, {name: tensor.detach() for name, tensor in tensors.items()})


def test_weights_without_a_state_dict_around_them(folder: Path) -> None:
    torch.save(samples(), folder / "pytorch_model.bin")
    assert_same(open_file(folder / "pytorch_model.bin"), samples())


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_reading_copies_nothing_and_never_writes_to_the_file(folder: Path, kind: str) -> None:
    # Where a legacy file has its numbers depends on what stands before them: one of four is at a whole place.
    shared = []
    for name in ("x", "xx", "xxx", "xxxx"):
        path = save(folder / name, {name: torch.zeros(1000), "y": torch.ones(1000)}, kind)
        before = path.read_bytes()
        file = open_file(path)
        x, again = file.read(name), file.read(name)
        shared.append(x.data_ptr() == again.data_ptr())
        x.fill_(7)
        assert path.read_bytes() == before
    assert any(shared) if kind == "legacy" else all(shared)


def test_tensors_at_odd_places(folder: Path) -> None:
    header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]}}).encode()
    data = b"\0" + struct.pack("<2f", 1.5, -2.0)
    path = folder / "a.safetensors"
    for padding in range(4):
        text = header + b" " * padding
        path.write_bytes(len(text).to_bytes(8, "little") + text + data)
        assert open_file(path).read("x").tolist() == [1.5, -2.0]


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.9, 0.999])
def test_a_file_cut_short(folder: Path, kind: str, keep: float) -> None:
    path = save(folder / "a", samples() | {"large": torch.randn(5000)}, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(WeightsError) as caught:
        open_file(path)
    assert caught.value.code == "weights.damaged"
    assert "ダウンロード" in caught.value.ja


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, 8),  # shape and bytes disagree
        ({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}, 8),
        ({"x": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}}, 8),
        ({"x": {"dtype": "F32", "shape": [2]}}, 8),
        ({"x": [1, 2]}, 8),
        ({"__metadata__": 3}, 8),
        ({"x": {"dtype": "F32", "shape": [10**30], "data_offsets": [0, 4 * 10**30]}}, 8),
        ([1], 8),
    ],
)
def test_a_wrong_header(folder: Path, header: object, data: int) -> None:
    text = json.dumps(header).encode()
    text = text if text.startswith(b"{") else b"{" + text
    path = folder / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * data)
    with pytest.raises(WeightsError) as caught:
        open_file(path)
    assert caught.value.code == "weights.damaged"


def test_a_header_nested_without_end(folder: Path) -> None:
    text = b'{"x":' + b"[" * 200_000
    (folder / "a").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(WeightsError):
        open_file(folder / "a")


def test_missing_and_unreadable_files(folder: Path) -> None:
    for path in (folder / "none.safetensors", folder):
        with pytest.raises(WeightsError) as caught:
            open_file(path)
        assert caught.value.code == "weights.unreadable"


def rewritten(source: Path, target: Path, **replaced: bytes) -> Path:
    """The same archive with some members replaced, those of ``data`` compressed if asked for."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            name = info.filename.split("/", 1)[1]
            new.writestr(info.filename, replaced.get(name.replace(".", "_"), old.read(info)))
    return target


def test_archives_packed_again_by_other_programs(folder: Path) -> None:
    source = save(folder / "a.ckpt", samples(), "zip")
    assert_same(open_file(rewritten(source, folder / "b.ckpt")), samples())
    with pytest.raises(WeightsError) as caught:
        open_file(rewritten(source, folder / "c.ckpt", byteorder=b"big"))
    assert "ビッグエンディアン" in caught.value.ja


def test_a_tensor_that_reaches_beyond_its_storage(folder: Path) -> None:
    path = save(folder / "a.ckpt", {"x": torch.zeros(77)}, "zip")
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
        pickled = archive.read(name)
    longer = pickled.replace(b"KM\x85", b"KN\x85")  # 77 elements become 78
    assert longer != pickled
    with pytest.raises(WeightsError) as caught:
        open_file(rewritten(path, folder / "b.ckpt", data_pkl=longer))
    assert caught.value.code == "weights.damaged"


@cache
def sound(kind: str) -> bytes:
    """A small file of this kind, written once: the storages of the old format are named by their addresses,
    and so the next file may have another length.
    """
    with tempfile.TemporaryDirectory() as folder:
        tensors = {"x": torch.arange(6.0).reshape(2, 3), "y": torch.ones(2).half()}
        return save(Path(folder) / "a", tensors, kind).read_bytes()


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_changed_is_read_or_refused(folder: Path, kind: str, data: st.DataObject) -> None:
    path = folder / "a"
    content = bytearray(sound(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        file = open_file(path)
    except WeightsError:
        return
    for name, entry in file.entries.items():
        assert file.read(name).shape == entry.shape


def test_storages_that_are_compressed_or_gone(folder: Path) -> None:
    path = save(folder / "a.ckpt", {"x": torch.zeros(77)}, "zip")
    for left_out, compressed in ((True, False), (False, True)):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(folder / "b.ckpt", "w") as new:
            for info in old.infolist():
                storage = "/data/" in info.filename
                if not (storage and left_out):
                    method = zipfile.ZIP_DEFLATED if storage and compressed else zipfile.ZIP_STORED
                    new.writestr(info.filename, old.read(info), method)
        with pytest.raises(WeightsError) as caught:
            open_file(folder / "b.ckpt")
        assert caught.value.code == "weights.damaged"
        assert "x の中身がありません" in caught.value.ja
