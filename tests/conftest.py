"""Fixtures that several folders share: small real models with random weights, and the embedded one."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from sdjp import errors
from sdjp.config import TINY, ModelConfig
from sdjp.models import VAE, UNet, make_text_encoder
from sdjp.pipeline import Pipeline
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights import Loaded, LoadReport

# Nothing is timed: machines that share their cores take as long as they take. In CI the same examples are
# drawn each time; elsewhere new ones, and what failed once is tried again.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# Whoever runs the tests may have words of their own: the command line is to find none but those of a test.
os.environ["SDJP_WORDS"] = str(Path(__file__).with_name("no words.tsv"))

# Pictures of 64 pixels, so that a run of a few steps takes a fraction of a second.
SMALL = dataclasses.replace(
    TINY, defaults=dataclasses.replace(TINY.defaults, num_inference_steps=3, sampler="ddim")
)


def uncounted() -> dict[str, str]:
    """The environment of a process whose lines are not counted: it is timed, or runs tests of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def random_models(config: ModelConfig, seed: int = 0) -> Loaded:
    """The three networks of ``config`` with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet, vae, text = (
            UNet.from_config(config.unet),
            VAE.from_config(config.vae),
            make_text_encoder(config.text),
        )
    for module in (unet, vae, text):
        module.eval().requires_grad_(False)
    report = LoadReport(source="random", layout="ldm", ema_used=False, dtype=torch.float32)
    return Loaded(unet=unet, vae=vae, text=text, config=config, report=report)


@pytest.fixture(scope="session")
def tiny() -> Pipeline:
    """A whole pipeline with random weights and no post-processors; do not change it."""
    return Pipeline(
        random_models(SMALL), tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon")
    )


@pytest.fixture(scope="session")
def mini() -> Pipeline:
    """The embedded model, without watermark, in float32; do not change it."""
    return Pipeline.from_pretrained(dtype="float32", watermark=False, safety="off")


@pytest.fixture(autouse=True)
def _japanese() -> object:
    """Every test starts with messages in Japanese, whatever the one before did."""
    errors.set_language("ja")
    return None
