"""The model of a job: what its arguments are as JSON data, which files they name, and how it is loaded."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.errors import InputError, reason

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline
    from sdjp.provenance import Provenance

_PATHS: Final = (
    *("config", "vae", "user_lexicon", "safety_checker", "prompt_words", "lora_dir", "embeddings_dir"),
    *("preview", "ip_adapter", "image_encoder", "controlnet_dir"),
)
"""Arguments of ``Pipeline.from_pretrained`` that may be the path of a file or folder."""


def load(**model: Any) -> Pipeline:
    """Load a model by the arguments of ``Pipeline.from_pretrained``, as a job has them.

    Raises:
        SdjpError: Whatever ``from_pretrained`` raises.
    """
    from sdjp.pipeline import Pipeline
    from sdjp.postprocess import Watermark

    if isinstance(model.get("watermark"), Mapping):
        model["watermark"] = Watermark(**model["watermark"])
    if isinstance(model.get("provenance"), Mapping):
        model["provenance"] = _provenance(**model["provenance"])
    if isinstance(model.get("user_lexicon"), str):
        model["user_lexicon"] = Path(model["user_lexicon"])
    return Pipeline.from_pretrained(**model)


def plain(model: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a model as JSON data: without those that are left as they are, and with whole paths.

    Args:
        model: Arguments of ``Pipeline.from_pretrained``.

    Raises:
        InputError: If one of them cannot be written down, such as a translator of one's own.
    """
    from sdjp.pipeline import Pipeline
    from sdjp.postprocess import Watermark
    from sdjp.provenance import Provenance

    known = inspect.signature(Pipeline.from_pretrained).parameters
    found = {}
    for name, value in model.items():
        if name in known and value == known[name].default:
            continue
        if isinstance(value, Watermark):
            value = {"text": value.text, "method": value.method}
        if isinstance(value, Provenance):
            value = _written(value)
        elif name in (*_PATHS, "source") and isinstance(value, str | Path):
            value = _whole(str(value))
        elif name == "translator" and isinstance(value, str) and ":" in value:
            kind, _, path = value.partition(":")
            value = f"{kind}:{_whole(path)}"
        try:
            json.dumps(value)
        except TypeError as error:
            raise InputError(
                "batch.model",
                ja=f"model の {name} に {type(value).__name__} は使えません（JSON で書けるものだけです）。"
                "load に自分の関数を指定すると、何でも使えます。",
                en=f"{name} of the model cannot be a {type(value).__name__}: only what JSON can hold. "
                "With a function of your own as load it can be anything.",
            ) from error
        found[name] = value
    return found


def _written(provenance: Provenance) -> dict[str, Any]:
    """As JSON data: of a signer its files, never what is in them."""
    signer = provenance.signer
    files = None if signer is None else [_whole(str(signer.key)), _whole(str(signer.certificates))]
    return {"xmp": provenance.xmp, "signer": files}


def _provenance(*, xmp: bool, signer: Sequence[str] | None) -> Provenance:
    from sdjp.provenance import Provenance, Signer

    return Provenance(xmp=xmp, signer=None if signer is None else Signer(*signer))


def loader(name: str) -> Callable[..., Pipeline]:
    """The function that loads the model of a job.

    Args:
        name: ``"module:function"``.

    Raises:
        InputError: If there is none.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            "batch.load",
            ja=f"モデルを読み込む関数 {name!r} がありません（{error}）。「モジュール:関数」の形で、"
            "ワーカーからも import できるものを指定してください。",
            en=f"there is no function {name!r} to load the model with ({error}). Give it as MODULE:FUNCTION, "
            "where workers can import it, too.",
        ) from error
    return found  # type: ignore[no-any-return]


def for_checks(model: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with which a model is loaded that only checks and reads prompts: without its weights."""
    if model.get("engine", "auto") == "openvino":
        return dict(model)  # it knows no memory savings
    return {**model, "device": "cpu", "memory": "sequential"}


def checksums(model: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of all that the arguments of a model name on the disk, by argument.

    Raises:
        WeightsError: If the weights are not there.
        InputError: If something else cannot be read.
    """
    from sdjp.weights.source import locate

    found = {"source": checksum(locate(model.get("source", "mini")).path)}
    for name in _PATHS:
        path = model.get(name)
        if isinstance(path, str) and os.path.exists(path):
            found[name] = checksum(Path(path))
    kind, colon, path = str(model.get("translator", "")).partition(":")
    if colon and os.path.exists(path):
        found["translator"] = f"{kind}:{checksum(Path(path))}"
    return found


def _whole(path: str) -> str:
    """A path from the root, if something is there: workers may stand elsewhere."""
    there = Path(path).expanduser()
    return str(there.resolve()) if there.exists() else path


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, in order."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def checksum(path: Path) -> str:
    """That of a file; or of the names and checksums of all files of a folder."""
    from sdjp.weights.known import sha256

    try:
        if path.is_file():
            return sha256(path)
        lines = "".join(f"{sha256(p)}  {p.relative_to(path).as_posix()}\n" for p in files_in(path))
    except OSError as error:
        ja, en = reason(error)
        raise InputError(
            "batch.weights",
            ja=f"{path} を読めません（{ja}）。パスとアクセス権を確かめてください。",
            en=f"cannot read {path} ({en}). Check path and permissions.",
        ) from error
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
