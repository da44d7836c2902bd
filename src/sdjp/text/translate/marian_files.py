"""The files of a Marian model: whether they are there, and loading them."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.errors import InputError, MissingDependencyError, SdjpError, WeightsError

if TYPE_CHECKING:
    import torch

_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
SECONDS: Final = 5
"""How long the hub may take to answer whether it has a model."""
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
            "Hub の ID（例: staka/fugumt-ja-en）を指定してください。",
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
        device: Where transformers will run it.
        dtype: Name of a torch dtype, for transformers.
        plain: Run it by sdjp's own code in place of transformers, on the CPU, in float32.

    Raises:
        WeightsError: If a file cannot be read, or the hub does not give it.
        MissingDependencyError: If transformers or sentencepiece is not installed.
    """
    try:
        # First: torch and transformers take long to import.
        folder = model if local else str(fetch(model))
        if plain:
            from sdjp.text.translate.marian_plain import load_plain

            return load_plain(Path(folder))
        import torch
        from transformers import MarianMTModel, MarianTokenizer

        with quiet(), warnings.catch_warnings():  # about sacremoses: the texts are normalized already
            warnings.simplefilter("ignore")
            tokenizer = MarianTokenizer.from_pretrained(folder, local_files_only=True)
            network: Any = MarianMTModel.from_pretrained(folder, local_files_only=True)
    except SdjpError:
        raise
    except ImportError as error:
        raise _missing(error) from error
    except Exception as error:  # transformers, safetensors, json and sentencepiece each have their own
        raise WeightsError(
            "marian.load",
            ja=f"翻訳モデル {model} を読み込めません: {error}",
            en=f"cannot load the translation model {model}: {error}",
        ) from error
    network.to(getattr(torch, dtype)).to(device)
    return network.eval().requires_grad_(False), tokenizer


def _missing(error: ImportError) -> MissingDependencyError:
    return MissingDependencyError(
        "marian.import",
        ja=f"marian 翻訳には transformers と sentencepiece が必要です: {error}",
        en=f"the marian translator needs transformers and sentencepiece: {error}",
    )


def fetch(model: str) -> Path:
    """Return the folder of a model of the hub, downloaded if it is not here yet.

    Raises:
        WeightsError: If the hub does not give it, and it is not here.
        ImportError: If huggingface_hub is not installed.
    """
    from huggingface_hub import constants, snapshot_download

    failure: Exception | None = None
    if not constants.HF_HUB_OFFLINE:
        try:
            return Path(snapshot_download(model, allow_patterns=["*.json", "*.spm", _ask(model)]))
        except Exception as error:  # the hub's clients raise errors of many libraries
            failure = error
    return _here(model, failure)


def check_hub(model: str) -> None:
    """See that the hub has a model, or that it is here; nothing is downloaded.

    Raises:
        WeightsError: If it is neither there nor here.
        MissingDependencyError: If huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise _missing(error) from error

    failure: Exception | None = None
    if not constants.HF_HUB_OFFLINE:
        try:
            _ask(model)
            return
        except Exception as error:  # as above
            failure = error
    _here(model, failure)


def _ask(model: str) -> str:
    """Ask the hub for the files of a model; return a pattern for the names of its weights."""
    from huggingface_hub import HfApi

    # One question with a time limit: without a network transformers would ask for minutes.
    files = [file.rfilename for file in HfApi().model_info(model, timeout=SECONDS).siblings or []]
    return "model.safetensors*" if "model.safetensors" in files else "pytorch_model*.bin*"


def _here(model: str, failure: Exception | None) -> Path:
    """The folder of a model that was downloaded before; ``failure`` is what the hub said."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except Exception as error:
        reason = str(failure or error).strip().partition("\n")[0]
        raise WeightsError(
            "marian.hub",
            ja=f"翻訳モデル {model} を Hugging Face Hub から取得できません（{reason}）。"
            "つづりとネットワークを確かめるか、手元のフォルダーを marian:フォルダー の形で指定してください。"
            "環境変数 HF_HUB_OFFLINE があると、ダウンロードしません。",
            en=f"the translation model {model} cannot be fetched from the Hugging Face hub ({reason}). "
            "Check the spelling and the network, or give a folder that you have as marian:FOLDER. "
            "With HF_HUB_OFFLINE set, nothing is downloaded.",
        ) from (failure or error)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the bars of transformers away: nobody asked it for anything."""
    from transformers import utils

    logging: Any = utils.logging  # its functions have no types
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
