"""Files and folders that hold no weights: what they are instead, and what to do about it."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

from sdjp.errors import WeightsError
from sdjp.weights.files.faults import Fault, foreign

Texts = tuple[str, str]  # Japanese, English

PACKED: Final = (
    "圧縮されたファイルです。展開して、中にある重みを指定してください",
    "it is an archive. Unpack it and give the weights inside",
)
PICTURE: Final = (
    "画像です。重みのファイルを指定してください",
    "it is a picture. Give a file of weights",
)
WEB_PAGE: Final = (
    "Web ページ（HTML）です。ログインや規約への同意を求めるページが保存されたようです。"
    "ブラウザーで開いて確かめ、重みのファイルそのものをダウンロードしてください",
    "it is a web page (HTML), probably one that asks you to log in or to accept terms. Open it in a browser, "
    "then download the file of weights itself",
)
POINTER: Final = (
    "Git LFS のポインター（中身の代わりに置かれる短いテキスト）です。"
    "git lfs pull を実行するか、重みのファイルを直接ダウンロードしてください",
    "it is a Git LFS pointer, a short text in place of the contents. "
    "Run git lfs pull, or download the file itself",
)
EMPTY: Final = (
    "空のファイルです。もう一度ダウンロードしてください",
    "the file is empty. Download it again",
)
ZEROS: Final = (
    "先頭がゼロばかりです。ダウンロードが途中で止まったようです。もう一度ダウンロードしてください",
    "it begins with nothing but zeros, as a download that stopped does. Download it again",
)
TEXT: Final = (
    "テキストファイルです。重みのファイル（.safetensors や .ckpt）を指定してください",
    "it is a text file. Give a file of weights (.safetensors, .ckpt)",
)
UNKNOWN: Final = (
    "sdjp が読める形式ではありません。.safetensors か .ckpt、または diffusers のフォルダーを指定してください",
    "it is in no format that sdjp reads. Give a .safetensors or .ckpt file, or a diffusers folder",
)
# First bytes, and what they mean.
SIGNATURES: Final[tuple[tuple[bytes, Texts], ...]] = (
    (b"\x1f\x8b", PACKED),
    (b"7z\xbc\xaf\x27\x1c", PACKED),
    (b"Rar!", PACKED),
    (b"BZh", PACKED),
    (b"\xfd7zXZ", PACKED),
    (b"\x28\xb5\x2f\xfd", PACKED),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF8", PICTURE),
    (
        b"GGUF",
        (
            "GGUF 形式です。sdjp では読めません。元の .safetensors か .ckpt を指定してください",
            "it is a GGUF file, which sdjp does not read. Give the .safetensors or .ckpt it was made from",
        ),
    ),
    (
        b"\x89HDF",
        (
            "HDF5（Keras）形式です。sdjp では読めません。PyTorch 用の重みを指定してください",
            "it is an HDF5 (Keras) file, which sdjp does not read. Give weights for PyTorch",
        ),
    ),
)


def not_weights(head: bytes) -> Fault:
    """Return the fault of a file whose first bytes are ``head``."""
    return foreign(*_texts(head))


def _texts(head: bytes) -> Texts:
    if not head:
        return EMPTY
    for signature, texts in SIGNATURES:
        if head.startswith(signature):
            return texts
    if head[257:262] == b"ustar":
        return PACKED
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return WEB_PAGE
    if text.startswith(b"version https://git-lfs"):
        return POINTER
    if not head.strip(b"\0"):
        return ZEROS
    if b"\0" not in head and _is_text(head):
        return TEXT
    return UNKNOWN


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def no_model(folder: Path) -> WeightsError:
    """Return the error for a folder that holds no model."""
    inside = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir())
    files = [name for name in inside if name.endswith((".safetensors", ".ckpt"))]
    listed = ", ".join(inside[:10]) + (" …" if len(inside) > 10 else "")
    ja, en = f"中身: {listed}" if inside else "空です", f"it holds {listed}" if inside else "it is empty"
    if files:
        ja += f"。フォルダーではなく {folder / files[0]} のように、ファイルを指定してください"
        en += f". Give a file such as {folder / files[0]} instead of the folder"
    return WeightsError(
        "weights.folder",
        ja=f"フォルダー {folder} に、読み込めるモデルがありません（{ja}）。"
        "model_index.json のある diffusers のフォルダーか、重みのファイルを指定してください。",
        en=f"there is no model in the folder {folder} ({en}). "
        "Give a diffusers folder, which has a model_index.json, or a file of weights.",
    )
