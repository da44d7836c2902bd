"""The networks against diffusers and transformers, with their random weights, through the map of names.

In float64, where two implementations of one formula agree to 1e-13 and any difference in the formula shows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sdjp.config import MINI, TINY, ModelConfig
from sdjp.models import VAE, CLIPText, UNet
from sdjp.weights.configs.diffusers import to_files
from sdjp.weights.names.keymap import compile_map, to_ours
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of
from tests.narrow import clip_text

diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

ATOL = 1e-9
# Attention only below, three blocks a level, nine channels in, as many groups as fit.
ODD = dataclasses.replace(
    TINY,
    name="odd",
    unet=dataclasses.replace(
        TINY.unet,
        in_channels=9,
        channel_mult=(1, 3),
        attention=(False, True),
        num_res_blocks=3,
        norm_groups=16,
        num_heads=8,
    ),
    vae=dataclasses.replace(
        TINY.vae, ch=16, ch_mult=(1, 3), num_res_blocks=3, norm_groups=8, latent_channels=9
    ),
    text=dataclasses.replace(
        clip_text(TINY.text), vocab_size=600, heads=2, layers=3, max_length=20, activation="gelu"
    ),
)
CONFIGS = pytest.mark.parametrize("config", [TINY, MINI, ODD], ids=lambda c: c.name)


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=ATOL)


def twin(part: str, module: nn.Module, config: ModelConfig) -> Any:
    """Our network with the weights of ``module``."""
    folder = {"text": "text_encoder"}.get(part, part)
    theirs = {MAPS["diffusers"].canonical(f"{folder}/{name}"): t for name, t in module.state_dict().items()}
    every = compile_map(MAPS["diffusers"].rows(config), shapes_of(on_meta(config)))
    names = {ours: name for ours, name in every.items() if ours.startswith(f"{part}.")}
    assert {name for name in theirs if not MAPS["diffusers"].ignores(name)} == {
        n.theirs for n in names.values()
    }
    state = {ours.removeprefix(f"{part}."): tensor for ours, tensor in to_ours(names, theirs).items()}
    build: dict[str, Callable[[], nn.Module]] = {
        "unet": lambda: UNet.from_config(config.unet),
        "vae": lambda: VAE.from_config(config.vae),
        "text": lambda: CLIPText.from_config(clip_text(config.text)),
    }
    network = build[part]()
    network.load_state_dict(state, strict=True)
    return network.double().eval()


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@CONFIGS
@torch.inference_mode()
def test_unet(config: ModelConfig) -> None:
    theirs = diffusers.UNet2DConditionModel.from_config(to_files(config)["unet"]).double().eval()
    ours = twin("unet", theirs, config)
    for size in ((16, 16), (8, 24), (9, 13)):  # the last is halved to odd sides
        x, context = randn(2, config.unet.in_channels, *size), randn(2, 11, config.unet.context_dim)
        for t in (torch.tensor([1, 981]), torch.tensor([0.0, 799.25])):
            # Both compute the sines of t in float32.
            torch.testing.assert_close(ours(x, t, context), theirs(x, t, context).sample, rtol=0, atol=1e-6)


@CONFIGS
@torch.inference_mode()
def test_autoencoder(config: ModelConfig) -> None:
    theirs = diffusers.AutoencoderKL.from_config(to_files(config)["vae"]).double().eval()
    ours = twin("vae", theirs, config)
    assert ours.factor == config.vae.factor == 2 ** (len(theirs.config.block_out_channels) - 1)
    for h, w in ((4, 4), (2, 5)):
        picture = randn(2, 3, h * ours.factor, w * ours.factor).tanh()
        gaussian, expected = ours.encode(picture), theirs.encode(picture).latent_dist
        close(gaussian.mean, expected.mean)
        close(gaussian.logvar, expected.logvar)
        close(gaussian.kl(), expected.kl())
        z = randn(2, config.vae.latent_channels, h, w)
        close(ours.decode(z), theirs.decode(z).sample)


@CONFIGS
@torch.inference_mode()
def test_text_encoder(config: ModelConfig) -> None:
    settings = transformers.CLIPTextConfig(**to_files(config)["text_encoder"])
    theirs = transformers.CLIPTextModel(settings).double().eval()
    ours = twin("text", theirs, config)
    for length in (1, 9, config.text.max_length):
        ids = torch.randint(0, config.text.vocab_size, (3, length))
        expected = theirs(ids, output_hidden_states=True)
        close(ours(ids), expected.last_hidden_state)
        for state, wanted in zip(ours.hidden_states(ids), expected.hidden_states, strict=True):
            close(state, wanted)


@torch.inference_mode()
def test_what_states_are_made_of() -> None:
    """Attention rollout of the weights of attention that transformers tells of."""
    settings = transformers.CLIPTextConfig(**to_files(TINY)["text_encoder"], attn_implementation="eager")
    theirs = transformers.CLIPTextModel(settings).double().eval()
    ours = twin("text", theirs, TINY)
    ids = torch.randint(0, TINY.text.vocab_size, (3, 77))
    layers = [weights.mean(dim=1) for weights in theirs(ids, output_attentions=True).attentions]
    for clip_skip in (1, 2):
        expected = torch.eye(77, dtype=torch.float64).expand(3, -1, -1)
        for weights in layers[: len(layers) + 1 - clip_skip]:
            expected = 0.5 * (weights + torch.eye(77)) @ expected
        torch.testing.assert_close(
            ours.rollout(ids, clip_skip=clip_skip).double(), expected, atol=1e-5, rtol=0
        )


@torch.inference_mode()
def test_layers_of_the_text_encoder() -> None:
    """The states of a layer before the last are those of transformers, under the same norm."""
    settings = transformers.CLIPTextConfig(**to_files(TINY)["text_encoder"])
    theirs = transformers.CLIPTextModel(settings).double().eval()
    ours = twin("text", theirs, TINY)
    ids = torch.randint(0, TINY.text.vocab_size, (3, 77))
    states = theirs(ids, output_hidden_states=True).hidden_states
    norm = getattr(
        theirs, "text_model", theirs
    ).final_layer_norm  # since transformers 5 there is no text_model
    for clip_skip in range(1, clip_text(TINY.text).layers + 1):
        close(ours(ids, clip_skip=clip_skip), norm(states[-clip_skip]))
