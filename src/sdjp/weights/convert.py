"""Write weights in another layout: one safetensors file with the original names, or a diffusers folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from sdjp.config import ModelConfig, to_json
from sdjp.errors import InputError, OutputError
from sdjp.text.tokenizer import ClipTokenizer
from sdjp.weights.infer import to_diffusers
from sdjp.weights.keymap import compile_map, to_theirs
from sdjp.weights.load import Loaded, LoadReport, load
from sdjp.weights.maps import MAPS

DTYPES: Final = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FILES: Final = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}


def convert(
    source: str | Path,
    target: str | Path,
    *,
    dtype: torch.dtype | str | None = None,
    ema: bool | Literal["auto"] = "auto",
    overwrite: bool = False,
) -> LoadReport:
    """Convert weights; the target is whole or not there at all.

    Args:
        source: Anything that :func:`sdjp.weights.load` reads.
        target: A path that ends in ``.safetensors`` gets the original names; any other becomes a diffusers folder.
        dtype: Convert to this; None leaves every tensor as it is.
        ema: Which weights of a full checkpoint to take.
        overwrite: Replace what is there.

    Returns:
        How the source was read.

    Raises:
        InputError: If the target exists and ``overwrite`` is not set, or the dtype is unknown.
        WeightsError: If the source cannot be read.
        OutputError: If the target cannot be written.
    """
    target = Path(target).expanduser()
    if isinstance(dtype, str):
        if dtype not in DTYPES:
            raise InputError(
                "dtype.unknown",
                ja=f"dtype {dtype!r} は使えません。使えるもの: {', '.join(DTYPES)}",
                en=f"dtype {dtype!r} is not known. Allowed: {', '.join(DTYPES)}",
            )
        dtype = DTYPES[dtype]
    if target.exists() and not overwrite:
        raise InputError(
            "convert.exists",
            ja=f"{target} はすでにあります。別の名前にするか、overwrite（--overwrite）を指定してください。",
            en=f"{target} exists already. Choose another name, or set overwrite (--overwrite).",
        )
    if not target.parent.is_dir():
        raise OutputError(
            "convert.folder",
            ja=f"書き出し先のフォルダー {target.parent} がありません。先に作ってください。",
            en=f"there is no folder {target.parent} to write to. Make it first.",
        )
    loaded = load(source, dtype=dtype, ema=ema)
    try:
        if target.suffix == ".safetensors":
            save_checkpoint(loaded, target)
        else:
            save_diffusers(loaded, target)
    except OSError as error:
        raise OutputError(
            "convert.unwritable",
            ja=f"{target} に書き出せません（{error.strerror or error}）。空き容量と権限を確かめてください。",
            en=f"cannot write {target} ({error.strerror or error}). Check free space and permissions.",
        ) from error
    return loaded.report


def to_layout(
    layout: str, config: ModelConfig, *, unet: nn.Module, vae: nn.Module, text: nn.Module
) -> dict[str, Tensor]:
    """Return the tensors of three networks under the names of ``layout``."""
    parts = {"unet": unet, "vae": vae, "text": text}
    ours = {f"{part}.{key}": tensor for part, module in parts.items() for key, tensor in module.state_dict().items()}
    return to_theirs(compile_map(MAPS[layout], config), ours)


def save_checkpoint(loaded: Loaded, path: Path) -> None:
    """Write one safetensors file with the original names; our own configuration goes into its metadata."""
    from safetensors.torch import save_file

    named = to_layout("ldm", loaded.config, unet=loaded.unet, vae=loaded.vae, text=loaded.text)
    metadata = {"format": "pt", "sdjp.config": json.dumps(to_json(loaded.config))}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".sdjp-") as folder:
        part = Path(folder) / "part.safetensors"
        save_file({k: v.contiguous() for k, v in named.items()}, part, metadata=metadata)
        part.replace(path)
        if loaded.merges is not None:
            shutil.copyfile(loaded.merges, path.with_suffix(".merges.txt"))


def save_diffusers(loaded: Loaded, folder: Path) -> None:
    """Write a folder that ``diffusers.StableDiffusionPipeline.from_pretrained`` loads."""
    from safetensors.torch import save_file

    named = to_layout("diffusers", loaded.config, unet=loaded.unet, vae=loaded.vae, text=loaded.text)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".sdjp-") as temporary:
        part = Path(temporary) / "part"
        for component, config in to_diffusers(loaded.config).items():
            name = "scheduler_config.json" if component == "scheduler" else "config.json"
            _write_json(part / component / name, config)
            if component in FILES:
                prefix = f"{component}:"
                mine = {k[len(prefix) :]: v.contiguous() for k, v in named.items() if k.startswith(prefix)}
                save_file(mine, part / component / f"{FILES[component]}.safetensors", metadata={"format": "pt"})
        tokenizer = (
            ClipTokenizer.from_assets() if loaded.merges is None else ClipTokenizer.from_merges_file(loaded.merges)
        )
        tokenizer.to_transformers_files(part / "tokenizer")
        _write_json(part / "model_index.json", _index())
        _write_json(part / "sdjp.json", to_json(loaded.config))
        if folder.exists():
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
        part.replace(folder)


def _index() -> dict[str, Any]:
    return {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
