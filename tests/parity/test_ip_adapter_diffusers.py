"""IP-Adapter beside diffusers' ``load_ip_adapter``, on the same files with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import Pipeline
from sdjp.images import clip_pixels
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights.diffusers.modules import to_modules, to_pipeline, to_scheduler
from tests import ip_adapter_files as files
from tests.conftest import SMALL, random_models
from tests.narrow import latents
from tests.stand_in import save_stand_in

transformers = pytest.importorskip("transformers")
pytest.importorskip("diffusers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ip")
    save_stand_in(folder / "model.ckpt")
    files.save_encoder(folder / "image_encoder")
    for kind in files.KINDS:
        files.write_adapter(folder / f"{kind}.safetensors", files.adapter_tensors(kind))
    files.write_adapter(folder / "linear.bin", files.adapter_tensors("linear"))
    return folder


def theirs(folder: Path, name: str) -> Any:
    model = random_models(SMALL)
    pipe: Any = to_pipeline(
        SMALL,
        to_modules(SMALL, unet=model.unet, vae=model.vae, text=model.text),
        tokenizer=ClipTokenizer.from_assets(),
        tokens={},
        scheduler=to_scheduler(SMALL, "ddim"),
        checker=None,
    )
    pipe.set_progress_bar_config(disable=True)
    pipe.load_ip_adapter(str(folder), subfolder="", weight_name=name)
    pipe.set_ip_adapter_scale(0.6)
    return pipe


def ours(folder: Path, name: str) -> Pipeline:
    return Pipeline.from_pretrained(
        folder / "model.ckpt",
        ip_adapter=folder / name,
        dtype="float32",
        translator="passthrough",
        safety="off",
        watermark=False,
    )


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("linear.safetensors", 1),
        ("linear.bin", 2),
        ("resampler.safetensors", 1),
        ("resampler.safetensors", 2),
        ("states.safetensors", 1),
    ],
)
def test_the_picture_is_that_of_diffusers(folder: Path, name: str, count: int) -> None:
    # In squares nothing is cut off or resized but by Pillow, which both have.
    pictures = [files.picture(seed, (64, 64)) for seed in range(count)]
    pipe, reference = ours(folder, name), theirs(folder, name)
    for scale in (7.5, 1.0):
        given: dict[str, Any] = {"num_inference_steps": STEPS, "guidance_scale": scale}
        result = pipe.generate("a red car", image_prompt=pictures, sampler="ddim", seed=1, **given)
        start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(1))
        expected = reference(
            "a red car", ip_adapter_image=[pictures], latents=start, output_type="latent", **given
        ).images
        # float32, summed in another order in every layer and step.
        torch.testing.assert_close(latents(result), expected, rtol=0, atol=1e-3 * float(expected.abs().max()))
        drawn = reference("a red car", ip_adapter_image=[pictures], latents=start, **given).images[0]
        difference = np.abs(np.asarray(result.image).astype(int) - np.asarray(drawn).astype(int))
        assert difference.max() <= 1
        plain = pipe.generate("a red car", sampler="ddim", seed=1, **given)
        assert not torch.allclose(latents(plain), expected, atol=1e-2 * float(expected.abs().max()))


@torch.inference_mode()
@pytest.mark.parametrize("kind", files.KINDS)
def test_the_tokens_are_those_of_diffusers(folder: Path, kind: str) -> None:
    pictures = [files.picture(seed, (64, 64)) for seed in range(2)]
    pipe = theirs(folder, f"{kind}.safetensors")
    [embeds] = pipe.prepare_ip_adapter_image_embeds([pictures], None, "cpu", 1, True)
    [expected] = pipe.unet.encoder_hid_proj([embeds])  # (2, pictures, N, C)
    prompter = ours(folder, f"{kind}.safetensors").image_prompter
    assert prompter is not None
    found = prompter.tokens(pictures)
    for tokens, row in ((found.uncond, expected[0]), (found.cond, expected[1])):
        torch.testing.assert_close(tokens[0], row.flatten(0, 1), rtol=0, atol=1e-4)
    assert not torch.allclose(found.uncond, found.cond, atol=0.1)


@pytest.mark.parametrize("size", [(224, 224), (301, 224), (224, 301), (97, 400), (53, 40), (640, 481)])
def test_pixels_are_those_of_transformers(size: tuple[int, int]) -> None:
    picture = files.picture(1, size).convert("RGB")
    processor = transformers.CLIPImageProcessor()
    expected = np.asarray(processor(picture, return_tensors="np").pixel_values[0])
    found = clip_pixels(picture, 224, late=True)
    # One of 255 steps, where its resizing rounds in another way than Pillow.
    assert np.abs(found - expected).max() <= 1.01 / 255 / 0.26
    assert found.shape == expected.shape


def test_rows_of_a_batch_do_not_differ(folder: Path) -> None:
    """Several prompts and pictures each, as they are drawn alone."""
    pipe, image = ours(folder, "linear.safetensors"), files.picture(2)
    prompts = ["a red car", "a house"]
    together = pipe.generate(prompts, image_prompt=image, num_images_per_prompt=2, seed=3)
    alone = pipe.generate(prompts[1], image_prompt=image, seed=6)
    torch.testing.assert_close(latents(together)[3:], latents(alone), rtol=0, atol=1e-4)
    assert isinstance(together.image, Image.Image)
