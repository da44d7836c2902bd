"""What previews are made with, on disk: a linear map, or the decoder of TAESD.

A map is one file, ``preview.safetensors``, with ``weight`` and ``bias`` of a
:class:`sdjp.models.preview.PreviewMap`. A model may bring one along in its folder; the embedded one does.
TAESD is read as its makers publish it (``taesd_decoder.safetensors``, ``.pth``), and from a folder of
diffusers' ``AutoencoderTiny``.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch

from sdjp.errors import InputError, OutputError, reason
from sdjp.models.preview import PreviewMap
from sdjp.models.taesd import TAESDDecoder
from sdjp.weights.files.faults import Invalid, unloadable
from sdjp.weights.files.json_file import read_object
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.files.writer import Unwritten, replacing, write_safetensors
from sdjp.weights.names.compare import compare
from sdjp.weights.networks import Unfilled
from sdjp.weights.source import Source, from_hub, is_hub_id, locate, weight_file

FILE: Final = "preview.safetensors"
"""The map of a model, in its folder."""
TAESD: Final = ("taesd_decoder.safetensors", "taesd_decoder.pth")
"""TAESD as its makers publish it."""
MAX_PATCH: Final = 64
"""Pixels of a cell on a side; no autoencoder has more."""
_SETTINGS: Final[dict[str, Any]] = {
    "act_fn": "relu",
    "upsample_fn": "nearest",
    "upsampling_scaling_factor": 2,
    "scaling_factor": 1.0,
    "shift_factor": 0.0,
}
"""Settings of diffusers' ``AutoencoderTiny`` that this decoder is made for."""
_THEIRS: Final = re.compile(r"decoder\.layers\.(\d+)\.(.+)")
_PUBLISHED: Final = re.compile(r"(?:decoder\.)?(\d+)\.(.+)")

PreviewPart = PreviewMap | TAESDDecoder
"""Latents, as the UNet knows them, (B, C, h, w) to pixels (B, 3, H, W)."""


def own_map(model: Source) -> PreviewMap | None:
    """The map that a model brings along in its folder.

    Raises:
        WeightsError: If it cannot be read.
    """
    path = model.path / FILE
    return _map(open_file(path)) if path.is_file() else None


def load_preview(
    source: str | Path, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> PreviewPart:
    """Load what was asked for by name.

    Args:
        source: A file of TAESD's decoder or of a map; a folder with one, or one of diffusers'
            ``AutoencoderTiny``; or a hub id such as ``"madebyollin/taesd"``.
        dtype: Of the weights of TAESD.
        device: Where to put them.

    Raises:
        InputError: If it is no path.
        WeightsError: If it is missing, damaged, unsafe, or something else.
        MissingDependencyError: If a hub id is given and huggingface_hub is not installed.
    """
    if not isinstance(source, str | Path):
        raise InputError(
            "preview.type",
            ja="preview は、ファイルやフォルダーのパスか 'fit' で指定してください"
            f"（{type(source).__name__} が渡されました）。",
            en=f"preview must be the path of a file or folder, or 'fit', not {type(source).__name__}.",
        )
    path = (from_hub(str(source), hub_files) if is_hub_id(source) else locate(source)).path
    if path.is_dir():
        _check_settings(path / "config.json")
        chosen = _inside(os.listdir(path))
        if chosen is None:
            raise _refused(path, "フォルダーに TAESD がありません", "there is no TAESD in the folder")
        path = path / chosen
    file = open_file(path)
    if set(file.entries) == {"weight", "bias"}:
        return _map(file)
    return _taesd(file, dtype, torch.device(device))


def check_channels(preview: PreviewPart, channels: int) -> None:
    """Refuse what was made for the latents of another model.

    Raises:
        InputError: If it was.
    """
    if preview.channels != channels:
        raise InputError(
            "preview.channels",
            ja=f"preview に指定されたファイルは、潜在変数が {preview.channels} チャンネルのモデル用です"
            f"（このモデルは {channels} チャンネルです）。preview を外すか、'fit' を指定してください。",
            en=f"what preview names is for models whose latents have {preview.channels} channels; those of "
            f"this model have {channels}. Leave preview out, or give 'fit'.",
        )


def save_preview(preview: PreviewMap, path: str | Path) -> None:
    """Write a map, float16, to be given as ``Pipeline.from_pretrained(preview=path)``.

    Args:
        preview: The map.
        path: The file; one that is there is replaced. In the folder of a model, ``preview.safetensors`` is
            found by itself.

    Raises:
        OutputError: If it cannot be written.
    """
    weight, bias = preview.weight, preview.bias
    rows = [
        Unwritten("weight", torch.float16, tuple(weight.shape), lambda: weight),
        Unwritten("bias", torch.float16, tuple(bias.shape), lambda: bias),
    ]
    try:
        with replacing(Path(path)) as new:
            write_safetensors(new, rows, {"format": "pt"})
    except OSError as error:
        raise OutputError(
            "preview.unwritable",
            ja=f"{path} に書き出せません（{reason(error)[0]}）。空き容量とアクセス権を確かめてください。",
            en=f"cannot write {path} ({reason(error)[1]}). Check free space and permissions.",
        ) from error


def hub_files(names: Iterable[str]) -> list[str]:
    """Choose the files of TAESD in a repository."""
    there = {name for name in names if "/" not in name}
    chosen = _inside(there)
    return [] if chosen is None else sorted({chosen, "config.json"} & there)


def _inside(names: Iterable[str]) -> str | None:
    there = set(names)
    return next((name for name in (FILE, *TAESD) if name in there), None) or weight_file(there)


def _check_settings(config: Path) -> None:
    """Refuse an ``AutoencoderTiny`` that computes otherwise."""
    try:
        data = read_object(config) if config.is_file() else {}
    except Invalid as error:
        raise _refused(config, f"設定を読めません: {error.ja}", f"it cannot be read: {error.en}") from error
    for name, expected in _SETTINGS.items():
        if data.get(name, expected) != expected:
            raise _refused(
                config,
                f"{name} が {data[name]!r} です（{expected!r} のものだけを読めます）",
                f"{name} is {data[name]!r}, and only {expected!r} can be read",
            )


def _map(file: TensorFile) -> PreviewMap:
    weight, bias = (
        file.read(name, dtype=torch.float32, device=torch.device("cpu"))
        if name in file.entries
        else torch.zeros(0)
        for name in ("weight", "bias")
    )
    shapes = {name: entry.shape for name, entry in file.entries.items()}
    k = weight.shape[-1]
    patch = next((p for p in range(1, MAX_PATCH + 1) if 3 * p * p == weight.shape[0]), None)
    square = weight.ndim == 4 and weight.shape[2:] == (k, k) and k % 2 == 1 and weight.shape[1] > 0
    if patch is None or not square or bias.shape != weight.shape[:1]:
        raise _refused(
            file.path, f"テンソルの形が違います: {shapes}", f"its tensors have other shapes: {shapes}"
        )
    if not bool(torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise _refused(file.path, "NaN か無限大が含まれています", "there is NaN or infinity in it")
    return PreviewMap(weight=weight.clone(), bias=bias.clone())


def _taesd(file: TensorFile, dtype: torch.dtype, device: torch.device) -> TAESDDecoder:
    names = {ours: name for name in file.entries if (ours := _ours(name)) is not None}
    shapes = {ours: file.entries[name].shape for ours, name in names.items()}
    first = shapes.get("layers.1.weight", ())
    if len(first) != 4:
        raise _refused(
            file.path, "デコーダーの最初の層がありません", "it lacks the first layer of the decoder"
        )
    width, channels = first[:2]
    with torch.device("meta"), Unfilled():
        decoder = TAESDDecoder(channels=channels, width=width)
    own = {name: tuple(tensor.shape) for name, tensor in decoder.state_dict().items()}
    unknown = [name for name in file.entries if _ours(name) not in own and not name.startswith("encoder.")]
    problems = compare(shapes, own, unknown=unknown)
    if problems is not None:
        ja, en = problems
        raise _refused(file.path, f"\n{ja}\n", f"\n{en}\n")
    tensors = {ours: file.read(names[ours], dtype=dtype, device=device) for ours in own}
    decoder.load_state_dict(tensors, assign=True)
    return decoder.eval().requires_grad_(False)


def _ours(name: str) -> str | None:
    """The name of a tensor here; diffusers does not count the clamp of the latents as a layer."""
    theirs = _THEIRS.fullmatch(name)
    if theirs is not None:
        return f"layers.{int(theirs[1]) + 1}.{theirs[2]}"
    published = _PUBLISHED.fullmatch(name)
    return None if published is None else f"layers.{published[1]}.{published[2]}"


_refused: Final = functools.partial(
    unloadable,
    code="preview.weights",
    part=("プレビューのデコーダー", "a decoder of previews"),
    advice=(
        "TAESD の taesd_decoder.safetensors か、"
        "diffusers の AutoencoderTiny のフォルダーを指定してください。",
        "Give TAESD's taesd_decoder.safetensors, or a folder of diffusers' AutoencoderTiny.",
    ),
)
