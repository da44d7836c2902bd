"""The networks against the original code's numbers (goldens in tests/golden; float32).

Tolerance 2e-5: the original itself differs from its float64 run by 1e-6 to 1e-5.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sdjp.config import CLIPTextConfig, ModelConfig, UNetConfig, VAEConfig
from sdjp.models import VAE, CLIPText, Gaussian, UNet
from sdjp.models.unet import timestep_embedding
from sdjp.weights.maps.ldm import TEXT
from sdjp.weights.maps.ldm import UNET as UNET_PREFIX
from sdjp.weights.maps.ldm import VAE as VAE_PREFIX
from tests.golden_models import Golden, fill

ATOL = 2e-5
UNET = Golden("tiny_unet")
VAE_GOLDEN = Golden("tiny_vae")
CLIP = Golden("tiny_clip")


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=ATOL)


def unet_config() -> UNetConfig:
    c = UNET.meta["config"]
    return UNetConfig(
        in_channels=c["in_channels"],
        out_channels=c["out_channels"],
        model_channels=c["model_channels"],
        channel_mult=tuple(c["channel_mult"]),
        num_res_blocks=c["num_res_blocks"],
        attention=tuple(2**i in c["attention_resolutions"] for i in range(len(c["channel_mult"]))),
        num_heads=c["num_heads"],
        context_dim=c["context_dim"],
    )


@pytest.fixture(scope="module")
def unet() -> UNet:
    config = ModelConfig(unet=unet_config())
    model = UNet.from_config(config.unet)
    fill(model, "unet", config, UNET_PREFIX, UNET.weights())
    return model


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
    c = UNET.meta["unet64"]["config"] if "unet64" in UNET.meta else UNET.meta["unet64_config"]
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
    fill(model, "unet", config, UNET_PREFIX, UNET.weights("unet64/"))
    close(model(UNET["unet64/x"], UNET["unet64/t"], UNET["unet64/context"]), UNET["unet64/out"])


@pytest.mark.parametrize("dim", [32, 33, 320])
def test_timestep_embedding(dim: int) -> None:
    close(timestep_embedding(UNET["temb/t"].float(), dim), UNET[f"temb/dim{dim}"])


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
    latent = vae.encode(VAE_GOLDEN[f"{case}/enc_in"])
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
    model = CLIPText.from_config(config.text)
    weights = {k.removeprefix("text_model."): v for k, v in CLIP.weights().items()}
    fill(model, "text", config, TEXT, weights)
    close(model(CLIP["ids"]), CLIP["last_hidden_state"])
    close(torch.stack(model.hidden_states(CLIP["ids"])), CLIP["hidden_states"])
    close(model(CLIP["short_ids"]), CLIP["short_last_hidden_state"])


def test_presets_have_the_published_number_of_parameters() -> None:
    from sdjp.config import SD_V1

    with torch.device("meta"):
        models = (UNet.from_config(SD_V1.unet), VAE.from_config(SD_V1.vae), CLIPText.from_config(SD_V1.text))
    assert [sum(p.numel() for p in m.parameters()) for m in models] == [859_520_964, 83_653_863, 123_060_480]


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
def test_the_mini_topology_runs() -> None:
    from sdjp.config import MINI

    config = dataclasses.replace(MINI.unet, model_channels=24, num_heads=3, norm_groups=4)
    out = UNet.from_config(config)(torch.randn(1, 8, 16, 16), torch.tensor([5]), torch.randn(1, 77, 192))
    assert out.shape == (1, 8, 16, 16)
