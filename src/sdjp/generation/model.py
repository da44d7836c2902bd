"""All that one run draws with, in a record: nothing of it changes while the run goes on."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sdjp import images
from sdjp.addons import Addons, Networks
from sdjp.addons.controlnets import LoadedControlNet
from sdjp.allocator import kept_pages
from sdjp.conditioning.cache import StateCache
from sdjp.conditioning.encode import encode
from sdjp.conditioning.reader import Reader
from sdjp.config import ModelConfig
from sdjp.engines import Engine
from sdjp.generation import autoencode, upscaling
from sdjp.generation.controls import Hint
from sdjp.generation.memory import MemorySavings
from sdjp.generation.preview import previewed
from sdjp.models import VAE, CLIPText, TextEncoder, UNet
from sdjp.records import Report
from sdjp.samplers import Schedule
from sdjp.text.prompt import Prompt
from sdjp.weights import OnDemand

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

    from sdjp.text.read import ReadPrompt
    from sdjp.weights.parts.upscaler import Upscaler

_EMPTY = Prompt()


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """The networks of a run and how they are run.

    Attributes:
        unet: The denoiser, with the LoRAs of the run.
        vae: The autoencoder.
        text_encoder: The text encoder, with its LoRAs, and with the vectors of textual inversion.
        config: What they are made of.
        schedule: The noise they were trained with.
        reader: Reads prompts, with the names of textual inversion.
        engine: Runs the UNet and the decoder.
        preview: Latents (B, C, h, w) to rough pixels (B, 3, H, W) of any size.
        memory: Savings of memory.
        on_demand: Has weights in memory while they are used, where that was asked for.
        states: States of prompts that were encoded before.
        controlnets: The ControlNets of the run.
        reports: What its ControlNets and its LoRAs did, and the pictures of its prompt.
        image_tokens: Rows at the end of the text states that stand for those pictures, for what is to look at
            the text alone.
    """

    unet: UNet
    vae: VAE
    text_encoder: TextEncoder
    config: ModelConfig
    schedule: Schedule
    reader: Reader
    engine: Engine
    preview: Callable[[Tensor], Tensor]
    memory: MemorySavings
    on_demand: OnDemand
    states: StateCache
    controlnets: tuple[LoadedControlNet, ...] = ()
    reports: tuple[Report, ...] = ()
    image_tokens: int = 0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.unet.conv_in.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the UNet's weights."""
        return self.unet.conv_in.weight.dtype

    @property
    def vae_tile(self) -> int:
        """Side of the largest square that the autoencoder takes whole, in latent cells."""
        return autoencode.tile_cells(self.config, small=self.memory.tiles)

    @property
    def networks(self) -> Networks:
        """The networks that add-ons can change."""
        return Networks(self.unet, self.text_encoder)

    def controlled(self, addons: Addons, controls: Sequence[Hint]) -> Model:
        """This model with the ControlNets of a run."""
        names = [hint.control.name for hint in controls]
        networks = addons.controlnets.load(
            names, self.config, dtype=self.dtype, device=self.device, on_demand=self.on_demand
        )
        reports = tuple(network.report(name) for network, name in zip(networks, names, strict=True))
        return dataclasses.replace(self, controlnets=networks, reports=reports)

    def control_records(self, controls: Sequence[Hint]) -> tuple[dict[str, Any], ...]:
        """What a record tells of the ControlNets of a run."""
        return tuple(
            {**hint.to_json(), "file": network.source.path.name, "sha256": network.sha256}
            for hint, network in zip(controls, self.controlnets, strict=True)
        )

    @property
    def sampling_parts(self) -> tuple[str, ...]:
        """What has to be in memory while sampling, as :class:`OnDemand` calls it."""
        return ("unet", *(network.source.part for network in self.controlnets))

    def pages(self, *, keep: bool = True) -> contextlib.AbstractContextManager[None]:
        """Freed memory is kept where no saving is asked for: faster, and larger."""
        kept = keep and self.device.type == "cpu" and self.memory == MemorySavings()
        return kept_pages() if kept else contextlib.nullcontext()

    def equipped(self, addons: Addons, prompts: Sequence[Prompt], loras: Mapping[str, float]) -> Model:
        """This model with LoRAs, and with the vectors of the names in ``prompts``; it shares all else."""
        if loras:
            self.engine.give_back(self.unet)
        with self.on_demand.loaded(*(("unet", "text") if loras else ())):  # they are written into copies
            unet, text, names, reports = addons.equip(prompts, loras, self.config, self.networks)
        return dataclasses.replace(
            self,
            unet=unet,
            text_encoder=text,
            reader=dataclasses.replace(self.reader, names=names.beside(self.reader.names)),
            reports=(*self.reports, *reports),
        )

    def enlarged(self, picture: Image, upscaler: Upscaler | None, *, width: int, height: int) -> Image:
        """The picture, RGB, enlarged to a size by a network or by Lanczos."""
        tile = upscaling.TILE // 4 if self.memory.tiles else upscaling.TILE
        return upscaling.enlarge(picture, upscaler, width=width, height=height, device=self.device, tile=tile)

    @torch.inference_mode()
    def decoded(self, x: Tensor) -> list[Image]:
        """The pictures of latents x (B, C, h, w), as they are at any step."""
        with self.on_demand.loaded("vae"):
            pixels = autoencode.decode(self.vae, x, tile=self.vae_tile, decoder=self.engine.decoder)
        return images.to_pil(pixels)

    @torch.inference_mode()
    def sketched(self, x: Tensor) -> list[Image]:
        """Rough pictures of latents x (B, C, h, w), without the decoder."""
        return previewed(self.preview, x, factor=self.vae.factor)

    @torch.inference_mode()
    def encode(
        self, prompts: Sequence[ReadPrompt], *, chunks: int | None = None, clip_skip: int = 1
    ) -> Tensor:
        """Return the states of prompts as one batch, (B, 77 N, D), all of the same length.

        Args:
            prompts: The prompts.
            chunks: N at least.
            clip_skip: The layer whose states they are, counted from the last one, 1.
        """
        [empty] = self.reader.read([_EMPTY], translate="never")
        all_chunks = [prompt.chunks for prompt in prompts]
        states = encode(self.text_encoder, all_chunks, empty.chunks, self.states, clip_skip=clip_skip)
        missing = 0 if chunks is None else chunks - states.shape[1] // self.config.text.max_length
        if missing > 0:
            filling = encode(
                self.text_encoder, [empty.chunks], empty.chunks, self.states, clip_skip=clip_skip
            )
            states = torch.cat([states, filling.expand(len(prompts), -1, -1).repeat(1, missing, 1)], dim=1)
        return states

    @torch.inference_mode()
    def rollout(self, prompt: ReadPrompt, *, states: int, clip_skip: int = 1) -> NDArray[np.float32] | None:
        """How much of each of ``states`` of a prompt comes from each of its tokens, (states, states).

        A chunk comes from itself alone, and the states of an empty prompt behind it from their own tokens.
        None, if the text encoder is not CLIP's.
        """
        text = self.text_encoder
        if not isinstance(text, CLIPText):
            return None
        ids = torch.tensor(prompt.chunks.ids, device=next(text.parameters()).device)
        shares = np.eye(states, dtype=np.float32)
        for first, rolled in zip(
            range(0, states, ids.shape[1]), text.rollout(ids, clip_skip=clip_skip), strict=False
        ):
            own = slice(first, first + len(rolled))
            shares[own, own] = rolled.cpu().numpy()
        return shares
