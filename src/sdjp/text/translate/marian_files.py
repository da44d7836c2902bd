"""The files of a Marian model: whether they are there, and loading them."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.errors import InputError, MissingDependencyError, WeightsError

if TYPE_CHECKING:
    import torch

_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
_FILES: Final = (
    ("config.json",),
    ("source.spm",),
    ("target.spm",),
    ("vocab.json",),
    (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ),
)


def check_model(model: str | os.PathLike[str]) -> bool:
    """Whether ``model`` is a folder (True) or a hub id (False); refuse anything else before any work."""
    folder = Path(model)
    if not os.fspath(model) or not folder.is_dir():
        if isinstance(model, str) and _HUB_ID.fullmatch(model) and not model.startswith("."):
            return False
        raise InputError(
            "marian.model",
            ja=f"翻訳モデル {model} が見つかりません。Marian モデルのフォルダーか、"
            "ハブのID（例: staka/fugumt-ja-en）を指定してください。",
            en=f"there is no translation model {model}. Give the folder of a Marian model or a hub id "
            "(for example staka/fugumt-ja-en).",
        )
    missing = [" / ".join(names) for names in _FILES if not any((folder / name).is_file() for name in names)]
    if missing:
        raise WeightsError(
            "marian.files",
            ja=f"{folder} は Marian モデルのフォルダーではありません。足りないファイル: {'、'.join(missing)}",
            en=f"{folder} is not the folder of a Marian model. Missing files: {', '.join(missing)}",
        )
    return True


def load_model(
    model: str, local: bool, device: str | torch.device, dtype: str, *, plain: bool = False
) -> tuple[Any, Any]:
    """Load the network and its tokenizer.

    Args:
        model: What :func:`check_model` found good.
        local: Whether it is a folder: the network is never asked then.
        device: Where it will run.
        dtype: Name of a torch dtype.
        plain: Run it by sdjp's own code in place of transformers.

    Raises:
        WeightsError: If a file cannot be read.
        MissingDependencyError: If transformers or sentencepiece is not installed.
    """
    try:
        import torch

        if plain:
            from sdjp.text.translate.marian_plain import load_plain

            return load_plain(Path(model), device=device, dtype=getattr(torch, dtype))
        from transformers import MarianMTModel, MarianTokenizer

        with warnings.catch_warnings():  # about sacremoses: the texts are normalized already
            warnings.simplefilter("ignore")
            tokenizer = MarianTokenizer.from_pretrained(model, local_files_only=local)
        network: Any = MarianMTModel.from_pretrained(model, local_files_only=local)
    except ImportError as error:
        raise MissingDependencyError(
            "marian.import",
            ja=f"marian 翻訳には transformers と sentencepiece が必要です: {error}",
            en=f"the marian translator needs transformers and sentencepiece: {error}",
        ) from error
    except Exception as error:  # transformers, safetensors, json and sentencepiece each have their own
        raise WeightsError(
            "marian.load",
            ja=f"翻訳モデル {model} を読み込めません: {error}",
            en=f"cannot load the translation model {model}: {error}",
        ) from error
    network.to(getattr(torch, dtype)).to(device)
    return network.eval().requires_grad_(False), tokenizer
