"""Pictures as prompts for one run: an IP-Adapter, its image encoder, and UNets that look at their tokens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from sdjp import images
from sdjp.device import plain_tensors
from sdjp.errors import InputError
from sdjp.models.clip_vision import CLIPVision
from sdjp.models.ip_adapter import IPAdapter, decoupled
from sdjp.models.unet import UNet
from sdjp.records import Report
from sdjp.weights import OnDemand
from sdjp.weights.parts.image_encoder import PART, ImageEncoderFile, open_encoder
from sdjp.weights.parts.ip_adapter import IPAdapterFile, open_ip_adapter

if TYPE_CHECKING:
    from PIL.Image import Image


class ImageTokens(NamedTuple):
    """What stands for the pictures of a run beside the text, each (1, N, C)."""

    cond: Tensor
    uncond: Tensor


class _Decoupled(NamedTuple):
    base: UNet
    tokens: int
    unet: UNet


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePromptFiles:
    """An IP-Adapter and its image encoder, found to fit one another and not read yet."""

    adapter: IPAdapterFile
    encoder: ImageEncoderFile

    @classmethod
    def named(cls, adapter: str | Path | None, encoder: str | Path | None) -> ImagePromptFiles | None:
        """Open the two; None if there is no adapter.

        Args:
            adapter: The file of the adapter.
            encoder: A folder or file; None for the folder ``image_encoder`` beside the adapter.

        Raises:
            InputError: If one of the two is not there.
            WeightsError: If one is damaged or of another kind, or they do not fit one another.
        """
        if adapter is None:
            if encoder is not None:
                raise InputError(
                    "image_encoder.without_adapter",
                    ja="image_encoder（--image-encoder）は、ip_adapter（--ip-adapter）と一緒に"
                    "指定してください。",
                    en="give image_encoder (--image-encoder) together with ip_adapter (--ip-adapter).",
                )
            return None
        file = _there(adapter, "ip_adapter")
        beside = file.parent / PART
        if encoder is None and not beside.is_dir():
            raise InputError(
                "image_encoder.missing",
                ja=f"IP-Adapter {file} には画像エンコーダーも要ります。そのフォルダーを image_encoder"
                f"（--image-encoder）に指定するか、{beside} に置いてください。",
                en=f"the IP-Adapter {file} needs an image encoder: give its folder as image_encoder "
                f"(--image-encoder), or put it at {beside}.",
            )
        opened = open_encoder(beside if encoder is None else _there(encoder, "image_encoder"))
        return cls(adapter=open_ip_adapter(file, opened), encoder=opened)

    def load(self, unet: UNet, *, context_dim: int, on_demand: OnDemand | None = None) -> ImagePrompter:
        """Read both, in the dtype and on the device of a UNet.

        Raises:
            WeightsError: If the adapter does not fit the UNet.
        """
        adapter = self.adapter.load(unet, context_dim=context_dim)
        like = unet.conv_in.weight
        encoder = self.encoder.load(dtype=like.dtype, device=like.device, on_demand=on_demand)
        return ImagePrompter(
            adapter,
            encoder,
            file={"adapter": self.adapter.path.name, "sha256": self.adapter.sha256},
            on_demand=on_demand,
        )


def _there(given: str | Path, option: str) -> Path:
    path = Path(os.path.expanduser(given))
    if os.path.exists(path) and (option == "image_encoder" or not path.is_dir()):
        return path
    raise InputError(
        f"{option}.missing",
        ja=f"{option} のファイル {path} がありません。パスを確かめてください。",
        en=f"there is no file {path} ({option}). Check the path.",
    )


class ImagePrompter:
    """Makes tokens of pictures, and of a UNet one that looks at them.

    Args:
        adapter: The IP-Adapter.
        encoder: The image encoder.
        file: What a record says of the file of the adapter.
        on_demand: Has the image encoder in memory while it is used, where that was asked for.
    """

    def __init__(
        self,
        adapter: IPAdapter,
        encoder: CLIPVision,
        *,
        file: dict[str, str],
        on_demand: OnDemand | None = None,
    ) -> None:
        self.adapter = adapter
        self.encoder = encoder
        self.file = file
        self.on_demand = OnDemand() if on_demand is None else on_demand
        self._last: _Decoupled | None = None

    def __getstate__(self) -> dict[str, Any]:  # a copy makes its UNets anew
        return {**self.__dict__, "_last": None}

    @torch.inference_mode()
    def tokens(self, pictures: Sequence[Image]) -> ImageTokens:
        """Return the tokens of pictures, one after the other, and as many that stand for none.

        Those are of an embedding of zeros or, where the adapter takes states, of pixels of zeros (a picture
        in the mean colour of CLIP's training), as in the original and in diffusers.

        Args:
            pictures: At least one, RGB, of any size.
        """
        weight = self.encoder.class_embedding
        side = self.encoder.image_size
        with self.on_demand.loaded(PART):
            pixels = [
                torch.from_numpy(images.clip_pixels(picture, side, late=True))[None].to(weight)
                for picture in pictures
            ]
            seen = [self._seen(one) for one in pixels]
            if self.adapter.projection.of_states:
                nothing = self._seen(torch.zeros_like(pixels[0]))
            else:
                nothing = torch.zeros_like(seen[0])
        cond = torch.cat([self.adapter.projection(one) for one in seen], dim=1)
        uncond = self.adapter.projection(nothing).repeat(1, len(pictures), 1)
        return ImageTokens(cond, uncond)

    def _seen(self, pixels: Tensor) -> Tensor:
        """What the adapter takes of pixels (1, 3, H, W): states (1, S, E), or an embedding (1, E)."""
        if self.adapter.projection.of_states:
            return self.encoder.states(pixels, before_last=True)
        seen: Tensor = self.encoder(pixels)
        return seen

    def decoupled(self, unet: UNet, tokens: int) -> UNet:
        """Return a UNet that looks at so many image tokens, too; the last one is kept for the next run."""
        last = self._last
        if last is None or last.base is not unet or last.tokens != tokens:
            with plain_tensors():
                last = _Decoupled(unet, tokens, decoupled(unet, self.adapter, tokens))
            self._last = last  # one assignment: other threads see the old or the new
        return last.unet

    def report(self, pictures: int, scale: float) -> Report:
        """What is told of a run with so many pictures."""
        name = self.file["adapter"]
        return Report(
            name="image_prompt",
            status="done",
            ja=f"IP-Adapter「{name}」で、絵 {pictures} 枚を強さ {scale:g} でプロンプトに加えました。",
            en=f"drawn with {pictures} picture(s) as a prompt at {scale:g}, by the IP-Adapter {name!r}.",
            data={**self.file, "pictures": pictures, "scale": scale},
        )
