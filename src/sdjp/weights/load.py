"""Load a model: find the weights, read them lazily, rename, check completely, put them in place.

The networks are built on the meta device and the tensors assigned one by one, each converted as it is read: the
peak of memory stays near the size of the weights in the dtype that was asked for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import torch

from sdjp.config import ModelConfig, from_json
from sdjp.errors import MissingDependencyError, WeightsError
from sdjp.models import VAE, CLIPText, UNet
from sdjp.weights import infer
from sdjp.weights.keymap import Name, build_on_meta, compile_map, to_ours
from sdjp.weights.maps import MAPS
from sdjp.weights.maps.diffusers import OLD_NAMES
from sdjp.weights.maps.ldm import TEXT, UNET
from sdjp.weights.readers import Contents, Entry, read_file

EMA: Final = "model_ema."
EMBEDDED: Final = ("mini",)
# Buffers of the training code: computed again from the configuration, never needed.
KNOWN_EXTRAS: Final = frozenset(
    "betas alphas_cumprod alphas_cumprod_prev sqrt_alphas_cumprod sqrt_one_minus_alphas_cumprod "
    "log_one_minus_alphas_cumprod sqrt_recip_alphas_cumprod sqrt_recipm1_alphas_cumprod posterior_variance "
    "posterior_log_variance_clipped posterior_mean_coef1 posterior_mean_coef2 lvlb_weights logvar "
    "model_ema.decay model_ema.num_updates".split()
)
LISTED: Final = 20  # names in an error before the rest is only counted


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """How the weights were read.

    Attributes:
        source: File, folder or name that was asked for.
        layout: ``"ldm"`` or ``"diffusers"``.
        ema_used: Whether the averaged weights were taken.
        ignored: Names in the file that a model does not need.
        dtype: The dtype of the weights now.
        files: The files that were read.
    """

    source: str
    layout: str
    ema_used: bool
    dtype: torch.dtype | None
    ignored: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def sha256(self) -> dict[str, str]:
        """Compute the SHA-256 of each file; takes as long as reading them."""
        result = {}
        for path in self.files:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
            result[path.name] = digest.hexdigest()
        return result


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model, ready to run.

    Attributes:
        unet: The denoiser.
        vae: The autoencoder.
        text: The text encoder.
        config: What they are made of.
        report: How they were read.
        merges: The byte-pair table that came with the weights; None stands for CLIP's own.
    """

    unet: UNet
    vae: VAE
    text: CLIPText
    config: ModelConfig
    report: LoadReport
    merges: Path | None = None


@dataclass(frozen=True)
class Source:
    """Weights that were found and not yet read.

    Attributes:
        layout: ``"ldm"`` or ``"diffusers"``.
        entries: Name in that layout to tensor; for diffusers with ``unet:`` and so on before it.
        config: What they make up.
        ema: Whether EMA weights took the place of the plain ones.
        ignored: Known extras that were left out.
        files: Files they come from.
        merges: A byte-pair table beside them.
    """

    layout: str
    entries: Mapping[str, Entry]
    config: ModelConfig
    ema: bool
    ignored: tuple[str, ...]
    files: tuple[Path, ...]
    merges: Path | None


def load(
    source: str | Path,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    ema: bool | Literal["auto"] = "auto",
) -> Loaded:
    """Load a model from anything that holds one.

    Args:
        source: ``"mini"``, a ``.safetensors``, ``.ckpt``, ``.pt`` or ``.bin`` file with the original names, a diffusers
            folder, a folder with ``model.safetensors`` and ``config.json``, or a hub id.
        dtype: Convert to this; None leaves each tensor as it is.
        device: Where to put the weights.
        ema: Take the averaged weights of a full checkpoint: where there are any, always, never.

    Raises:
        WeightsError: If anything is wrong with the weights: missing, foreign, damaged or dangerous files; tensors that
            are missing, unknown or misshapen are all listed in one message.
        MissingDependencyError: If a hub id is given and huggingface_hub is not installed.
    """
    found = find(source, ema=ema)
    names = compile_map(MAPS[found.layout], found.config)
    _check(names, found, str(source))
    modules = build_on_meta(found.config)
    for component, module in modules.items():
        state = {}
        for key, empty in module.state_dict().items():
            name = names[f"{component}.{key}"]
            tensor = found.entries[name.theirs].read().to(device=device, dtype=dtype)
            state[key] = to_ours(name, tensor, tuple(empty.shape)).clone(memory_format=torch.contiguous_format)
        module.load_state_dict(state, assign=True)
        module.eval().requires_grad_(False)
    unet, vae, text = modules["unet"], modules["vae"], modules["text"]
    assert isinstance(unet, UNet)
    assert isinstance(vae, VAE)
    assert isinstance(text, CLIPText)
    report = LoadReport(
        source=str(source),
        layout=found.layout,
        ema_used=found.ema,
        ignored=found.ignored,
        dtype=dtype,
        files=found.files,
    )
    return Loaded(unet=unet, vae=vae, text=text, config=found.config, report=report, merges=found.merges)


def find(source: str | Path, *, ema: bool | Literal["auto"] = "auto") -> Source:
    """Find weights and read their table of contents."""
    path = _resolve(source)
    if path.is_file():
        return _ldm(path, read_file(path), ema)
    if (path / "model_index.json").is_file() or (path / "unet").is_dir():
        return _diffusers(path, ema)
    if (path / "model.safetensors").is_file():
        return _ldm(path / "model.safetensors", read_file(path / "model.safetensors"), ema)
    raise WeightsError(
        "weights.folder",
        ja=f"フォルダー {path} に重みがありません。model_index.json のある diffusers のフォルダーか、"
        "model.safetensors のあるフォルダーを指定してください。",
        en=f"there are no weights in the folder {path}. Give a diffusers folder with model_index.json, or a folder "
        "with model.safetensors.",
    )


def _resolve(source: str | Path) -> Path:
    if source in EMBEDDED:
        return Path(str(files("sdjp") / "assets" / str(source)))
    path = Path(source).expanduser()
    if path.exists():
        return path
    text = str(source)
    if isinstance(source, str) and text.count("/") == 1 and not path.suffix and not text.startswith((".", "/", "~")):
        return _download(text)
    raise WeightsError(
        "weights.missing",
        ja=f"重みが見つかりません: {source}。ファイルかフォルダーの場所を確かめてください"
        f"（付属のモデルは {'、'.join(EMBEDDED)}）。",
        en=f"no weights at {source}. Check the place of the file or folder "
        f"(the embedded model is called {', '.join(EMBEDDED)}).",
    )


def _download(name: str) -> Path:
    """Fetch a diffusers folder from the hub, or take it from its cache; only when asked by name."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingDependencyError(
            "hub.missing",
            ja=f"{name} をダウンロードするには huggingface_hub が必要です。"
            "pip install huggingface_hub を実行するか、手元のファイルを指定してください。",
            en=f"downloading {name} needs huggingface_hub. Run pip install huggingface_hub, or give a local file.",
        ) from error
    patterns = ["*.json", "*/*.json", "*/*.txt", "unet/*.safetensors", "vae/*.safetensors", "text_encoder/*.safetensors"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except Exception as error:  # the hub has many ways to fail
        raise WeightsError(
            "hub.failed",
            ja=f"{name} をダウンロードできませんでした（{type(error).__name__}）。名前と接続を確かめるか、"
            "手元のファイルを指定してください。",
            en=f"could not download {name} ({type(error).__name__}: {error}). Check the name and the connection, or "
            "give a local file.",
        ) from error


def _stored_config(path: Path, contents: Contents | None = None) -> ModelConfig | None:
    """The configuration that our own files carry."""
    text = None if contents is None else contents.metadata.get("sdjp.config")
    if text is None and path.is_file():
        text = path.read_text(encoding="utf-8")
    if text is None:
        return None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise WeightsError(
            "weights.config",
            ja=f"{path} を JSON として読めません（{error}）。",
            en=f"cannot read {path} as JSON ({error}).",
        ) from error
    return from_json(ModelConfig, data)


def _ldm(path: Path, contents: Contents, ema: bool | Literal["auto"]) -> Source:
    beside = path.parent / "config.json" if path.name == "model.safetensors" else path.with_suffix(".json")
    merges = path.parent / "merges.txt" if path.name == "model.safetensors" else path.with_suffix(".merges.txt")
    entries = {_text_model(name): entry for name, entry in contents.entries.items()}
    ignored = [n for n in entries if n in KNOWN_EXTRAS or n.endswith("position_ids")]
    averaged = {n for n in entries if n.startswith(EMA) and n not in KNOWN_EXTRAS}
    if ema is True and not averaged:
        raise WeightsError(
            "weights.no_ema",
            ja=f"{path} に EMA の重みはありません。ema='auto' か ema=False を指定してください。",
            en=f"there are no EMA weights in {path}. Use ema='auto' or ema=False.",
        )
    use_ema = bool(averaged) and ema is not False
    weights = {n: e for n, e in entries.items() if n not in averaged and n not in ignored}
    if use_ema:
        # EMA names are those of the weights without "model." and without any dot: made from ours, never split.
        for name in [n for n in weights if n.startswith(UNET)]:
            shadow = EMA + name[len("model.") :].replace(".", "")
            if shadow in averaged:
                weights[name] = entries[shadow]
                averaged.discard(shadow)
        if averaged:
            _leftover_ema(path, averaged)
    config = _stored_config(beside, contents) or infer.from_ldm({n: e.shape for n, e in weights.items()})
    if config.name == ModelConfig().name and contents.metadata.get("sdjp.config") is None:
        config = dataclasses.replace(config, name=path.stem)
    extras = tuple(ignored) + (() if use_ema else tuple(sorted(averaged)))
    return Source("ldm", weights, config, use_ema, extras, (path,), merges if merges.is_file() else None)


def _leftover_ema(path: Path, names: set[str]) -> None:
    raise WeightsError(
        "weights.ema_names",
        ja=f"{path} の EMA の重みのうち {len(names)} 個は、対応する重みがありません: {_listed(sorted(names))}。"
        "ema=False で読み込めます。",
        en=f"{len(names)} of the EMA weights of {path} have no weight that they belong to: {_listed(sorted(names))}. "
        "Load with ema=False.",
    )


def _text_model(name: str) -> str:
    """Some files leave out ``text_model.``."""
    short = TEXT[: -len("text_model.")]
    if name.startswith(short) and not name.startswith(TEXT):
        return TEXT + name[len(short) :]
    return name


def _diffusers(folder: Path, ema: bool | Literal["auto"]) -> Source:
    entries: dict[str, Entry] = {}
    ignored: list[str] = []
    read: list[Path] = []
    for component in ("unet", "vae", "text_encoder"):
        for path in _component_files(folder / component):
            read.append(path)
            for name, entry in read_file(path).entries.items():
                key = f"{component}:{name}"
                if component == "text_encoder" and not name.startswith("text_model."):
                    key = f"{component}:text_model.{name}"
                if component == "vae" and ".attentions." in key:
                    for old, new in OLD_NAMES:
                        key = key.replace(old, new)
                if name.endswith("position_ids"):
                    ignored.append(key)
                else:
                    entries[key] = entry
    config = _stored_config(folder / "sdjp.json")
    if config is None:
        names = ("unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json")
        config = infer.from_diffusers(*(_json(folder / name) for name in names))
        config = dataclasses.replace(config, name=folder.name)
    merges = folder / "tokenizer" / "merges.txt"
    full = config.text.vocab_size == ModelConfig().text.vocab_size
    return Source(
        "diffusers", entries, config, False, tuple(ignored), tuple(read), merges if merges.is_file() and not full else None
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            "weights.config",
            ja=f"{path} を読めません（{error}）。diffusers のフォルダーがそろっているか確かめてください。",
            en=f"cannot read {path} ({error}). Check that the diffusers folder is complete.",
        ) from error
    return data


def _component_files(folder: Path) -> list[Path]:
    """The files of one part of a diffusers folder: whole or sharded, safetensors before .bin, full before fp16."""
    for stem in ("diffusion_pytorch_model", "model", "pytorch_model"):
        for ending in (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin"):
            whole = folder / f"{stem}{ending}"
            if whole.is_file():
                return [whole]
            variant, kind = (".fp16", ending[5:]) if ending.startswith(".fp16") else ("", ending)
            index = folder / f"{stem}{kind}.index{variant}.json"
            if index.is_file():
                return [folder / name for name in sorted(set(_json(index)["weight_map"].values()))]
    raise WeightsError(
        "weights.component",
        ja=f"{folder} に重みのファイルがありません（diffusion_pytorch_model.safetensors など）。",
        en=f"there is no file of weights in {folder} (diffusion_pytorch_model.safetensors or the like).",
    )


def _listed(names: list[str]) -> str:
    more = f" … (+{len(names) - LISTED})" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _check(names: Mapping[str, Name], found: Source, source: str) -> None:
    """Compare what a model needs with what there is, completely."""
    wanted = {name.theirs: name.shape for name in names.values()}
    missing = sorted(set(wanted) - set(found.entries))
    unknown = sorted(set(found.entries) - set(wanted))
    wrong = [
        f"{n} {tuple(found.entries[n].shape)} ≠ {shape}"
        for n, shape in sorted(wanted.items())
        if n in found.entries and not _fits(found.entries[n].shape, shape)
    ]
    if not (missing or unknown or wrong):
        return
    lines_ja, lines_en = [], []
    for problem_ja, problem_en, listed in (
        ("足りない", "missing", missing),
        ("知らない", "unknown", unknown),
        ("形が違う", "misshapen", wrong),
    ):
        if listed:
            lines_ja.append(f"{problem_ja}テンソル {len(listed)} 個: {_listed(listed)}")
            lines_en.append(f"{len(listed)} {problem_en} tensors: {_listed(listed)}")
    raise WeightsError(
        "weights.tensors",
        ja=f"{source} の重みがモデルに合いません。\n" + "\n".join(lines_ja) + "\n別のモデルの重みか、壊れたファイルです。",
        en=f"the weights of {source} do not fit the model.\n"
        + "\n".join(lines_en)
        + "\nThey belong to another model, or the file is damaged.",
    )


def _fits(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """1×1 convolutions and linear layers stand in for each other."""
    return given == wanted or (len(given) == 4 and given[2:] == (1, 1) and given[:2] == wanted)
