"""ControlNet beside diffusers: the network itself, and its pipelines over whole runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp import Control, Pipeline
from sdjp.config import TINY, to_json
from sdjp.weights import convert, to_layout
from sdjp.weights.parts.controlnet import open_controlnet
from tests.conftest import random_models
from tests.controlnet_files import map_picture, random_controlnet, tensors_of, write_folder, write_original

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PROMPT, NEGATIVE = "an astronaut riding a horse", "a red car"
COMMON: dict[str, Any] = {"negative_prompt": NEGATIVE, "num_inference_steps": 5, "guidance_scale": 4.0}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model and two ControlNets, random, as diffusers writes them."""
    folder = tmp_path_factory.mktemp("controlnet")
    model = random_models(TINY)
    tensors = to_layout("ldm", TINY, unet=model.unet, vae=model.vae, text=model.text)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(to_json(TINY)), encoding="utf-8")
    convert(folder, folder / "model")
    for seed, name in ((1, "canny"), (2, "depth")):
        write_folder(folder / "nets" / name, seed)
    return folder


def theirs(folder: Path, name: str) -> Any:
    return diffusers.ControlNetModel.from_pretrained(folder / "nets" / name, local_files_only=True)


def test_the_network(folder: Path) -> None:
    """The same residuals, from diffusers' names and from the original's."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=generator)
    context = torch.randn(2, 7, 32, generator=generator)
    hint = torch.rand(2, 3, 64, 64, generator=generator)
    t = torch.tensor([7, 801])
    with torch.no_grad():
        down, middle = theirs(folder, "canny")(x, t, context, hint, return_dict=False)
        original = write_original(folder / "original.safetensors", 1)
        for path in (folder / "nets" / "canny" / "diffusion_pytorch_model.safetensors", original):
            own = open_controlnet(path, TINY).load(dtype=torch.float32, device=CPU)
            residuals = own(x, t, context, own.hint(hint))
            assert len(residuals) == len(down) + 1
            for actual, expected in zip(residuals, (*down, middle), strict=True):
                torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_the_names_are_those_that_diffusers_writes(folder: Path) -> None:
    own = tensors_of(random_controlnet(1), "diffusers")
    assert own.keys() == theirs(folder, "canny").state_dict().keys()


@pytest.mark.parametrize(
    ("kind", "names", "engine"),
    [
        ("", ("canny",), "eager"),
        ("", ("canny", "depth"), "packed"),
        ("Img2Img", ("canny",), "packed"),
        ("Img2Img", ("canny", "depth"), "eager"),
    ],
)
def test_a_run(folder: Path, kind: str, names: tuple[str, ...], engine: str) -> None:
    """The same latents and the same picture; a control that were left out would change both."""
    mine = Pipeline.from_pretrained(
        folder / "model", dtype="float32", engine=engine, watermark=False, safety="off",
        controlnet_dir=folder / "nets",
    )  # fmt: skip
    nets = [theirs(folder, name) for name in names]
    other = getattr(diffusers, f"StableDiffusionControlNet{kind}Pipeline").from_pretrained(
        folder / "model", controlnet=nets if len(nets) > 1 else nets[0], local_files_only=True
    )
    other.set_progress_bar_config(disable=True)
    weights, starts, ends = (0.7, 1.0), (0.2, 0.0), (0.8, 1.0)
    maps = [map_picture(seed) for seed in range(len(names))]
    controls = [
        Control(name, image=picture, weight=weight, start=start, end=end)
        for name, picture, weight, start, end in zip(names, maps, weights, starts, ends, strict=False)
    ]
    pictures: dict[str, Any] = {"image": map_picture(9), "strength": 0.8} if kind else {}
    ours = mine.generate(PROMPT, sampler="ddim", seed=11, **COMMON, **pictures, controls=controls)
    assert ours.latents is not None

    def one_or_all(values: tuple[float, ...]) -> Any:
        return list(values[: len(names)]) if len(names) > 1 else values[0]

    given = maps if len(names) > 1 else maps[0]
    latents = other(
        PROMPT,
        **COMMON,
        **({**pictures, "control_image": given} if kind else {"image": given}),
        generator=torch.Generator().manual_seed(11),
        output_type="latent",
        controlnet_conditioning_scale=one_or_all(weights),
        control_guidance_start=one_or_all(starts),
        control_guidance_end=one_or_all(ends),
    ).images
    close(ours.latents, latents)
    with torch.no_grad():
        decoded = other.vae.decode(latents / other.vae.config.scaling_factor).sample
    expected = other.image_processor.postprocess(decoded, output_type="np")[0]
    actual = np.asarray(ours.image) / 255
    assert np.abs(actual - expected).max() < 1.01 / 255  # ours are truncated to bytes, as the original's
    plain = mine.generate(PROMPT, sampler="ddim", seed=11, **COMMON, **pictures).latents
    assert plain is not None
    assert (plain - ours.latents).abs().max() > 0.01 * ours.latents.abs().max()


def close(actual: Tensor, expected: Tensor) -> None:
    # float32 in another order over up to five guided steps; seen: 1.2e-6 of the largest value.
    torch.testing.assert_close(actual, expected, rtol=0, atol=2e-5 * float(expected.abs().max()))
