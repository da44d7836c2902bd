"""Load an IP-Adapter for Stable Diffusion v1, as it is published (h94/IP-Adapter): ``ip-adapter_sd15``, its
"light", "plus", "plus-face" and "full-face". Sizes are those of its tensors.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from sdjp.config import CLIPVisionConfig
from sdjp.errors import WeightsError
from sdjp.models.ip_adapter import (
    HEAD_WIDTH,
    IPAdapter,
    LinearProjection,
    Projection,
    Resampler,
    StateProjection,
    cross_attentions,
)
from sdjp.models.unet import UNet
from sdjp.weights.files.faults import unloadable
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.known import sha256
from sdjp.weights.names.compare import Shape, compare
from sdjp.weights.names.ip_adapter import ATTENTION, LAYERS, PROJECTION, Kind, published
from sdjp.weights.networks import Unfilled
from sdjp.weights.parts.image_encoder import ImageEncoderFile

OTHER_WIDTHS: Final = {768: "Stable Diffusion v1", 1024: "Stable Diffusion v2", 2048: "Stable Diffusion XL"}
"""Width of the text states, and what it is found in."""
KNOWN_BY: Final[Mapping[Kind, str]] = {
    "linear": "proj.weight",
    "states": "proj.3.weight",
    "resampler": "latents",
}
"""A tensor of the projection that no other kind has."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IPAdapterFile:
    """An IP-Adapter that fits an image encoder; its tensors have not been read, nor was a UNet looked at.

    Attributes:
        path: The file.
        sha256: Its hash.
        file: Its tensors.
        kind: The kind of its projection.
        projection: The projection, on the meta device.
        context_dim: Width of the text states that it is for.
    """

    path: Path
    sha256: str
    file: TensorFile
    kind: Kind
    projection: Projection
    context_dim: int

    def load(self, unet: UNet, *, context_dim: int) -> IPAdapter:
        """Read it, in the dtype and on the device of a UNet.

        Args:
            unet: The UNet that it is to stand beside.
            context_dim: Width of its text states.

        Raises:
            WeightsError: If it does not fit; all that is wrong with its tensors is in one message.
        """
        if self.context_dim != context_dim:
            raise self._other_width(context_dim)
        weights = [unet.get_submodule(name).get_parameter("to_q.weight") for name in cross_attentions(unet)]
        with torch.device("meta"), Unfilled():
            widths = tuple(len(weight) for weight in weights)
            adapter = IPAdapter(self.projection, widths, context_dim)
        names = {ours: published(ours, self.kind) for ours in adapter.state_dict()}
        own = {names[ours]: tuple(tensor.shape) for ours, tensor in adapter.state_dict().items()}
        shapes = _shapes(self.file)
        problems = compare(shapes, own, unknown=[name for name in shapes if name not in own])
        if problems is not None:
            raise _refused(self.path, f"\n{problems[0]}\n", f"\n{problems[1]}\n")
        like = unet.conv_in.weight
        tensors = {
            ours: self.file.read(theirs, dtype=like.dtype, device=like.device)
            for ours, theirs in names.items()
        }
        adapter.load_state_dict(tensors, strict=True, assign=True)
        return adapter.eval().requires_grad_(False)

    def _other_width(self, context_dim: int) -> WeightsError:
        made_for = OTHER_WIDTHS.get(self.context_dim)
        return WeightsError(
            "ip_adapter.width",
            ja=f"IP-Adapter {self.path} は幅 {self.context_dim} のモデル用で、"
            f"このモデル（幅 {context_dim}）には使えません。"
            + (f"{made_for} 用のファイルです。" if made_for else "")
            + "このモデル用の IP-Adapter を指定してください。",
            en=f"the IP-Adapter {self.path} is for models of width {self.context_dim} and does not fit this "
            f"one, which has {context_dim}. "
            + (f"The file was made for {made_for}. " if made_for else "")
            + "Give an IP-Adapter for this model.",
        )


def open_ip_adapter(source: str | Path, encoder: ImageEncoderFile) -> IPAdapterFile:
    """Open an IP-Adapter, and see that its projection is whole and fits an image encoder.

    Args:
        source: Its file, ``.safetensors`` or ``.bin``.
        encoder: The image encoder that it is to be used with.

    Raises:
        WeightsError: If it is missing, damaged, of a kind that sdjp does not know, or for another encoder.
    """
    path = Path(os.path.expanduser(source))
    file = open_file(path)
    shapes = _shapes(file)
    kind = _kind(path, shapes)
    with torch.device("meta"), Unfilled():
        projection, embedding, context_dim = _projection(path, kind, shapes, encoder)
    own = {
        published(f"projection.{name}", kind): tuple(tensor.shape)
        for name, tensor in projection.state_dict().items()
    }
    inside = {name: shape for name, shape in shapes.items() if name.startswith(PROJECTION)}
    problems = compare(inside, own, unknown=[name for name in inside if name not in own])
    if problems is not None:
        raise _refused(path, f"\n{problems[0]}\n", f"\n{problems[1]}\n")
    _check_encoder(path, projection, embedding, encoder)
    return IPAdapterFile(
        path=path,
        sha256=sha256(path),
        file=file,
        kind=kind,
        projection=projection,
        context_dim=context_dim,
    )


def _shapes(file: TensorFile) -> dict[str, Shape]:
    return {name: entry.shape for name, entry in file.entries.items()}


def _kind(path: Path, shapes: Mapping[str, Shape]) -> Kind:
    faces = any("perceiver_resampler" in name or "_lora." in name for name in shapes)
    if faces or {f"{PROJECTION}proj.0.weight", f"{PROJECTION}norm.weight"} <= shapes.keys():
        raise WeightsError(
            "ip_adapter.face_id",
            ja=f"{path} は FaceID の IP-Adapter です。FaceID は顔認識の insightface を使うので、"
            "sdjp では使えません。顔には ip-adapter-plus-face_sd15 などを指定してください。",
            en=f"{path} is a FaceID IP-Adapter. FaceID needs insightface, which recognizes faces, and sdjp "
            "does not have it. For faces give ip-adapter-plus-face_sd15 or the like.",
        )
    kinds = [kind for kind, name in KNOWN_BY.items() if f"{PROJECTION}{name}" in shapes]
    if len(kinds) != 1 or not any(name.startswith(ATTENTION) for name in shapes):
        listed = "、".join(list(shapes)[:5]), ", ".join(list(shapes)[:5])
        raise _refused(
            path,
            f"IP-Adapter のテンソルがありません（中身: {listed[0] or 'なし'}）",
            f"it has no tensors of an IP-Adapter (it has: {listed[1] or 'nothing'})",
        )
    return kinds[0]


def _projection(
    path: Path, kind: Kind, shapes: Mapping[str, Shape], encoder: ImageEncoderFile
) -> tuple[Projection, int, int]:
    """The projection, the width of what it takes, and the width of its tokens."""

    def side(name: str, place: int) -> int:
        shape = shapes.get(f"{PROJECTION}{name}", ())
        if len(shape) <= place or 0 in shape:
            raise _refused(
                path,
                f"テンソル {PROJECTION}{name} がないか、形が違います",
                f"its tensor {PROJECTION}{name} is missing or misshapen",
            )
        return shape[place]

    if kind == "linear":
        width, embedding = side("norm.weight", 0), side("proj.weight", 1)
        return LinearProjection(embedding, width, side("proj.weight", 0) // width), embedding, width
    if kind == "states":
        width, embedding = side("proj.3.weight", 0), side("proj.0.weight", 1)
        return StateProjection(embedding, width, encoder.states), embedding, width
    width, embedding, inner = (
        side("proj_out.weight", 0),
        side("proj_in.weight", 1),
        side("layers.0.0.to_q.weight", 0),
    )
    if inner % HEAD_WIDTH != 0:
        raise _refused(
            path,
            f"注意の幅 {inner} が {HEAD_WIDTH} の倍数ではありません",
            f"the width of its attention, {inner}, is no multiple of {HEAD_WIDTH}",
        )
    begin = f"{PROJECTION}{LAYERS}"
    resampler = Resampler(
        embedding,
        width,
        side("latents", 1),
        latent_width=side("latents", 2),
        inner=inner,
        mlp_width=side("layers.0.1.1.weight", 0),
        layers=len({name.removeprefix(begin).partition(".")[0] for name in shapes if name.startswith(begin)}),
    )
    return resampler, embedding, width


def _check_encoder(path: Path, projection: Projection, embedding: int, encoder: ImageEncoderFile) -> None:
    config: CLIPVisionConfig = encoder.config
    given = config.width if projection.of_states else config.projection
    if embedding == given:
        return
    raise WeightsError(
        "ip_adapter.encoder",
        ja=f"IP-Adapter {path} は、幅 {embedding} の画像エンコーダー用です。"
        f"指定された {encoder.path} の幅は {given} です。"
        "ip-adapter_sd15 などには、同じ場所で配布されている models/image_encoder（ViT-H/14）を"
        "指定してください。",
        en=f"the IP-Adapter {path} is for an image encoder of width {embedding}, and {encoder.path} has "
        f"{given}. For ip-adapter_sd15 and the like give models/image_encoder (ViT-H/14), which is "
        "published beside them.",
    )


_refused: Final = functools.partial(
    unloadable,
    code="ip_adapter.weights",
    part=(" IP-Adapter ", "an IP-Adapter"),
    advice=(
        "Stable Diffusion v1 用の IP-Adapter（ip-adapter_sd15、ip-adapter-plus_sd15 など）を"
        "指定してください。",
        "Give an IP-Adapter for Stable Diffusion v1 (ip-adapter_sd15, ip-adapter-plus_sd15 …).",
    ),
)
