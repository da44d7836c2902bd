"""Load a ControlNet for Stable Diffusion v1: the original's files and diffusers', whole or in half precision.

The original's names begin with ``control_model.`` or with nothing; what stands beside them in a file (the old
ones hold a whole model, too) is not used, and told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from sdjp.config import ControlNetConfig, ModelConfig
from sdjp.models import ControlNet
from sdjp.weights.configs import bounds
from sdjp.weights.configs.controlnet import from_shapes
from sdjp.weights.files.faults import FILE, Fault, Invalid, faults_of, texts_of
from sdjp.weights.files.json_file import read_object
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.names.compare import compare
from sdjp.weights.names.controlnet import PREFIX, SIGNS, rows
from sdjp.weights.names.keymap import compile_map
from sdjp.weights.networks import Unfilled
from sdjp.weights.on_demand import OnDemand

# What a name begins with, or has in it, that tells another kind of file.
OTHERS: Final = (
    ("lllite_", "ControlNet-LLLite", "a ControlNet-LLLite"),
    (r"(adapter\.)?body\.\d", "T2I-Adapter", "a T2I-Adapter"),
    ("lora_controlnet", "Control-LoRA", "a Control-LoRA"),
    (
        r"(controlnet_mode_embedder|task_embedding|control_add_embedding)",
        "ControlNet Union（1 つで何種類もの画像を読むもの）",
        "a ControlNet Union, which reads many kinds of pictures",
    ),
    (
        r"(controlnet_blocks|transformer_blocks|double_blocks|controlnet_x_embedder)\.",
        "Stable Diffusion 3 や FLUX 用の ControlNet",
        "a ControlNet for Stable Diffusion 3, FLUX or the like",
    ),
    (
        rf"({re.escape(PREFIX)})?(label_emb|add_embedding)\.",
        "Stable Diffusion XL 用の ControlNet",
        "a ControlNet for Stable Diffusion XL",
    ),
    (
        r"difference$",
        "元のモデルとの差分だけを保存した ControlNet",
        "a ControlNet stored as the difference from a model",
    ),
    (r"(ip_adapter|image_proj)\.", "IP-Adapter", "an IP-Adapter"),
    ("lora_", "LoRA", "a LoRA"),
    (
        "model.diffusion_model.",
        "モデル全体（ControlNet は入っていません）",
        "a whole model without a ControlNet",
    ),
)
WIDTHS: Final = {1024: ("Stable Diffusion 2", "Stable Diffusion 2"), 2048: ("Stable Diffusion XL",) * 2}
"""Other families by the width of their text states."""
UNUSUAL: Final = re.compile(r"sd15_(shuffle|inpaint)")
"""Published ones with the usual tensors that take or give something else; only their names tell."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlNetFile:
    """A file of a ControlNet, found to fit a model; its tensors are not read yet.

    Attributes:
        path: The file.
        config: What it is made of.
        file: Its table of contents.
        names: The name there of each of our tensors.
        unused: Names there that are no part of a ControlNet.
    """

    path: Path
    config: ControlNetConfig
    file: TensorFile
    names: Mapping[str, str]
    unused: tuple[str, ...]

    def load(
        self, *, dtype: torch.dtype, device: torch.device, on_demand: OnDemand | None = None
    ) -> ControlNet:
        """Read the network, in eval mode and without gradients.

        Args:
            dtype: Of the weights.
            device: Where to put them.
            on_demand: Takes charge of them, under :attr:`part`; None to read them now.
        """
        network = _on_meta(self.config)

        def read(name: str) -> Tensor:
            return self.file.read(self.names[name], dtype=dtype, device=device)

        def give_back(name: str) -> None:
            self.file.give_back(self.names[name])

        if on_demand is not None:
            on_demand.add(
                self.part, network, read, give_back=give_back, dtype=lambda name: dtype, device=device
            )
            return network
        network.load_state_dict({name: read(name) for name in self.names}, strict=True, assign=True)
        return network.eval().requires_grad_(False)

    @property
    def part(self) -> str:
        """What :class:`OnDemand` calls it."""
        return f"controlnet {self.path}"


def open_controlnet(path: Path, model: ModelConfig) -> ControlNetFile:
    """Read the table of contents of a ControlNet.

    Args:
        path: The file; of a diffusers folder, the settings in its ``config.json`` are read, too.
        model: The model that it is for.

    Raises:
        WeightsError: If it cannot be read, is no ControlNet, or does not fit the model; all that is wrong
            with its tensors is in one message.
    """
    with faults_of(path):
        return _open(path, model)


def _open(path: Path, model: ModelConfig) -> ControlNetFile:
    file = open_file(path)
    prefix = PREFIX if any(name.startswith(PREFIX) for name in file.entries) else ""
    shapes = {
        name.removeprefix(prefix): entry.shape
        for name, entry in file.entries.items()
        if name.startswith(prefix)
    }
    _refuse_others(path, file)
    layout = next((key for key, sign in SIGNS.items() if any(n.startswith(sign) for n in shapes)), None)
    if layout is None:
        raise _other("ControlNet の重みがありません", "it has no weights of a ControlNet")
    try:
        config = from_shapes(layout, shapes, _settings(path), unet=model.unet)
        bounds.check(config, tensors=len(shapes))
    except Invalid as error:
        raise _other(f"設定が合いません（{error.ja}）", f"its settings do not fit ({error.en})") from error
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        reason = str(error.args[0]) if error.args else repr(error)
        raise _other(f"{reason} がないか、形が違います", f"{reason} is missing or misshapen") from error
    _check_model(config, model)
    try:
        network = _on_meta(config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        ja, en = texts_of(error)
        raise _other(f"この構成では作れません（{ja}）", f"it cannot be built ({en})") from error
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    names = compile_map(rows(layout, config, model), own)
    known = {name.theirs: name.their_shape for name in names.values()}
    problems = compare(shapes, known, unknown=[name for name in shapes if name not in known])
    if problems is not None:
        ja, en = problems
        raise Fault(
            "controlnet.tensors",
            ja=f"{FILE} を ControlNet として読み込めません。\n{ja}\n"
            "一部が欠けたファイルか、別の種類のものです。"
            "Stable Diffusion v1 用のファイルを入手し直してください。",
            en=f"cannot load {FILE} as a ControlNet.\n{en}\n"
            "It is an incomplete file, or of another kind. Get a file for Stable Diffusion v1.",
        )
    return ControlNetFile(
        path=path,
        config=config,
        file=file,
        names={ours: prefix + name.theirs for ours, name in names.items()},
        unused=tuple(name for name in file.entries if not name.startswith(prefix)),
    )


def _on_meta(config: ControlNetConfig) -> ControlNet:
    with torch.device("meta"), Unfilled():
        return ControlNet.from_config(config)


def _settings(path: Path) -> dict[str, Any]:
    """The settings beside a file of a diffusers folder."""
    beside = path.parent / "config.json"
    return read_object(beside) if path.stem.startswith("diffusion_pytorch_model") and beside.is_file() else {}


def _refuse_others(path: Path, file: TensorFile) -> None:
    own = any(name.startswith((PREFIX, *SIGNS.values())) for name in file.entries)
    for pattern, ja, en in OTHERS:
        whole = pattern == "model.diffusion_model." and own  # the old files have both
        if not whole and any(re.match(pattern, name) for name in file.entries):
            raise _other(f"{ja}のようです", f"it seems to be {en}")
    name = path.parent.name if path.stem.startswith("diffusion_pytorch_model") else path.stem
    unusual = UNUSUAL.search(name)
    if unusual is not None:
        kind = unusual[1]
        raise _other(
            f"{kind} は、ほかの ControlNet と入出力が違うため、扱えません",
            f"{kind} takes or gives something else than other ControlNets, which sdjp does not do",
        )


def _other(ja: str, en: str) -> Fault:
    return Fault(
        "controlnet.other",
        ja=f"{FILE} は、sdjp で使える ControlNet ではありません: {ja}。"
        "Stable Diffusion v1 用の ControlNet（lllyasviel の .pth か .safetensors、diffusers のフォルダー）を"
        "指定してください。",
        en=f"{FILE} is no ControlNet that sdjp can use: {en}. Give one for Stable Diffusion v1: a .pth or "
        ".safetensors of lllyasviel's, or a diffusers folder.",
    )


def _check_model(config: ControlNetConfig, model: ModelConfig) -> None:
    """Refuse a ControlNet that was made for other networks."""
    if config.unet.context_dim in WIDTHS and config.unet.context_dim != model.unet.context_dim:
        ja, en = WIDTHS[config.unet.context_dim]
        raise _other(f"{ja} 用のもののようです", f"it seems to be one for {en}")
    theirs = (config.unet.in_channels, _widths(config), config.unet.context_dim, config.factor)
    own = (model.vae.latent_channels, _widths(model), model.unet.context_dim, model.vae.factor)
    if theirs == own:
        return
    ja = "潜在表現 {} チャンネル、UNet の幅 {}、テキストの状態の幅 {}、縮小率 {}"
    en = "latents of {} channels, a UNet of the widths {}, text states of width {}, a factor of {}"
    raise Fault(
        "controlnet.model",
        ja=f"{FILE} は、モデル {model.name} には使えません。\n  この ControlNet: {ja.format(*theirs)}\n"
        f"  モデル: {ja.format(*own)}\n"
        "同じモデルの系統（Stable Diffusion v1）のものどうしを組み合わせてください。",
        en=f"{FILE} cannot be used with the model {model.name}.\n  the ControlNet: {en.format(*theirs)}\n"
        f"  the model: {en.format(*own)}\nBoth have to be of one family (Stable Diffusion v1).",
    )


def _widths(config: ControlNetConfig | ModelConfig) -> str:
    """The width of each level, and its blocks."""
    unet = config.unet
    return ", ".join(f"{unet.model_channels * mult}×{unet.num_res_blocks}" for mult in unet.channel_mult)
