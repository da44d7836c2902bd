"""Load a network that enlarges pictures: the one that ships, or a file in the layouts of ESRGAN.

RRDBNet comes under three sets of names: BasicSR's (``body.0.rdb1.conv1``), those of BSRGAN and RealSR
(``RRDB_trunk.0.RDB1.conv1``), and those of ESRGAN itself (``model.1.sub.0.RDB1.conv1.0``); SRVGGNetCompact
under one (``body.0``). Everything else is told by the shapes: features, blocks and the scale.
"""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import torch

from sdjp import checks
from sdjp.errors import InputError
from sdjp.models.upscaler import Compact, RRDBNet
from sdjp.weights.files.faults import Invalid, unloadable
from sdjp.weights.files.readers import open_file
from sdjp.weights.known import sha256
from sdjp.weights.names.compare import Shape, compare
from sdjp.weights.networks import Unfilled

EMBEDDED: Final[Mapping[str, Path]] = {
    "animevideo": Path(str(files("sdjp"))) / "assets" / "upscaler" / "realesr-animevideov3.safetensors"
}
"""Names of the networks that ship, and their files."""

_BLOCKS: Final = (
    r"body\.(\d{1,3})\.rdb([123])\.conv([1-5])",
    r"RRDB_trunk\.(\d{1,3})\.RDB([123])\.conv([1-5])",
    r"model\.1\.sub\.(\d{1,3})\.RDB([123])\.conv([1-5])\.0",
)
_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(_BLOCKS, r"body.\1.rdb\2.conv\3"),
    r"trunk_conv": "conv_body",
    r"HRconv": "conv_hr",
    r"model\.1\.sub\.\d{1,3}": "conv_body",
}
"""Modules of RRDBNet elsewhere, and here."""
_UP: Final = re.compile(r"(?:conv_up|upconv)([1-9])")
_NUMBERED: Final = re.compile(r"model\.(\d{1,3})")

_FOREIGN: Final[Mapping[str, str]] = {
    r"layers\.\d+\.residual_group\.(overlap_attn|blocks\.\d+\.conv_block)\.": "HAT",
    r"layers\.\d+\.residual_group\.blocks\.\d+\.attn\.logit_scale": "Swin2SR",
    r"layers\.\d+\.residual_group\.blocks\.\d+\.attn\.": "SwinIR",
    r"layers\.\d+\.blocks\.\d+\.attn\.attns\.": "DAT",
    r".*\.conv1x1\.": "ESRGAN+",
    r"residual_layer\.\d+\.": "OmniSR",
    r"block_\d+\.c1_r\.": "SPAN",
    r"unet1\.": "Real-CUGAN",
    r"feats\.\d+\.": "PLKSR",
    r"(model\.)?diffusion_model\.|unet\.": "Stable Diffusion",
    r"lora_|.*\.lora_": "LoRA",
}
"""Names of tensors that tell other kinds of files, the narrower ones first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Upscaler:
    """A network that enlarges pictures, and where it comes from.

    Attributes:
        name: Its name, if it ships; else that of its file.
        sha256: The SHA-256 of its file, in hexadecimal.
        network: The network, float32, on the CPU.
    """

    name: str
    sha256: str
    network: Compact | RRDBNet


def load_upscaler(source: str) -> Upscaler:
    """Load a network that enlarges pictures.

    Args:
        source: A name in :data:`EMBEDDED`; or the path of a file (``.pth``, ``.safetensors`` …) with the
            tensors of SRVGGNetCompact or RRDBNet, by themselves or under ``params_ema`` or ``params``.

    Raises:
        InputError: If it is no text, or there is no such file.
        WeightsError: If it cannot be read, is damaged or unsafe, or is of another kind.
    """
    checks.text("upscaler", source)
    path = EMBEDDED.get(source) or Path(os.path.expanduser(source))
    if not source or not os.path.exists(path):
        names = ", ".join(EMBEDDED)
        raise InputError(
            "upscaler.missing",
            ja=f"upscaler に指定された {source or '（空の名前）'} が見つかりません。付属のもの（{names}）か、"
            "ESRGAN の形の重みのファイルのパスを指定してください。",
            en=f"there is no upscaler {source!r}. Give one that ships ({names}), or the path of a file of "
            "weights of the kind of ESRGAN.",
        )
    file = open_file(path)
    try:
        places = _canonical(file.entries)
        shapes = {name: file.entries[there].shape for name, there in places.items()}
        with torch.device("meta"), Unfilled():
            network = _network(shapes)
    except Invalid as error:
        raise _refused(path, error.ja, error.en) from error
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        ja, en = "形から構成を決められません", "no network can be built from its shapes"
        raise _refused(path, f"{ja}: {error}", f"{en}: {error}") from error
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    problems = compare(shapes, own, unknown=[there for name, there in places.items() if name not in own])
    if problems is not None:
        raise _refused(path, f"\n{problems[0]}\n", f"\n{problems[1]}\n")
    tensors = {name: file.read(there, dtype=torch.float32) for name, there in places.items()}
    network.load_state_dict(tensors, assign=True)
    return Upscaler(
        name=source if source in EMBEDDED else path.name,
        sha256=sha256(path),
        network=network.eval().requires_grad_(False),
    )


def _canonical(given: Mapping[str, object]) -> dict[str, str]:
    """Our name of each tensor to its name in the file.

    Raises:
        Invalid: If the file is of another kind, or two of its tensors have one name.
    """
    for pattern, kind in _FOREIGN.items():
        if any(re.match(pattern, name) for name in given):
            raise Invalid(f"{kind} のファイルのようです", f"it looks like a file of {kind}")
    names: dict[str, str] = {}
    numbered = _numbered(given)
    for there in given:
        module, dot, kind = there.rpartition(".")
        name = f"{_module(module, numbered)}{dot}{kind}"
        if name in names:
            raise Invalid(
                f"{names[name]} と {there} は同じテンソルです", f"{names[name]} and {there} are one tensor"
            )
        names[name] = there
    return names


def _module(there: str, numbered: Mapping[str, str]) -> str:
    if there in numbered:
        return numbered[there]
    up = _UP.fullmatch(there)
    if up is not None:
        return f"conv_up.{int(up[1]) - 1}"
    for pattern, ours in _NAMES.items():
        match = re.fullmatch(pattern, there)
        if match is not None:
            return match.expand(ours)
    return there


def _numbered(given: Mapping[str, object]) -> dict[str, str]:
    """The modules that ESRGAN itself only numbers: the first, each third for a doubling, and the last two."""
    found = {name.rpartition(".")[0] for name in given}
    last = max((int(match[1]) for match in map(_NUMBERED.fullmatch, found) if match is not None), default=0)
    ups = {f"model.{n}": f"conv_up.{n // 3 - 1}" for n in range(3, last - 3, 3)}
    return {"model.0": "conv_first", **ups, f"model.{last - 2}": "conv_hr", f"model.{last}": "conv_last"}


def _network(shapes: Mapping[str, Shape]) -> Compact | RRDBNet:
    """Build the network of these tensors.

    Raises:
        Invalid: If they belong to neither kind.
    """
    if {"conv_first.weight", "body.0.rdb1.conv1.weight"} <= shapes.keys():
        return _rrdb(shapes)
    if "body.0.weight" in shapes and "conv_first.weight" not in shapes:
        return _compact(shapes)
    some = ", ".join(list(shapes)[:3]) or "—"
    raise Invalid(
        f"SRVGGNetCompact でも RRDBNet でもありません（テンソル: {some}）",
        f"it is neither SRVGGNetCompact nor RRDBNet (tensors: {some})",
    )


def _compact(shapes: Mapping[str, Shape]) -> Compact:
    features, inputs = _convolution(shapes, "body.0.weight")
    if shapes.get("body.1.weight") != (features,):
        raise Invalid(
            "SRVGGNetCompact のようですが、活性化関数が PReLU ではありません（body.1.weight がありません）",
            "it looks like SRVGGNetCompact with activations other than PReLU (there is no body.1.weight)",
        )
    last = max(_indices(shapes, r"body\.(\d{1,3})\.weight"))
    outputs, _ = _convolution(shapes, f"body.{last}.weight")
    scale = math.isqrt(outputs // 3)
    _check_colours(inputs, 3)
    if scale == 0:
        raise Invalid(f"出力が {outputs} チャンネルです", f"it gives {outputs} channels, which is not RGB")
    return Compact(features=features, layers=last // 2 - 1, scale=scale)


def _rrdb(shapes: Mapping[str, Shape]) -> RRDBNet:
    features, inputs = _convolution(shapes, "conv_first.weight")
    growth, _ = _convolution(shapes, "body.0.rdb1.conv1.weight")
    doublings = len(set(_indices(shapes, r"conv_up\.(\d)\.weight")))
    shuffle = math.isqrt(inputs // 3)
    _check_colours(inputs, 3 * shuffle**2)
    if 2**doublings % max(shuffle, 1) != 0:
        raise Invalid(
            f"倍率が {2**doublings}/{shuffle} 倍で、拡大になりません",
            f"its scale is {2**doublings}/{shuffle}: it does not enlarge",
        )
    return RRDBNet(
        features=features,
        growth=growth,
        blocks=len(set(_indices(shapes, r"body\.(\d{1,3})\.rdb1\.conv1\.weight"))),
        doublings=doublings,
        shuffle=shuffle,
    )


def _convolution(shapes: Mapping[str, Shape], name: str) -> tuple[int, int]:
    """Outputs and inputs of a convolution."""
    shape = shapes[name]
    if len(shape) != 4 or 0 in shape:
        raise Invalid(f"{name} の形が {shape} です", f"{name} has the shape {shape}")
    return shape[0], shape[1]


def _check_colours(inputs: int, wanted: int) -> None:
    if inputs != wanted or inputs < 3:
        raise Invalid(
            f"RGB の 3 色ではなく、{inputs} チャンネルを受け取ります",
            f"it takes {inputs} channels, which is not RGB",
        )


def _indices(shapes: Mapping[str, Shape], pattern: str) -> Iterator[int]:
    return (int(match[1]) for name in shapes if (match := re.fullmatch(pattern, name)) is not None)


_refused: Final = functools.partial(
    unloadable,
    code="upscaler.weights",
    part=("拡大用のネットワーク", "an upscaler"),
    advice=(
        "ESRGAN・Real-ESRGAN（RRDBNet か SRVGGNetCompact）のファイルを指定してください。",
        "Give a file of ESRGAN or Real-ESRGAN (RRDBNet or SRVGGNetCompact).",
    ),
)
