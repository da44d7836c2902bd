"""Adapters on disk: a folder with ``config.json``, ``model.safetensors`` and ``sentencepiece.model``.

The names of the tensors are those of :class:`sdjp.models.Adapter`, without the text encoder behind it, which
is the model's. A model may bring an adapter along, in a folder ``adapter`` of its own; the embedded one does.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from sdjp.config import AdapterConfig, CLIPTextConfig, TextConfig, from_json, to_json
from sdjp.errors import SdjpError, WeightsError
from sdjp.models import Adapter, CLIPText, TextEncoder
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from sdjp.weights.configs import bounds
from sdjp.weights.files.faults import Invalid, texts_of
from sdjp.weights.files.json_file import read_json
from sdjp.weights.files.readers import open_file
from sdjp.weights.load import Loaded
from sdjp.weights.names.compare import compare
from sdjp.weights.networks import Unfilled
from sdjp.weights.source import Source, locate

FOLDER: Final = "adapter"
"""Folder of the adapter that a model brings along."""
CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
VOCABULARY: Final = "sentencepiece.model"


class LoadedAdapter(NamedTuple):
    """An adapter, ready to read."""

    text: Adapter
    config: AdapterConfig
    tokenizer: SentencePieceTokenizer


def adapter_folder(source: str | Path | None, *, model: str | Path | Source | None) -> Path:
    """Return the folder of an adapter.

    Args:
        source: The folder, or None for the one that ``model`` brings along.
        model: The model, as :func:`sdjp.weights.load` takes it; None for one that came from no folder.

    Raises:
        WeightsError: If there is no adapter.
    """
    if source is None:
        own = None if model is None else locate(model).path / FOLDER
        if own is not None and not _lacking(own):
            return own
        raise WeightsError(
            "adapter.none",
            ja=f"モデル {model or ''} には日本語アダプターが付いていません。"
            "学習したアダプターを translator='adapter:フォルダー' で指定してください。"
            "学習は、リポジトリを clone したフォルダーでできます（docs/ja/adapter.md）。",
            en=f"the model {model or ''} brings no Japanese adapter. Give one that was trained for it: "
            "translator='adapter:FOLDER'. "
            "One can be trained in a clone of the repository (docs/en/adapter.md).",
        )
    place = Path(source).expanduser()
    folder = place / FOLDER if (place / FOLDER / CONFIG).is_file() else place
    lacking = _lacking(folder)
    if lacking:
        raise WeightsError(
            "adapter.folder",
            ja=f"{folder} はアダプターのフォルダーではありません。次のファイルがありません: "
            f"{'、'.join(lacking)}",
            en=f"{folder} is no folder of an adapter. It lacks: {', '.join(lacking)}",
        )
    return folder


def _lacking(folder: Path) -> list[str]:
    return [name for name in (CONFIG, WEIGHTS, VOCABULARY) if not (folder / name).is_file()]


def load_adapter(
    folder: Path,
    *,
    own: TextEncoder,
    encoder: TextConfig,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> LoadedAdapter:
    """Load an adapter.

    Args:
        folder: Its folder; see :func:`adapter_folder`.
        own: The text encoder that it is to stand before; shared, not copied.
        encoder: The sizes of that.
        dtype: Of the weights.
        device: Where to put them.

    Raises:
        WeightsError: If a file is damaged, or the adapter was made for another model.
    """
    config = _config(folder / CONFIG)
    own, encoder = clip_text(own, encoder)
    made_for, given = _table(config.own), _table(encoder)
    if made_for != given:
        raise WeightsError(
            "adapter.encoder",
            ja=f"アダプター {folder} は、語彙 {made_for[0]:,}、幅 {made_for[1]}、長さ {made_for[2]} の"
            "テキストエンコーダーのために学習したものです。このモデルのテキストエンコーダーは、"
            f"語彙 {given[0]:,}、幅 {given[1]}、長さ {given[2]} です。"
            "このモデルのために学習したアダプターを指定してください。",
            en=f"the adapter {folder} was trained for a text encoder of {made_for[0]:,} tokens, width "
            f"{made_for[1]} and length {made_for[2]}; that of this model has {given[0]:,}, {given[1]} and "
            f"{given[2]}. Give an adapter that was trained for this model.",
        )
    config = dataclasses.replace(config, own=encoder)
    tokenizer = SentencePieceTokenizer.plain(folder / VOCABULARY)
    file = open_file(folder / WEIGHTS)
    try:
        with torch.device("meta"), Unfilled():
            text = Adapter.from_config(config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise _unusable(folder / CONFIG, str(error), str(error)) from error
    text.own = own
    shapes = {name: entry.shape for name, entry in file.entries.items()}
    own_shapes = {name: tuple(tensor.shape) for name, tensor in its_own(text).items()}
    problems = compare(shapes, own_shapes, unknown=[name for name in shapes if name not in own_shapes])
    if problems is None and tokenizer.vocab_size > config.vocab_size:
        count = tokenizer.vocab_size
        problems = f"語彙が {count:,} 語あります", f"the vocabulary has {count:,} pieces"
    if problems is not None:
        ja, en = problems
        raise WeightsError(
            "adapter.weights",
            ja=f"{folder} をアダプターとして読み込めません。\n{ja}",
            en=f"cannot load {folder} as an adapter.\n{en}",
        )
    tensors = {name: file.read(name, dtype=dtype, device=torch.device(device)) for name in own_shapes}
    text.load_state_dict(tensors, assign=True, strict=False)
    return LoadedAdapter(text.eval().requires_grad_(False), config, tokenizer)


def clip_text(text: TextEncoder, encoder: TextConfig) -> tuple[CLIPText, CLIPTextConfig]:
    """Return a text encoder that an adapter can stand before, and its sizes.

    Raises:
        WeightsError: If it is none of CLIP.
    """
    if isinstance(text, CLIPText) and isinstance(encoder, CLIPTextConfig):
        return text, encoder
    raise WeightsError(
        "adapter.encoder",
        ja="アダプターを付けられるのは CLIP のテキストエンコーダーだけです。"
        f"このモデルのテキストエンコーダーは {encoder.kind} です。",
        en=f"an adapter can stand before a CLIP text encoder only; that of this model is {encoder.kind}.",
    )


def _table(encoder: CLIPTextConfig) -> tuple[int, int, int]:
    """The sizes that an adapter has to fit: of the tokens, not of the layers that read them."""
    return encoder.vocab_size, encoder.width, encoder.max_length


def its_own(text: Adapter) -> dict[str, Tensor]:
    """The tensors of the adapter without those of the model."""
    return {name: tensor for name, tensor in text.state_dict().items() if not name.startswith("own.")}


def adapted(loaded: Loaded, folder: Path) -> Loaded:
    """Put the adapter in ``folder`` before the text encoder of a model.

    Raises:
        WeightsError: As :func:`load_adapter`.
    """
    weight = loaded.unet.conv_in.weight
    text, config, tokenizer = load_adapter(
        folder, own=loaded.text, encoder=loaded.config.text, dtype=weight.dtype, device=weight.device
    )
    changed = dataclasses.replace(loaded.config, text=config)
    return dataclasses.replace(
        loaded,
        text=text,
        config=changed,
        tokenizer=tokenizer,
        written=loaded.tokenizer,
        tokens={},
        merges=None,
        words=None,
    )


def save_adapter(folder: Path, text: Adapter, config: AdapterConfig, vocabulary: bytes) -> None:
    """Write what :func:`load_adapter` reads, in half precision."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.half().contiguous() for name, tensor in its_own(text).items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)
    (folder / VOCABULARY).write_bytes(vocabulary)
    settings = json.dumps(to_json(config), ensure_ascii=False, indent=2)
    (folder / CONFIG).write_text(settings + "\n", encoding="utf-8")


def _config(path: Path) -> AdapterConfig:
    try:
        data = read_json(path)
        if isinstance(data, dict) and data.get("kind") == "adapter":
            config = from_json(AdapterConfig, data)
            bounds.check(config)
            return config
        ja, en = 'kind が "adapter" ではありません', 'its kind is not "adapter"'
    except Invalid as error:
        ja, en = f"読めません（{error.ja}）", f"it cannot be read ({error.en})"
    except (SdjpError, TypeError, ValueError, AttributeError) as error:
        ja, en = texts_of(error)
    raise _unusable(path, ja, en)


def _unusable(path: Path, ja: str, en: str) -> WeightsError:
    return WeightsError(
        "adapter.config",
        ja=f"アダプターの設定 {path} を使えません: {ja}",
        en=f"cannot use the settings of the adapter, {path}: {en}",
    )
