"""Whole pipelines over one file of random weights: ours, diffusers', stable-diffusion.cpp's."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from sdjp import Pipeline
from sdjp.config import ModelConfig, to_json
from sdjp.errors import MissingDependencyError
from sdjp.models import VAE, UNet, make_text_encoder
from sdjp.weights import to_layout
from sdjp.weights.files.writer import Unwritten, write_safetensors

PROMPT = "an astronaut riding a horse"
Draw = Callable[[int], object]
"""Draws one picture in so many steps."""


def random_file(config: ModelConfig, path: Path, dtype: torch.dtype) -> Path:
    """Write a checkpoint with random weights and the original names."""
    torch.manual_seed(0)
    tensors = to_layout(
        "ldm",
        config,
        unet=UNet.from_config(config.unet),
        vae=VAE.from_config(config.vae),
        text=make_text_encoder(config.text),
    )
    entries = [Unwritten(name, dtype, tuple(tensor.shape), tensor.detach) for name, tensor in tensors.items()]
    write_safetensors(path, entries, {"format": "pt", "sdjp.config": json.dumps(to_json(config))})
    return path


def load(file: str | Path, *, engine: str | None, dtype: torch.dtype, device: str = "cpu") -> Pipeline:
    """Our pipeline without what comes after the picture, which no peer does."""
    settings: dict[str, Any] = {} if engine is None else {"engine": engine}
    return Pipeline.from_pretrained(
        file, device=device, dtype=dtype, safety="off", watermark=False, prompt_check="off", **settings
    )


def ours(pipe: Pipeline, **settings: Any) -> Draw:
    """PLMS, unless ``settings`` say otherwise."""
    given = {"sampler": "plms", "guidance_scale": 7.5, **settings}
    return lambda steps: pipe.generate(
        PROMPT, seed=1, translate="never", progress=False, num_inference_steps=steps, **given
    )


def fast(pipe: Pipeline) -> Callable[[], object] | None:
    """The lossy preset, at the steps of its own; None where there is none."""
    if "preset" not in inspect.signature(Pipeline.generate).parameters:
        return None
    preset: dict[str, Any] = {"preset": "fast"}
    return lambda: pipe.generate(PROMPT, seed=1, translate="never", progress=False, **preset)


def theirs(pipe: Pipeline, *, channels_last: bool = True, compiled: str | None = None) -> Draw:
    """Diffusers with the weights of ``pipe``, which it shares.

    Args:
        pipe: Ours; with channels last, diffusers copies the weights of its convolutions.
        channels_last: Lay them out so.
        compiled: A mode of ``torch.compile``; None for none.
    """
    other = pipe.to_diffusers(sampler="plms")
    other.set_progress_bar_config(disable=True)
    if channels_last:
        other.unet.to(memory_format=torch.channels_last)
        other.vae.to(memory_format=torch.channels_last)
    if compiled is not None:
        other.unet = torch.compile(other.unet, mode=compiled)
        other.vae.decode = torch.compile(other.vae.decode, mode=compiled)
    size = {"height": pipe.config.defaults.height, "width": pipe.config.defaults.width}

    def draw(steps: int) -> object:
        seeded = torch.Generator("cpu").manual_seed(1)
        return other(PROMPT, num_inference_steps=steps, guidance_scale=7.5, generator=seeded, **size)

    return draw


def cpp(file: Path, *, side: int, threads: int) -> Draw:
    """stable-diffusion.cpp (ggml), with Euler steps: it has no PLMS. One UNet call a step, as PLMS has.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    if find_spec("stable_diffusion_cpp") is None:
        raise MissingDependencyError(
            "bench.cpp",
            ja="stable-diffusion-cpp-python は未インストール",
            en="stable-diffusion-cpp-python is not installed",
        )
    from stable_diffusion_cpp import StableDiffusion

    model = StableDiffusion(model_path=str(file), n_threads=threads, verbose=False)
    return lambda steps: model.generate_image(
        prompt=PROMPT,
        width=side,
        height=side,
        sample_steps=steps,
        sample_method="euler",
        cfg_scale=7.5,
        seed=1,
    )
