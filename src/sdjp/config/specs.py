"""Specs: what each network of a model is made of, as frozen dataclasses.

Specs reach builders only (``UNet.from_config``); the modules themselves take plain numbers. Variants are made
with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Prediction = Literal["epsilon", "v"]
Activation = Literal["quick_gelu", "gelu"]


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """The denoiser. Names follow CompVis' ``UNetModel``; see docs/notation.md for diffusers' names.

    Attributes:
        in_channels: Channels of the latent (4 for SD v1).
        out_channels: Channels of the prediction.
        model_channels: Width of the first level.
        channel_mult: Width of each level as a multiple of ``model_channels``.
        num_res_blocks: Residual blocks on the way down at each level (one more on the way up).
        attention: For each level, whether its blocks carry a spatial transformer.
        num_heads: Attention heads, the same at every level.
        context_dim: Width of the text states.
        norm_groups: Groups of every GroupNorm.
    """

    in_channels: int = 4
    out_channels: int = 4
    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attention: tuple[bool, ...] = (True, True, True, False)
    num_heads: int = 8
    context_dim: int = 768
    norm_groups: int = 32


@dataclass(frozen=True, kw_only=True)
class ControlNetConfig:
    """A ControlNet beside the denoiser.

    Attributes:
        unet: The denoiser whose encoder half it is a copy of; ``out_channels`` says nothing here.
        hint_channels: Widths of the encoder of hints; the sides are halved from each to the next.
    """

    unet: UNetConfig = field(default_factory=UNetConfig)
    hint_channels: tuple[int, ...] = (16, 32, 96, 256)

    @property
    def factor(self) -> int:
        """Pixels of a hint to one latent cell, on each side (8 for SD v1)."""
        return int(2 ** (len(self.hint_channels) - 1))


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """The autoencoder (CompVis ``AutoencoderKL``).

    Attributes:
        in_channels: Channels of the picture.
        latent_channels: Channels of the latent.
        ch: Width of the first level.
        ch_mult: Width of each level as a multiple of ``ch``; every level but the last halves the sides.
        num_res_blocks: Residual blocks at each level of the encoder (one more in the decoder).
        norm_groups: Groups of every GroupNorm.
        scaling_factor: Latents are multiplied by this after encoding, divided before decoding.
    """

    in_channels: int = 3
    latent_channels: int = 4
    ch: int = 128
    ch_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    norm_groups: int = 32
    scaling_factor: float = 0.18215

    @property
    def factor(self) -> int:
        """Pixels to one latent cell, on each side (8 for SD v1)."""
        return int(2 ** (len(self.ch_mult) - 1))


@dataclass(frozen=True, kw_only=True)
class CLIPTextConfig:
    """The text encoder (OpenAI CLIP; Hugging Face ``CLIPTextModel``).

    Attributes:
        kind: Tells the text encoders apart in JSON.
        vocab_size: Entries of the byte-pair table, start and end tokens included.
        width: Width of the states.
        layers: Transformer layers.
        heads: Attention heads.
        mlp_width: Width inside the feed-forward block.
        max_length: Tokens in one chunk, start and end included.
        activation: ``"quick_gelu"`` (OpenAI) or ``"gelu"``.
    """

    kind: Literal["clip"] = "clip"
    vocab_size: int = 49408
    width: int = 768
    layers: int = 12
    heads: int = 12
    mlp_width: int = 3072
    max_length: int = 77
    activation: Activation = "quick_gelu"


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """The text encoder of the latent diffusion trained on LAION-400M (CompVis ``BERTEmbedder``).

    Attributes:
        kind: Tells the text encoders apart in JSON.
        vocab_size: Word pieces, special ones included.
        width: Width of the states.
        layers: Transformer layers.
        heads: Attention heads.
        head_width: Width of one head; ``heads`` of them need not be ``width``.
        mlp_width: Width inside the feed-forward block.
        max_length: Tokens in one chunk, start and end included.
    """

    kind: Literal["bert"] = "bert"
    vocab_size: int = 30522
    width: int = 1280
    layers: int = 32
    heads: int = 8
    head_width: int = 64
    mlp_width: int = 5120
    max_length: int = 77


@dataclass(frozen=True, kw_only=True)
class XLMRobertaConfig:
    """The text encoder of AltDiffusion (``RobertaSeriesModelWithTransformation``): XLM-R and a linear layer.

    Attributes:
        kind: Tells the text encoders apart in JSON.
        vocab_size: Entries of the table of tokens, special ones included.
        width: Width of the states inside.
        layers: Transformer layers.
        heads: Attention heads.
        mlp_width: Width inside the feed-forward block.
        positions: Rows of the table of positions; the first is for the token after ``pad_id`` + 1 of them.
        projection: Width of the states that come out.
        pad_id: Id of the padding, which nothing attends to.
        pre_projection: Whether the states before the last layer are projected, after a norm of their own, in
            place of the last ones.
        max_length: Tokens in one chunk, start and end included.
    """

    kind: Literal["xlm_roberta"] = "xlm_roberta"
    vocab_size: int = 250002
    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp_width: int = 4096
    positions: int = 514
    projection: int = 768
    pad_id: int = 1
    pre_projection: bool = False
    max_length: int = 77


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """A reader of Japanese before the text encoder of a model (:class:`sdjp.models.Adapter`).

    Attributes:
        kind: Tells the text encoders apart in JSON.
        vocab_size: Pieces of the vocabulary.
        width: Width of the states inside.
        heads: Attention heads.
        mlp_width: Width inside the feed-forward blocks.
        read_layers: Transformer layers over the pieces of the prompt.
        write_layers: Transformer layers over the tokens that are written.
        pad_id: Id of the padding, which nothing attends to.
        max_length: Pieces in one chunk, the end included; also the tokens that are written.
        own: The text encoder of the model, which reads what is written.
        start_id: The first of its tokens.
        end_id: Its token for the end, and for all that follows.
    """

    kind: Literal["adapter"] = "adapter"
    vocab_size: int = 8000
    width: int = 192
    heads: int = 3
    mlp_width: int = 768
    read_layers: int = 4
    write_layers: int = 2
    pad_id: int = 2
    max_length: int = 77
    own: CLIPTextConfig = field(default_factory=CLIPTextConfig)
    start_id: int = 49406
    end_id: int = 49407


TextConfig = CLIPTextConfig | BertConfig | XLMRobertaConfig | AdapterConfig
"""Any text encoder."""


@dataclass(frozen=True, kw_only=True)
class CLIPVisionConfig:
    """The image encoder (OpenAI CLIP; Hugging Face ``CLIPVisionModelWithProjection``); here ViT-L/14.

    Attributes:
        width: Width of the states.
        layers: Transformer layers.
        heads: Attention heads.
        mlp_width: Width inside the feed-forward block.
        image_size: Side of the square picture, in pixels.
        patch_size: Side of a patch, in pixels.
        projection: Width of the space that pictures and texts share.
        activation: ``"quick_gelu"`` (OpenAI) or ``"gelu"``.
    """

    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp_width: int = 4096
    image_size: int = 224
    patch_size: int = 14
    projection: int = 768
    activation: Activation = "quick_gelu"


@dataclass(frozen=True, kw_only=True)
class Concept:
    """A concept that a safety checker looks for; both names are empty where its makers tell none."""

    ja: str = ""
    en: str = ""


@dataclass(frozen=True, kw_only=True)
class SafetyCheckerConfig:
    """A safety checker (CompVis' ``StableDiffusionSafetyChecker``).

    Attributes:
        vision: The image encoder.
        concepts: What a picture is flagged for.
        special: What makes it stricter about the others.
    """

    vision: CLIPVisionConfig = field(default_factory=CLIPVisionConfig)
    concepts: tuple[Concept, ...] = (Concept(),) * 17
    special: tuple[Concept, ...] = (Concept(),) * 3


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """The noise schedule the model was trained on.

    Attributes:
        num_train_timesteps: T.
        beta_start: beta of the first timestep.
        beta_end: beta of the last one; in between, sqrt(beta) is linear ("scaled linear").
        prediction: What the UNet predicts: ``"epsilon"`` or ``"v"`` (Salimans & Ho 2022, arXiv 2202.00512).
    """

    num_train_timesteps: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012
    prediction: Prediction = "epsilon"


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The settings with which a model looks best, used where the caller gives none."""

    height: int = 512
    width: int = 512
    num_inference_steps: int = 50
    guidance_scale: float = 7.5
    sampler: str = "plms"
    spacing: str | None = None
    """None for that of the sampler."""
    noise_multiplier: float = 1.0
    """Less than 1 for models that know one picture for a prompt: nearer to it, with less variety between
    seeds (the truncation trick: Brock et al. 2019, arXiv 1809.11096)."""
    upscaler: str | None = None
    """What enlarges pictures, which then stay as they are: for models that draw all that they know into every
    tile. None: they are enlarged by Lanczos, and redrawn."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A whole text-to-image model."""

    name: str = "sd-v1"
    unet: UNetConfig = field(default_factory=UNetConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    text: TextConfig = field(default_factory=CLIPTextConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    defaults: Defaults = field(default_factory=Defaults)
    telling_padding: bool = False
    """Whether the padding of a prompt tells what is to be seen at each place: then the UNet looks there more
    than at the words, and what drew a word is found through the text encoder."""

    @property
    def for_inpainting(self) -> bool:
        """Whether the UNet takes a mask and the latents of the masked picture beside its own."""
        return self.unet.in_channels == 2 * self.vae.latent_channels + 1
