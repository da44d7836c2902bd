"""An autoencoder of its own: every way it is published, what of it is refused, what is recorded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp import Pipeline
from sdjp.config import ModelConfig, VAEConfig, to_json
from sdjp.errors import WeightsError
from sdjp.images import read_metadata
from sdjp.weights import Loaded, OnDemand, load, to_layout
from sdjp.weights.configs.diffusers import to_files
from sdjp.weights.own_vae import hub_files
from tests.conftest import random_models

Tensors = dict[str, Tensor]
FIRST = "first_stage_model."


def others(config: ModelConfig, **changes: Any) -> Loaded:
    """Another model, whose autoencoder is to be taken."""
    return random_models(dataclasses.replace(config, vae=dataclasses.replace(config.vae, **changes)), seed=7)


def named(layout: Literal["ldm", "diffusers"], model: Loaded) -> Tensors:
    """The tensors of its autoencoder, as they are published alone."""
    tensors = to_layout(layout, model.config, unet=model.unet, vae=model.vae, text=model.text)
    prefix = {"ldm": FIRST, "diffusers": "vae/"}[layout]
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def old_attention(tensors: Tensors) -> Tensors:
    """The names of diffusers before 0.18."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, tensor in tensors.items():
        for new, was in old.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{was}.")
        renamed[name] = tensor
    return renamed


def diffusers_folder(folder: Path, model: Loaded, **settings: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(named("diffusers", model), folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text(json.dumps({**to_files(model.config)["vae"], **settings}))
    return folder


@pytest.fixture
def checkpoint(original: Tensors, folder: Path) -> Path:
    path = folder / "model.ckpt"
    torch.save({"state_dict": original}, path)
    return path


@pytest.fixture
def other(small_config: ModelConfig) -> Loaded:
    return others(small_config)


def pickled(path: Path, tensors: Tensors) -> Path:
    torch.save({"state_dict": {**tensors, "loss.logvar": torch.zeros(())}}, path)
    return path


def saved(path: Path, tensors: Tensors) -> Path:
    save_file({name: t.contiguous() for name, t in tensors.items()}, path)
    return path


def prefixed(tensors: Tensors) -> Tensors:
    return {FIRST + name: tensor for name, tensor in tensors.items()}


FORMS: dict[str, Callable[[Path, Loaded], Path]] = {
    "ckpt of the original": lambda to, m: pickled(to / "a.ckpt", named("ldm", m)),
    "pt with the prefix": lambda to, m: pickled(to / "a.pt", prefixed(named("ldm", m))),
    "safetensors": lambda to, m: saved(to / "a.safetensors", named("ldm", m)),
    "names of diffusers": lambda to, m: saved(to / "a.safetensors", named("diffusers", m)),
    "old names of diffusers": lambda to, m: saved(to / "a.safetensors", old_attention(named("diffusers", m))),
    "folder": lambda to, m: diffusers_folder(to / "ae", m),
    "folder of a pipeline": lambda to, m: diffusers_folder(to / "pipe" / "vae", m).parent,
    "a whole model": lambda to, m: saved(
        to / "whole.safetensors", to_layout("ldm", m.config, unet=m.unet, vae=m.vae, text=m.text)
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("on_demand", [False, True])
def test_every_form_is_read(
    form: str, on_demand: bool, checkpoint: Path, folder: Path, other: Loaded, small: Loaded
) -> None:
    path = FORMS[form](folder, other)
    loaded = load(checkpoint, vae=path, on_demand=OnDemand() if on_demand else None)
    with loaded.on_demand.loaded("vae", "unet"):
        state = {name: tensor.clone() for name, tensor in loaded.vae.state_dict().items()}
        assert torch.equal(loaded.unet.conv_in.weight, small.unet.conv_in.weight)
    wanted = other.vae.state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)
    assert loaded.config.vae == other.config.vae
    assert loaded.vae.scaling_factor == 0.18215
    assert loaded.report.vae == str(path)
    assert loaded.report.files[0] == checkpoint
    assert len(loaded.report.files) == 2
    expected = {"ckpt of the original": "loss", "pt with the prefix": "loss", "a whole model": "diffusion"}
    assert (expected.get(form) is None) == (loaded.report.ignored == ())
    assert expected.get(form, "") in str(loaded.report.ignored)


def test_the_scaling_factor_is_that_of_the_folder_else_that_of_the_model(
    small_config: ModelConfig, folder: Path
) -> None:
    config = dataclasses.replace(
        small_config, vae=dataclasses.replace(small_config.vae, scaling_factor=0.5, norm_groups=16)
    )
    model = random_models(config)
    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    metadata = {"sdjp.config": json.dumps(to_json(config))}
    path = folder / "model.safetensors"
    save_file({name: t.contiguous() for name, t in tensors.items()}, path, metadata)
    other = others(small_config)
    alone = load(path, vae=saved(folder / "vae.safetensors", named("ldm", other)))
    assert (alone.vae.scaling_factor, alone.config.vae.norm_groups) == (0.5, 16)
    theirs = load(path, vae=diffusers_folder(folder / "ae", other, scaling_factor=0.13025))
    assert (theirs.vae.scaling_factor, theirs.config.vae.norm_groups) == (0.13025, 32)
    assert theirs.config.vae.scaling_factor == 0.13025


def test_other_widths_are_read(checkpoint: Path, folder: Path, small_config: ModelConfig) -> None:
    wide = others(small_config, ch=64, num_res_blocks=2)
    loaded = load(checkpoint, vae=saved(folder / "a.safetensors", named("ldm", wide)))
    assert loaded.config.vae == VAEConfig(ch=64, ch_mult=(1, 2), num_res_blocks=2)


def refused(checkpoint: Path, vae: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load(checkpoint, vae=vae)
    assert str(vae) in caught.value.ja
    assert str(vae) in caught.value.en
    return caught.value


def test_other_latents_are_refused_with_all_that_differs(
    checkpoint: Path, folder: Path, small_config: ModelConfig
) -> None:
    strange = others(small_config, latent_channels=16, ch_mult=(1, 2, 2), in_channels=1)
    for name, path in (
        ("file", saved(folder / "a.safetensors", named("ldm", strange))),
        ("folder", diffusers_folder(folder / "ae", strange)),
    ):
        error = refused(checkpoint, path) if name == "file" else _of_folder(checkpoint, path)
        assert error.code == "vae.fit"
        for said in ("16（モデルは 4）", "4（モデルは 2）", "1（モデルは 3）", "4 チャンネル"):
            assert said in error.ja
        for said in ("16 (the model needs 4)", "4 (the model needs 2)", "1 (the model needs 3)"):
            assert said in error.en


def _of_folder(checkpoint: Path, folder: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load(checkpoint, vae=folder)
    return caught.value


def test_missing_unknown_and_misshapen_tensors_are_all_told(
    checkpoint: Path, folder: Path, other: Loaded
) -> None:
    tensors = named("ldm", other)
    del tensors["decoder.conv_out.bias"]
    tensors["decoder.more.weight"] = torch.zeros(2)
    tensors["encoder.norm_out.weight"] = torch.zeros(3)
    error = refused(checkpoint, saved(folder / "a.safetensors", tensors))
    assert error.code == "vae.fit"
    for name in ("decoder.conv_out.bias", "decoder.more.weight", "encoder.norm_out.weight 3 → 64"):
        assert name in error.ja
        assert name in error.en


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"_class_name": "AutoencoderTiny"}, "AutoencoderTiny"),
        ({"use_quant_conv": False}, "use_quant_conv"),
        ({"shift_factor": 0.1}, "shift_factor"),
        ({"layers_per_block": 5000}, "5000"),
        ({"block_out_channels": []}, "block_out_channels"),
    ],
)
def test_settings_of_other_networks_are_refused(
    checkpoint: Path, folder: Path, other: Loaded, settings: dict[str, Any], said: str
) -> None:
    error = _of_folder(checkpoint, diffusers_folder(folder / "ae", other, **settings))
    assert error.code == "vae.kind"
    assert said in error.ja
    assert said in error.en


def test_what_is_no_autoencoder_is_refused(checkpoint: Path, folder: Path) -> None:
    error = refused(checkpoint, saved(folder / "taesd.safetensors", {"1.weight": torch.zeros(2)}))
    assert error.code == "vae.kind"
    assert "encoder.conv_in.weight" in error.en
    (folder / "empty").mkdir()
    assert refused(checkpoint, folder / "empty").code == "vae.folder"
    assert refused(checkpoint, folder / "missing.ckpt").code == "weights.missing"


def test_the_hub_is_asked_for_its_files() -> None:
    alone = ["README.md", "config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors"]
    assert hub_files(alone) == ["config.json", "diffusion_pytorch_model.safetensors"]
    assert hub_files(["model_index.json", "vae/config.json", "vae/diffusion_pytorch_model.bin"]) == [
        "vae/config.json",
        "vae/diffusion_pytorch_model.bin",
    ]
    assert hub_files(["README.md"]) == []


@pytest.mark.parametrize("memory", ["normal", "sequential", "low"])
def test_pictures_are_decoded_by_it_and_say_so(
    memory: str, checkpoint: Path, folder: Path, other: Loaded, tmp_path: Path
) -> None:
    path = pickled(folder / "vae-ft-mse.ckpt", named("ldm", other))
    settings: dict[str, Any] = {
        "safety": "off",
        "watermark": False,
        "dtype": "float32",
        "translator": "lexicon",
    }
    pipe = Pipeline.from_pretrained(checkpoint, vae=path, memory=memory, **settings)
    plain = Pipeline.from_pretrained(checkpoint, **settings)
    run: dict[str, Any] = {"num_inference_steps": 1, "height": 16, "width": 16, "seed": 1, "sampler": "ddim"}
    result = pipe.generate("a cat", **run)
    same = plain.generate("a cat", **run)
    assert result.latents is not None
    assert same.latents is not None
    torch.testing.assert_close(result.latents, same.latents, rtol=0, atol=1e-4)
    assert result.image.tobytes() != same.image.tobytes()
    assert pipe.runtime.vae == "vae-ft-mse.ckpt"
    assert plain.runtime.vae is None
    found = read_metadata(result.save(tmp_path)[0])
    assert found.sdjp is not None
    assert found.sdjp["runtime"]["vae"] == "vae-ft-mse.ckpt"
    assert ", VAE: vae-ft-mse.ckpt," in str(found.parameters)
    assert "VAE" not in str(read_metadata(same.save(tmp_path)[0]).parameters)
