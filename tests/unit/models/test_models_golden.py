"""The networks against the original code's numbers (goldens in tests/golden; float32).

Tolerance 2e-5: the original itself differs from its float64 run by 1e-6 to 1e-5.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from sdjp.config import MINI, SD_V1, CLIPTextConfig, ModelConfig, UNetConfig, VAEConfig
from sdjp.models import VAE, CLIPText, Gaussian, UNet, make_text_encoder
from sdjp.models.unet import timestep_embedding
from sdjp.weights.names.maps.ldm import TEXT
from sdjp.weights.names.maps.ldm import UNET as UNET_PREFIX
from sdjp.weights.names.maps.ldm import VAE as VAE_PREFIX
from sdjp.weights.networks import Networks, on_meta
from tests.golden_models import Golden, fill
from tests.narrow import clip_text

ATOL = 2e-5
UNET = Golden("tiny_unet")
VAE_GOLDEN = Golden("tiny_vae")
CLIP = Golden("tiny_clip")


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=ATOL)


def golden_unet(c: dict[str, Any], prefix: str = "") -> UNet:
    """The UNet that a CompVis config describes, with its golden weights."""
    config = ModelConfig(
        unet=UNetConfig(
            in_channels=c["in_channels"],
            out_channels=c["out_channels"],
            model_channels=c["model_channels"],
            channel_mult=tuple(c["channel_mult"]),
            num_res_blocks=c["num_res_blocks"],
            attention=tuple(2**i in c["attention_resolutions"] for i in range(len(c["channel_mult"]))),
            num_heads=c["num_heads"],
            context_dim=c["context_dim"],
        )
    )
    model = UNet.from_config(config.unet)
    fill(model, "unet", config, UNET_PREFIX, UNET.weights(prefix))
    return model


@pytest.fixture(scope="module")
def unet() -> UNet:
    return golden_unet(UNET.meta["config"])


@pytest.mark.parametrize("case", ["a", "b", "c_float_t", "d_equal_items"])
@torch.inference_mode()
def test_unet(unet: UNet, case: str) -> None:
    out = unet(UNET[f"{case}/x"], UNET[f"{case}/t"], UNET[f"{case}/context"])
    close(out, UNET[f"{case}/out"])


@torch.inference_mode()
def test_every_block_of_the_unet(unet: UNet) -> None:
    seen: dict[str, torch.Tensor] = {}

    def watch(name: str, module: torch.nn.Module) -> None:
        module.register_forward_hook(lambda _m, _i, out: seen.__setitem__(name, out))

    watch("time_embed", unet.time_embedding)
    watch("input_blocks.0", unet.conv_in)
    for n, row in enumerate(unet.down):
        watch(f"input_blocks.{n + 1}", row)
    watch("middle_block", unet.mid_out)
    for n, row in enumerate(unet.up):
        watch(f"output_blocks.{n}", row)
    unet(UNET["a/x"], UNET["a/t"], UNET["a/context"])
    probes = [k for k in UNET.data.files if k.startswith("probe_a/")]
    assert len(probes) == len(seen) == 26
    for probe in probes:
        name = probe.removeprefix("probe_a/")
        expected = UNET[probe]
        close(seen[name][:, : expected.shape[1]], expected)


@torch.inference_mode()
def test_unet_with_more_channels_than_groups() -> None:
    model = golden_unet(UNET.meta["unet64"]["config"], "unet64/")
    close(model(UNET["unet64/x"], UNET["unet64/t"], UNET["unet64/context"]), UNET["unet64/out"])


@pytest.mark.parametrize("dim", [32, 33, 320])
def test_timestep_embedding(dim: int) -> None:
    # Of a timestep near 1000, the last bit of a float32 frequency is 6e-5 of the angle; exp differs by that
    # between processors.
    torch.testing.assert_close(
        timestep_embedding(UNET["temb/t"], dim), UNET[f"temb/dim{dim}"], rtol=0, atol=6e-5
    )


def test_whole_timesteps_are_embedded_as_fractional_ones() -> None:
    close(timestep_embedding(torch.tensor([981]), 320), UNET["temb/dim320_int64_t981"])


@pytest.fixture(scope="module")
def vae() -> VAE:
    dd = VAE_GOLDEN.meta["config"]["ddconfig"]
    config = ModelConfig(
        vae=VAEConfig(
            latent_channels=VAE_GOLDEN.meta["config"]["embed_dim"],
            ch=dd["ch"],
            ch_mult=tuple(dd["ch_mult"]),
            num_res_blocks=dd["num_res_blocks"],
        )
    )
    model = VAE.from_config(config.vae)
    fill(model, "vae", config, VAE_PREFIX, VAE_GOLDEN.weights())
    return model


@pytest.mark.parametrize("case", ["a", "b"])
@torch.inference_mode()
def test_autoencoder(vae: VAE, case: str) -> None:
    picture = VAE_GOLDEN[f"{case}/enc_in"]
    close(vae.quant_conv(vae.encoder(picture)), VAE_GOLDEN[f"{case}/moments"])
    latent = vae.encode(picture)
    close(latent.mean, VAE_GOLDEN[f"{case}/mean"])
    close(latent.logvar, VAE_GOLDEN[f"{case}/logvar"])
    close(latent.std, VAE_GOLDEN[f"{case}/std"])
    close(latent.sample(VAE_GOLDEN[f"{case}/noise"]), VAE_GOLDEN[f"{case}/sample"])
    # A sum over hundreds of terms: relative to its size.
    torch.testing.assert_close(latent.kl(), VAE_GOLDEN[f"{case}/kl"], rtol=1e-5, atol=1e-3)
    close(vae.decode(VAE_GOLDEN[f"{case}/dec_in"]), VAE_GOLDEN[f"{case}/dec_out"])


def test_the_log_variance_is_clamped() -> None:
    gaussian = Gaussian.from_moments(VAE_GOLDEN["clamp/params"])
    for name in ("mean", "logvar", "std"):
        torch.testing.assert_close(getattr(gaussian, name), VAE_GOLDEN[f"clamp/{name}"], rtol=1e-6, atol=0)


@torch.inference_mode()
def test_text_encoder() -> None:
    c = CLIP.meta["config"]
    config = ModelConfig(
        text=CLIPTextConfig(
            vocab_size=c["vocab_size"],
            width=c["hidden_size"],
            layers=c["num_hidden_layers"],
            heads=c["num_attention_heads"],
            mlp_width=c["intermediate_size"],
            max_length=c["max_position_embeddings"],
            activation=c["hidden_act"],
        )
    )
    model = CLIPText.from_config(clip_text(config.text))
    weights = {k.removeprefix("text_model."): v for k, v in CLIP.weights().items()}
    fill(model, "text", config, TEXT, weights)
    close(model(CLIP["ids"]), CLIP["last_hidden_state"])
    close(torch.stack(model.hidden_states(CLIP["ids"])), CLIP["hidden_states"])
    close(model(CLIP["short_ids"]), CLIP["short_last_hidden_state"])


def test_presets_have_the_published_number_of_parameters() -> None:
    networks = on_meta(SD_V1)
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert counts == [859_520_964, 83_653_863, 123_060_480]


@torch.inference_mode()
def test_odd_sizes_pass_and_pictures_of_a_batch_do_not_touch_each_other(unet: UNet) -> None:
    g = torch.Generator().manual_seed(0)
    x, context = torch.randn(2, 4, 9, 13, generator=g), torch.randn(2, 7, 64, generator=g)
    t = torch.tensor([10, 700])
    together = unet(x, t, context)
    assert together.shape == x.shape
    for i in range(2):  # another batch size may sum in another order
        close(unet(x[i : i + 1], t[i : i + 1], context[i : i + 1])[0], together[i])


@torch.inference_mode()
def test_bfloat16_stays_close(unet: UNet, vae: VAE) -> None:
    # A mantissa of eight bits through some sixty layers: one to two percent of outputs whose std is 0.45.
    x, t, context = (UNET[f"c_float_t/{name}"] for name in ("x", "t", "context"))
    out = copy.deepcopy(unet).bfloat16()(x.bfloat16(), t, context.bfloat16())
    assert out.dtype == torch.bfloat16
    assert (out.float() - UNET["c_float_t/out"]).std() < 0.02
    z = VAE_GOLDEN["b/dec_in"][..., :4]
    assert (copy.deepcopy(vae).bfloat16().decode(z.bfloat16()).float() - vae.decode(z)).std() < 0.02


@torch.inference_mode()
def test_every_network_of_the_mini_runs() -> None:
    networks = Networks(UNet.from_config(MINI.unet), VAE.from_config(MINI.vae), make_text_encoder(MINI.text))
    states = networks.text(torch.randint(0, MINI.text.vocab_size, (1, 77)))
    latents = networks.vae.encode(torch.randn(1, 3, 128, 64).tanh()).mean
    assert latents.shape == (1, 8, 8, 4)
    out = networks.unet(latents, torch.tensor([5.5]), states)
    assert networks.vae.decode(out).shape == (1, 3, 128, 64)
