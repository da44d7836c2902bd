"""Write weights in another layout: one safetensors file with the original names, or a diffusers folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from sdjp.config import ModelConfig, to_json
from sdjp.device import resolve_dtype
from sdjp.errors import InputError, OutputError, reason
from sdjp.models import VAE, TextEncoder, UNet
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights.added_tokens import ADDED
from sdjp.weights.checkpoint import Checkpoint, Ema, open_checkpoint
from sdjp.weights.configs import diffusers, diffusers_text
from sdjp.weights.files.writer import Unwritten, replacing, write_safetensors
from sdjp.weights.match import Match, match
from sdjp.weights.names.keymap import compile_map, to_theirs
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import Networks, shapes_of
from sdjp.weights.source import SUFFIXES, Source, locate
from sdjp.weights.vocabulary import FOLDER, SETTINGS, Vocabulary

LayoutName = Literal["ldm", "diffusers"]
WEIGHTS: Final = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}


@dataclass(frozen=True, kw_only=True)
class ConvertReport:
    """A report of a conversion.

    Attributes:
        source: The name or path that was asked for.
        target: The file or folder written.
        layout: The layout written, ``"ldm"`` or ``"diffusers"``.
        dtype: The dtype of all tensors; None if each kept its own.
        ema_used: Whether the averaged weights were taken.
        ignored: Names in the source that were left out.
    """

    source: str
    target: Path
    layout: LayoutName
    dtype: torch.dtype | None
    ema_used: bool
    ignored: tuple[str, ...]


def convert(
    source: str | Path | Source,
    target: str | Path,
    *,
    dtype: torch.dtype | str | None = None,
    ema: Ema = "auto",
    layout: LayoutName | None = None,
    overwrite: bool = False,
) -> ConvertReport:
    """Convert weights. The target appears when it is complete, or not at all.

    Args:
        source: Anything that :func:`sdjp.weights.load` takes.
        target: A path that ends in ``.safetensors``, for the original names; or a folder, for diffusers.
        dtype: Dtype of all weights; None keeps those of the source.
        ema: Which weights of a full checkpoint: the averaged ones where there are any, or always, or never.
        layout: ``"ldm"`` or ``"diffusers"``, to have it checked against ``target``; None to go by the target.
        overwrite: Replace a file or a diffusers folder that is there.

    Raises:
        InputError: If an argument is not usable, or the target exists and ``overwrite`` is False.
        WeightsError: If the source cannot be used.
        OutputError: If the target cannot be written.
    """
    target = Path(os.path.expanduser(target))
    chosen_layout = _choose_layout(target, layout)
    chosen_dtype = None if dtype is None else resolve_dtype(dtype, torch.device("cpu"))
    _check_target(target, chosen_layout, overwrite)
    path = locate(source).path
    if target.exists() and path.resolve() == target.resolve():
        raise InputError(
            "convert.same",
            ja=f"変換元と書き出し先が同じです（{target}）。別の書き出し先を指定してください。",
            en=f"source and target are the same ({target}). Choose another target.",
        )
    opened = open_checkpoint(path, ema=ema)
    _check_text(opened, chosen_layout)
    matching = match(opened, ema=ema)
    merges = opened.vocabulary.merges
    merges_target = target.with_suffix(".merges.txt")
    if chosen_layout == "ldm" and merges is not None:
        _check_target(merges_target, "ldm", overwrite)
    tokens = opened.vocabulary.tokens(opened.vocabulary.tokenizer(opened.config.text), opened.config.text)
    tokens_target = target.with_suffix(f".{ADDED}")
    if chosen_layout == "ldm" and tokens:
        _check_target(tokens_target, "ldm", overwrite)
    try:
        with replacing(target) as new:
            if chosen_layout == "diffusers":
                _write_diffusers(new, matching, chosen_dtype)
            else:
                _write_ldm(new, matching, chosen_dtype)
                if merges is not None:
                    with replacing(merges_target) as new_merges:
                        shutil.copyfile(merges, new_merges)
                if tokens:
                    with replacing(tokens_target) as new_tokens:
                        _write_json(new_tokens, tokens)
    except OSError as error:
        raise OutputError(
            "convert.unwritable",
            ja=f"{target} に書き出せません（{reason(error)[0]}）。空き容量とアクセス権を確かめてください。",
            en=f"cannot write {target} ({reason(error)[1]}). Check free space and permissions.",
        ) from error
    return ConvertReport(
        source=str(source),
        target=target,
        layout=chosen_layout,
        dtype=chosen_dtype,
        ema_used=matching.ema_used,
        ignored=matching.ignored,
    )


def to_layout(
    layout: LayoutName, config: ModelConfig, *, unet: UNet, vae: VAE, text: TextEncoder
) -> dict[str, Tensor]:
    """Return the tensors of three networks under the names of ``layout``."""
    networks = Networks(unet, vae, text)
    tensors = {
        f"{part}.{name}": tensor
        for part, network in networks._asdict().items()
        for name, tensor in network.state_dict().items()
    }
    return to_theirs(compile_map(MAPS[layout].rows(config), shapes_of(networks)), tensors)


def _choose_layout(target: Path, layout: LayoutName | None) -> LayoutName:
    if not str(target).strip(" ."):
        raise InputError(
            "convert.target",
            ja="書き出し先の名前を指定してください（空か「.」になっています）。",
            en="give a name to write to; it is empty or a dot.",
        )
    if target.suffix in SUFFIXES and target.suffix != ".safetensors":
        raise InputError(
            "convert.pickle",
            ja=f"{target.suffix} 形式では書き出せません（中にプログラムを隠せる形式のためです）。"
            "名前が .safetensors で終わるファイルか、フォルダーを指定してください。",
            en=f"sdjp does not write {target.suffix} files, in which programs can hide. "
            "Give a name that ends in .safetensors, or a folder.",
        )
    natural: LayoutName = "ldm" if target.suffix == ".safetensors" else "diffusers"
    if layout not in (None, natural):
        raise InputError(
            "convert.layout",
            ja=f"layout={layout!r} と書き出し先 {target} が合いません。"
            "'ldm' なら .safetensors で終わるファイル、'diffusers' ならフォルダーを指定してください。",
            en=f"layout={layout!r} does not go with the target {target}. "
            "Give a file that ends in .safetensors for 'ldm', a folder for 'diffusers'.",
        )
    return natural


def _check_text(opened: Checkpoint, layout: LayoutName) -> None:
    """Refuse a text encoder that the other programs of a layout do not know, or have no place for."""
    kind, vocabulary = opened.config.text.kind, opened.vocabulary.kind
    if kind in MAPS[layout].texts and (layout == "diffusers" or vocabulary == "clip" or kind == "bert"):
        return
    if layout == "ldm":
        raise InputError(
            "convert.text",
            ja=f"{opened.path} のテキストエンコーダー（語彙は {vocabulary}）は、"
            "元の形式（.safetensors のファイル 1 個）では表せません。"
            "そのままお使いになるか、書き出し先にフォルダー（diffusers の形式）を指定してください。",
            en=f"the text encoder of {opened.path} (vocabulary: {vocabulary}) has no place in a single file "
            "with the original names. Use the weights as they are, or give a folder to write to (diffusers).",
        )
    raise InputError(
        "convert.text",
        ja=f"{opened.path} のテキストエンコーダー（{kind}）を読める Stable Diffusion のパイプラインは、"
        "diffusers にありません。書き出し先に .safetensors で終わる名前を指定してください。",
        en=f"no Stable Diffusion pipeline of diffusers has the text encoder of {opened.path} ({kind}). "
        "Give a name that ends in .safetensors to write to.",
    )


def _check_target(target: Path, layout: LayoutName, overwrite: bool) -> None:
    """Refuse early what cannot be written, and never replace anything that is no model."""
    if not target.parent.is_dir():
        raise OutputError(
            "convert.folder",
            ja=f"書き出し先のフォルダー {target.parent} がありません。先に作ってください。",
            en=f"there is no folder {target.parent} to write to. Make it first.",
        )
    if not target.exists() or (layout == "diffusers" and target.is_dir() and not any(target.iterdir())):
        return
    if layout == "ldm" and target.is_dir():
        ja, en = "フォルダーです", "is a folder"
    elif layout == "diffusers" and not (target / "model_index.json").is_file():
        ja, en = "diffusers のフォルダーではありません", "is no diffusers folder"
    elif overwrite:
        return
    else:
        raise InputError(
            "convert.exists",
            ja=f"{target} はすでにあります。"
            "別の名前にするか、overwrite=True（--overwrite）を指定してください。",
            en=f"{target} exists already. Choose another name, or set overwrite=True (--overwrite).",
        )
    raise InputError(
        "convert.occupied",
        ja=f"{target} は{ja}。上書きせずに中止しました。別の名前を指定してください。",
        en=f"{target} {en}, and was not replaced. Choose another name.",
    )


def _unwritten(layout: LayoutName, matching: Match, dtype: torch.dtype | None) -> Iterator[Unwritten]:
    rows = MAPS[layout].rows(matching.checkpoint.config)
    for ours, name in compile_map(rows, matching.shapes).items():
        its_dtype = matching.tensors[ours].entry.dtype if dtype is None else dtype
        yield Unwritten(name.theirs, its_dtype, name.their_shape, partial(matching.read, ours))


def _write_ldm(path: Path, matching: Match, dtype: torch.dtype | None) -> None:
    metadata = {"format": "pt", "sdjp.config": json.dumps(to_json(matching.checkpoint.config))}
    write_safetensors(path, _unwritten("ldm", matching, dtype), metadata)


def _write_diffusers(folder: Path, matching: Match, dtype: torch.dtype | None) -> None:
    """Write a folder that ``diffusers.StableDiffusionPipeline.from_pretrained`` loads."""
    config, vocabulary = matching.checkpoint.config, matching.checkpoint.vocabulary
    for part, settings in diffusers.to_files(config).items():
        _write_json(folder / diffusers.FILES[part], settings)
    tensors = list(_unwritten("diffusers", matching, dtype))
    for component, name in WEIGHTS.items():
        prefix = f"{component}/"
        mine = [t._replace(name=t.name.removeprefix(prefix)) for t in tensors if t.name.startswith(prefix)]
        write_safetensors(folder / name, mine, {"format": "pt"})
    _write_tokenizer(folder / FOLDER, vocabulary, config)
    _write_json(folder / "sdjp.json", to_json(config))  # what diffusers has no place for
    index = {**diffusers.MODEL_INDEX, **diffusers_text.CLASSES[vocabulary.kind]}
    _write_json(folder / "model_index.json", dict(sorted(index.items())))


def _write_tokenizer(folder: Path, vocabulary: Vocabulary, config: ModelConfig) -> None:
    tokenizer = vocabulary.tokenizer(config.text)
    if isinstance(tokenizer, ClipTokenizer):
        tokenizer.to_transformers_files(folder, added=vocabulary.tokens(tokenizer, config.text))
        return
    assert vocabulary.path is not None  # of BERT there is no folder
    folder.mkdir()
    for name in (vocabulary.path.name, *SETTINGS):
        if (vocabulary.path.parent / name).is_file():
            shutil.copyfile(vocabulary.path.parent / name, folder / name)


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
