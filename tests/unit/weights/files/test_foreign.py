"""Files and folders that hold no weights: the error says what they look like and what to do."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.errors import WeightsError
from sdjp.weights import load
from sdjp.weights.files.readers import open_file


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return buffer.getvalue()


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def program() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), buffer)
    return buffer.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 4265380512\n"
FILES = {
    "empty": (b"", "空のファイル", "empty"),
    "page": (b"\n<!DOCTYPE html><html><title>Log in</title>", "HTML", "web page"),
    "page, with a mark": (b"\xef\xbb\xbf<html>", "HTML", "web page"),
    "pointer": (POINTER, "git lfs pull", "git lfs pull"),
    "zip": (zipped(model_index=b"{}"), "model_index", "model_index"),
    "gzip": (gzip.compress(b"x" * 99), "展開", "archive"),
    "tar": (tarred(), "展開", "archive"),
    "picture": (picture(), "画像", "picture"),
    "text": ("重みのつもりのメモ\n".encode() * 99, "テキスト", "text file"),
    "json": (b"[]", "テキスト", "text file"),
    "zeros": (b"\0" * 4096, "ゼロ", "zeros"),
    "gguf": (b"GGUF\3\0\0\0" + b"\1" * 99, "GGUF", "GGUF"),
    "keras": (b"\x89HDF\r\n\x1a\n\0\0", "Keras", "Keras"),
    "numpy": (b"\x93NUMPY\1\0" + np.random.default_rng(0).bytes(600), "形式", "no format"),
    "pickle": (b"\x80\x04]\x94.", "pickle", "pickle"),
    "program": (
        zipped(**{"m/data.pkl": b"", "m/constants.pkl": b"", "m/code/x.py": b""}),
        "TorchScript",
        "TorchScript",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_looks_like(folder: Path, name: str) -> None:
    content, ja, en = FILES[name]
    path = folder / "モデル.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        open_file(path)
    assert caught.value.code == "weights.foreign"
    assert ja in caught.value.ja
    assert en in caught.value.en
    assert str(path) in caught.value.ja


def test_an_empty_folder(folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load(folder)
    assert caught.value.code == "weights.folder"
    assert "空です" in caught.value.ja


def test_a_folder_with_a_checkpoint_inside_names_it(folder: Path) -> None:
    (folder / "sd-v1-4.ckpt").write_bytes(b"")
    with pytest.raises(WeightsError) as caught:
        load(folder)
    assert caught.value.code == "weights.folder"
    assert str(folder / "sd-v1-4.ckpt") in caught.value.ja
    assert "model_index.json" in caught.value.ja


def test_text_in_another_encoding_looks_like_nothing(folder: Path) -> None:
    path = folder / "a.ckpt"
    path.write_bytes("重みではありません。".encode("cp932") * 100)
    with pytest.raises(WeightsError) as caught:
        open_file(path)
    assert caught.value.code == "weights.foreign"
